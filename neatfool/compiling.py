"""Compiles functions for the processor: numba's decorators, typed.

Code is kept on disk if possible, so that only the first use on a machine pays for compiling.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from zlib import crc32

from neatfool.machine import ignore_working_folder

ignore_working_folder()

import numba  # noqa: E402
from numba.core import cgutils, types  # noqa: E402
from numba.core.cpu import CPUTargetOptions  # noqa: E402
from numba.core.typing.templates import signature  # noqa: E402
from numba.extending import (  # noqa: E402
    NativeValue,
    intrinsic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

Function = TypeVar("Function", bound="Callable[..., Any]")

_log = logging.getLogger("neatfool.compiling")
_not_kept: set[Path] = set()
"""Folders whose code is compiled anew in each process."""


def _options(*, exact: bool) -> dict[str, Any]:
    # Nothing is allocated, and counting references to rows would take most of the time.
    uncounted = {"_nrt": False} if hasattr(CPUTargetOptions, "_nrt") else {}
    fast = False if exact else {"contract"}
    return {"fastmath": fast, "error_model": "numpy", "nogil": True, **uncounted}


def inner(function: Function, name: str | None = None, *, exact: bool = False) -> Function:
    """Compile a function that only compiled functions call; ``name`` is unique if others made it.

    If ``exact``, each operation rounds, as in Python; else a product and a sum may become one.
    """
    return _compile(function, name, exact)


def inlined(function: Function, name: str | None = None, *, exact: bool = False) -> Function:
    """Compile a function as a part of each compiled function that calls it; else as ``inner``."""
    return _compile(function, name, exact, forceinline=True)


def _compile(function: Function, name: str | None, exact: bool, **options: Any) -> Function:
    function.__qualname__ = name or function.__qualname__
    # Without the wrappers for calls from Python and C, compiling takes half the time.
    bare: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("Function", numba.njit(**_options(exact=exact), **bare, **options)(function))


@dataclass(frozen=True)
class Choice:
    """An argument without a value, whose type has a key: for each key functions are compiled anew.

    Numba tells functions apart by the types of their arguments, in its cache too.
    """

    key: tuple[Any, ...]


class ChoiceType(types.Type):
    """Numba's type of one choice."""

    def __init__(self, key: tuple[Any, ...]) -> None:
        self.choice = key
        super().__init__(name=f"Choice{key}")


register_model(ChoiceType)(models.OpaqueModel)


@typeof_impl.register(Choice)
def _type_of(value: Choice, _: Any) -> ChoiceType:
    return ChoiceType(value.key)


def _unbox(_: Any, __: Any, call: Any) -> NativeValue:
    return NativeValue(call.context.get_dummy_value())


unbox(ChoiceType)(_unbox)
NoneType: Final = types.NoneType


def make_switch(find: Callable[[Any], Mapping[int, Any]]) -> Callable[..., None]:
    """Make a switch among compiled functions by number, for compiled functions to call.

    The first argument of the switch only has a type, by which ``find`` gives the functions. A tree
    of Python functions takes twice as long to compile: numba compiles each callee again with each
    caller.
    """

    def typed(context: Any, choice: Any, number: Any, arguments: Any) -> Any:
        # Numba calls this for the types of a call, and "lower" to write its instructions: a jump to
        # the block of the case, a call there, and a jump to what follows.
        functions = find(choice)
        kinds = [types.Dispatcher(function) for function in functions.values()]
        calls = [context.resolve_function_type(kind, arguments.types, {}) for kind in kinds]

        def lower(context: Any, builder: Any, _: Any, values: Any) -> Any:
            given = cgutils.unpack_tuple(builder, values[2])
            after = builder.append_basic_block()
            switch = builder.switch(values[1], after)
            for case, kind, call in zip(functions, kinds, calls, strict=True):
                block = builder.append_basic_block()
                switch.add_case(case, block)
                with builder.goto_block(block):
                    context.get_function(kind, call)(builder, given)
                    builder.branch(after)
            builder.position_at_end(after)
            return context.get_dummy_value()

        return signature(types.void, choice, number, arguments), lower

    return cast("Callable[..., None]", intrinsic(typed))


def outer(signature: str | None = None, *, exact: bool = False) -> Callable[[Function], Function]:
    """Compile a function that Python calls, for a signature or for any call, or read its code."""
    options = _options(exact=exact)

    def compile_function(function: Function) -> Function:
        # numba's cache looks at a function's name and file, but not at the functions it calls.
        folder = Path(function.__code__.co_filename).parent
        function.__qualname__ += f"_{_fingerprint(folder):08x}"
        try:
            return cast("Function", numba.njit(signature, cache=True, **options)(function))
        except RuntimeError as error:  # no folder can be written to
            if folder not in _not_kept:
                _log.warning(
                    "code is compiled anew in each process, which takes several seconds, because "
                    "it cannot be kept (%s); let NUMBA_CACHE_DIR name a folder to write to",
                    error,
                )
            _not_kept.add(folder)
            return cast("Function", numba.njit(signature, **options)(function))

    return compile_function


@cache
def _fingerprint(folder: Path) -> int:
    """Hash the source of all compiled functions of a folder, and of what they use of CPPNs."""
    cppn = Path(__file__).parent / "cppn"
    modules = (
        "activations",
        "buffer",
        "custom_activations",
        "derivatives",
        "formulas",
        "jit",
        "means",
    )
    used = [cppn / f"{name}.py" for name in modules]
    files = {Path(__file__), *used, *(cppn / "genome").glob("*.py"), *folder.glob("*.py")}
    return crc32(b"".join(file.read_bytes() for file in sorted(files)))
