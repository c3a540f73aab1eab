"""Compiles breeding where numba works; elsewhere the same functions run as they are.

They take numpy's arrays and never allocate. Integers that wrap around are ``numpy.uint64``, which
do so in Python too. So children are the same either way.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

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


def outer(signature: str) -> Callable[[Function], Function]:
    """Compile a function that Python calls, or read its code from the disk."""
    return compiling.outer(signature, exact=True) if COMPILED else lambda function: function
