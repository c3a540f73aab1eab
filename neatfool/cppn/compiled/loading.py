"""Loads compiled code when it is first needed, as numba may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Kernels:
    """The compiled functions."""

    link: Callable[..., bool]
    draw: Callable[..., None]
    tile: int
    lanes: int


def has_numba() -> bool:
    """Tell whether numba is installed, without importing it."""
    return find_spec("numba") is not None


@cache
def kernels() -> Kernels:
    """Load the compiled functions, or compile them if no compiled code is kept yet.

    Raises:
        ExperimentError: numba is missing, or does not work.
    """
    try:
        from neatfool.cppn.compiled.kernel import TILE, draw
        from neatfool.cppn.compiled.lanes import LANES
        from neatfool.cppn.compiled.linker import link
    except Exception as error:  # Internals of numba are used, which another version may change.
        raise ExperimentError(
            f"renderer = compiled needs numba ({type(error).__name__}: {error}); pip install "
            "'neatfool[fast]', or say renderer = plain"
        ) from error
    return Kernels(link, draw, TILE, LANES)


def load_compiled() -> None:
    """Load the compiled renderer now, and not at the first image.

    This takes about half a second, but several the first time on a machine, when it is compiled.

    Raises:
        ExperimentError: numba is missing, or does not work.
    """
    kernels()
