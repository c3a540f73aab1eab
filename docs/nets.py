"""Target ``nets``: the networks of others that FoolBench's entries name, built for their weights.

The folder holds what the entries call ``weights``, each under the name of the repository that it
is from; `tiniest.py` is read from beside its weights.
"""

import sys
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import BaseModel, FilePath
from torch import nn

from neatfool import ImageSpec, ModuleTarget, hookimpl

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""The mean and the standard deviation that the authors of the ResNets took."""


class Options(BaseModel, extra="forbid"):
    """Which network, and its weights."""

    net: Literal["oe", "mnist_net", "resnet20", "resnet32", "resnet44", "resnet56", "tiniest"]
    weights: FilePath


class ConvNet(nn.Module):
    """The network of Outlier Exposure (Hendrycks, Mazeika and Dietterich, 2019) for MNIST."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.fc1, self.fc2 = nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give logits, [N, 10], of float32 [N, 1, 28, 28] from 0 to 1."""
        for convolution in (self.conv1, self.conv2):
            images = gelu(F.max_pool2d(convolution(images), 2))
        logits: torch.Tensor = self.fc2(gelu(self.fc1(images.flatten(1))))
        return logits


def gelu(values: torch.Tensor) -> torch.Tensor:
    """Compute the GELU as its authors approximate it with a sigmoid."""
    return values * torch.sigmoid(1.702 * values)


def small_network() -> nn.Module:
    """Build what Wong trained for MNIST with a provable bound, FGSM and PGD."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(1568, 100), nn.ReLU(), nn.Linear(100, 10)),
    )


class Block(nn.Module):
    """Two convolutions, and a shortcut without weights."""

    def __init__(self, taken: int, given: int) -> None:
        super().__init__()
        self.stride, self.more = given // taken, (given - taken) // 2
        self.conv1 = nn.Conv2d(taken, given, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(given)
        self.conv2 = nn.Conv2d(given, given, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(given)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give float32 [N, given, H / stride, W / stride]."""
        changed: torch.Tensor = self.bn2(self.conv2(self.bn1(self.conv1(images)).relu()))
        kept = images[:, :, :: self.stride, :: self.stride]
        return (changed + F.pad(kept, (0, 0, 0, 0, self.more, self.more))).relu()


class ResNet(nn.Module):
    """A network for CIFAR-10 of *Deep Residual Learning for Image Recognition* (2015)."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        blocks = (layers - 2) // 6
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(Block(taken, given), *(Block(given, given) for _ in range(blocks - 1)))
            for taken, given in ((16, 16), (16, 32), (32, 64))
        )
        self.linear = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give logits, [N, 10], of float32 [N, 3, 32, 32], normalised as for ImageNet."""
        images = self.layer1(self.bn1(self.conv1(images)).relu())
        logits: torch.Tensor = self.linear(self.layer3(self.layer2(images)).mean((2, 3)))
        return logits


def build(net: str, weights: Path) -> nn.Module:
    """Build a network without its weights."""
    if net == "tiniest":
        sys.path.insert(0, str(weights.parent))
        from tiniest import Tiniest

        module: nn.Module = Tiniest()
        return module
    if net.startswith("resnet"):
        return ResNet(int(net.removeprefix("resnet")))
    return {"oe": ConvNet, "mnist_net": small_network}[net]()


def make_target(options: Options) -> ModuleTarget:
    """Make a network with its authors' weights."""
    module, grey = build(options.net, options.weights), options.net in ("oe", "mnist_net")
    state = torch.load(options.weights, map_location="cpu", weights_only=True)
    while isinstance(state, list) or "state_dict" in state:
        state = state[0] if isinstance(state, list) else state["state_dict"]
    module.load_state_dict({key.removeprefix("module."): each for key, each in state.items()})
    mean, std = (None, None) if grey else IMAGENET
    if options.net == "tiniest":
        mean, std = (0.5, 0.5, 0.5), None
    spec = ImageSpec(28, 28, 1, [*"0123456789"]) if grey else ImageSpec(32, 32, 3, CIFAR)
    return ModuleTarget(module.eval(), spec, mean=mean, std=std, outputs="logits")


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("nets", make_target, options=Options)
