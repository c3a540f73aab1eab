"""What is wanted of a network, and of the packages that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from neatfool import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Request:
    """What is wanted of a network.

    Attributes:
        model: Its name.
        weights: A file of other weights than its own.
        size: The side of its images, where it does not say.
        mean: What to subtract from images in [0, 1], where it does not say.
        std: What to divide by after that.
    """

    model: str
    weights: Path | None = None
    size: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None


def need(model: str, module: str, *, extra: str) -> None:
    """See that a module is installed.

    Raises:
        ExperimentError: It is not; the message says how to get it.
    """
    if find_spec(module) is None:
        raise ExperimentError(
            f"[target] model = {model}: needs the package {module.replace('_', '-')}, which is not "
            f"installed; pip install 'neatfool[{extra}]'"
        )
