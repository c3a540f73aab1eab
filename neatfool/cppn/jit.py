"""Compiles breeding where numba works; elsewhere the same functions run as they are.

They take numpy's arrays and never allocate. Integers that wrap around are ``numpy.uint64``, which
do so in Python too. So children are the same either way.
"""

import atexit
import logging
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

Function = TypeVar("Function", bound="Callable[..., Any]")

COMPILED: bool
"""Whether numba compiles breeding."""
BREED_A_CHILD: Final = """
import sys
from neatfool.cppn.breeding import breed_a_child
breed_a_child(sys.argv[1])
"""
"""The program of the process that compiles: breeding one child compiles all of breeding, and keeps
the code where this process finds it."""
_background: Final[list[subprocess.Popen[bytes]]] = []
"""The process that compiles, until it is waited for."""

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


def compile_in_background(preset: str, needed: Any) -> None:
    """Have another process compile and keep ``needed``, unless its code is kept already.

    Numba compiles with one core, and drawing needs compiling too. Nothing depends on that process:
    what it did not keep is compiled here.
    """
    folder = getattr(getattr(needed, "stats", None), "cache_path", None) if COMPILED else None
    # A frozen program's executable is no Python.
    if folder is None or _background or parent_process() is not None or hasattr(sys, "frozen"):
        return
    if not any(Path(folder).glob(f"*.{needed.__qualname__}-*.nbi")):
        with suppress(OSError):
            process = subprocess.Popen(  # noqa: S603 - this Python, and no shell
                [sys.executable, "-P", "-c", BREED_A_CHILD, preset],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            atexit.register(process.kill)
            _background.append(process)


def await_compiled() -> None:
    """Wait for the process that compiles, if there is one."""
    while _background:
        _background.pop().wait()
