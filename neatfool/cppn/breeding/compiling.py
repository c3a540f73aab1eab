"""Compiles breeding where numba works; elsewhere the same functions run as they are.

They take numpy's arrays and never allocate. Integers that wrap around are ``numpy.uint64``, which
do so in Python too. So children are the same either way.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound="Callable[..., Any]")

COMPILED: bool
"""Whether numba compiles breeding."""

try:
    from neatfool import compiling
except Exception as error:  # numba is missing or does not work here
    logging.getLogger("neatfool.cppn").info("breeding is not compiled: %s", error)
    COMPILED = False
else:
    COMPILED = True


def inner(function: Function) -> Function:
    """Compile a function that only compiled functions call."""
    return compiling.inner(function, exact=True) if COMPILED else function


def inlined(function: Function) -> Function:
    """Compile a function as a part of each compiled function that calls it."""
    return compiling.inlined(function, exact=True) if COMPILED else function


def outer(function: Function) -> Function:
    """Compile a function that Python calls, when it is called, or read its code from the disk."""
    if COMPILED:
        return compiling.outer(exact=True)(function)
    return np.errstate(over="ignore")(function)  # integers wrap around
