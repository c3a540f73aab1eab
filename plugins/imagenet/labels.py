"""What networks call their classes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from neatfool import ExperimentError, distinct_names, read_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

IMAGENET_CLASSES: Final = 1000


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Give the names of ImageNet's 1000 classes, as torchvision has them, all different.

    The two cranes are ``crane bird`` and ``crane``; the dog is ``Cardigan``, the garment
    ``cardigan``.
    """
    from torchvision.models import ResNet18_Weights

    return distinct_names(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def labels_for(count: int, own: Sequence[str] | None) -> tuple[str, ...]:
    """Name a network's classes.

    Args:
        count: How many it has.
        own: The names that came with it, if any did.

    Returns:
        These; or ImageNet's for a network of 1000 classes, and for one of 1001, which begins with
        a class for what is none of them; or else numbers.
    """
    if own is not None and len(own) == count:
        return distinct_names(own)
    if count == IMAGENET_CLASSES:
        return imagenet_labels()
    if count == IMAGENET_CLASSES + 1:
        return ("background", *imagenet_labels())
    return tuple(str(number) for number in range(count))


def read_labels(path: Path, count: int) -> tuple[str, ...]:
    """Read the names of a network's classes.

    Args:
        path: A file with a name a line, in the order of the network's outputs.
        count: How many classes it has.

    Raises:
        ExperimentError: The file cannot be read, or holds another number of names.
    """
    try:
        names = read_names(path)
    except ValueError as error:
        raise ExperimentError(f"[target] class_names = {error}") from error
    if len(names) != count:
        raise ExperimentError(
            f"[target] class_names = {path}: holds {len(names)} names, the network has {count} "
            "classes; give a name a line, in the order of its outputs"
        )
    return distinct_names(names)
