"""How functions are compiled for the processor: numba's decorators, typed.

Compiled code is kept on disk where that can be written to, so that only the first use on a machine
pays for compiling. Nothing here is imported before a compiled function is wanted.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from zlib import crc32

import numba
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Function = TypeVar("Function", bound="Callable[..., Any]")

_log = logging.getLogger("neatfool.cppn")
_not_kept: set[Path] = set()
"""Folders whose code is compiled anew in each process."""

_OPTIONS: dict[str, Any] = {
    "fastmath": {"contract"},
    "error_model": "numpy",
    "nogil": True,
    # Nothing is allocated, and counting the references of rows took most of the time.
    "_nrt": False,
}

# What Python, or C, would call a function by, which takes half the time to compile.
_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inner(function: Function, name: str | None = None) -> Function:
    """Compile a function that only compiled functions call.

    Nothing is reordered and NaN is respected; a product and a sum may become one operation.

    Args:
        function: The function.
        name: A name of its own, for one that another function made. Where code of two processes
            is read from the disk, the linker takes functions of one name for one function.
    """
    return _compile(function, name)


def inlined(function: Function, name: str | None = None) -> Function:
    """Compile a function as a part of each compiled function that calls it; else as ``inner``."""
    return _compile(function, name, forceinline=True)


def _compile(function: Function, name: str | None, **options: Any) -> Function:
    function.__qualname__ = name or function.__qualname__
    return cast("Function", numba.njit(**_OPTIONS, **_NO_WRAPPERS, **options)(function))


def make_switch(functions: Sequence[Any]) -> Callable[..., None]:
    """Make the choice among compiled functions, for compiled functions to call.

    It is one switch. A tree of Python functions, which call each other, would do the same; but
    numba compiles whatever a function calls once more with each of them. It took twice as long.

    Args:
        functions: What to choose from; all take the same arguments.

    Returns:
        A function of the place in the list, and a tuple of the arguments.
    """

    def typed(context: Any, place: Any, arguments: Any) -> Any:
        kinds = [types.Dispatcher(function) for function in functions]
        calls = [context.resolve_function_type(kind, arguments.types, {}) for kind in kinds]

        def lower(context: Any, builder: Any, _: Any, values: Any) -> Any:
            given = cgutils.unpack_tuple(builder, values[1])
            after = builder.append_basic_block()
            switch = builder.switch(values[0], after)
            for number, (kind, call) in enumerate(zip(kinds, calls, strict=True)):
                block = builder.append_basic_block()
                switch.add_case(number, block)
                with builder.goto_block(block):
                    context.get_function(kind, call)(builder, given)
                    builder.branch(after)
            builder.position_at_end(after)
            return context.get_dummy_value()

        return signature(types.void, place, arguments), lower

    return cast("Callable[..., None]", intrinsic(typed))


def outer(signature: str) -> Callable[[Function], Function]:
    """Compile a function that Python calls, for one signature, or read its code from the disk."""

    def compile_function(function: Function) -> Function:
        # numba goes by a function's name and file alone, and not by the functions that it calls.
        function.__qualname__ += f"_{_fingerprint():08x}"
        try:
            return cast("Function", numba.njit(signature, cache=True, **_OPTIONS)(function))
        except RuntimeError as error:  # there is no folder that numba could keep it in
            _tell_once(Path(function.__code__.co_filename).parent, error)
            return cast("Function", numba.njit(signature, **_OPTIONS)(function))

    return compile_function


def _tell_once(folder: Path, why: RuntimeError) -> None:
    if folder not in _not_kept:
        _not_kept.add(folder)
        _log.warning(
            "the renderer is compiled anew in each process, which takes several seconds, because "
            "its code cannot be kept (%s); let NUMBA_CACHE_DIR name a folder to write to",
            why,
        )


@cache
def _fingerprint() -> int:
    """Give a number that follows from the text of the inner functions."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return crc32(b"".join(file.read_bytes() for file in files))
