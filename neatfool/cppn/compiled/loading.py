"""Loads compiled code when it is first needed, as numba may be missing or may not work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from neatfool.errors import ExperimentError

_log = logging.getLogger("neatfool.cppn")


@dataclass(frozen=True)
class Kernels:
    """The compiled functions."""

    draw: Callable[..., None]
    tile: int
    lanes: int


@cache
def can_compile() -> bool:
    """Load the compiled renderer; tell whether it works here, and log why if it does not.

    That takes about half a second; the first time on a machine, when it is compiled, several.
    """
    try:
        kernels()
    except ExperimentError as error:
        why = error.__cause__
        _log.warning(
            "the plain renderer draws, which takes several times as long: numba does not work here "
            "(%s: %s); pip install numba",
            type(why).__name__,
            why,
        )
        return False
    return True


@cache
def kernels() -> Kernels:
    """Load the compiled functions, or compile them if no compiled code is kept yet.

    Raises:
        ExperimentError: numba is missing, or does not work.
    """
    try:
        from neatfool.cppn.compiled.kernel import TILE, draw
        from neatfool.cppn.compiled.lanes import LANES
    except Exception as error:  # Internals of numba are used, which another version may change.
        raise ExperimentError(
            "[encoding] renderer = compiled: numba does not work here "
            f"({type(error).__name__}: {error}); pip install numba, or say renderer = plain"
        ) from error
    return Kernels(draw, TILE, LANES)


def load_compiled() -> None:
    """Load the compiled renderer now, and not at the first image.

    This takes about half a second, but several the first time on a machine, when it is compiled.

    Raises:
        ExperimentError: numba is missing, or does not work.
    """
    kernels()
