"""The names of networks' classes."""

import runpy
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from neatfool import ExperimentError
from neatfool.files import read_names
from neatfool.wording import distinct_names

IMAGENET_CLASSES: Final = 1000


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Give torchvision's names of ImageNet's 1000 classes, all different."""
    return distinct_names(_categories())


def _categories() -> list[str]:
    """Read the names from torchvision's file if they are there: importing it takes a second."""
    with suppress(OSError, KeyError):
        package = find_spec("torchvision")
        assert package is not None, "a requirement"
        file = Path(package.origin or "").parent / "models" / "_meta.py"
        return list(runpy.run_path(str(file))["_IMAGENET_CATEGORIES"])
    from torchvision.models import ResNet18_Weights

    return list(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def labels_for(count: int, own: Sequence[str] | None) -> tuple[str, ...]:
    """Name classes: by their own names, ImageNet's, perhaps with the background, or numbers."""
    if own is not None and len(own) == count:
        return distinct_names(own)
    if count == IMAGENET_CLASSES:
        return imagenet_labels()
    if count == IMAGENET_CLASSES + 1:
        return ("background", *imagenet_labels())
    return tuple(str(number) for number in range(count))


def read_labels(path: Path, count: int) -> tuple[str, ...]:
    """Read the names of a network's classes, one on each line, in the order of its outputs."""
    try:
        names = read_names(path)
    except ValueError as error:
        raise ExperimentError(f"[target] class_names = {error}") from error
    if len(names) != count:
        raise ExperimentError(
            f"[target] class_names = {path}: holds {len(names)} names, but the network has {count} "
            "classes; write one name on each line, in the order of its outputs"
        )
    return distinct_names(names)
