"""The names of networks' classes."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from neatfool import ExperimentError
from neatfool.files import read_names
from neatfool.wording import distinct_names

IMAGENET_CLASSES: Final = 1000


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Give torchvision's names of ImageNet's 1000 classes, all different."""
    return distinct_names(read_names(Path(__file__).with_name("classes.txt")))


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
