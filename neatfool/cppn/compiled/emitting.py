"""Turns recorded formulas into machine code for lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from neatfool.cppn.compiled import elementary
from neatfool.cppn.compiled.lanes import FLOATS, larger_of, size, smaller_of, widen

if TYPE_CHECKING:
    from neatfool.cppn.functions.recording import Formula

_INSTRUCTIONS: Final = {"Add": "fadd", "Sub": "fsub", "Mul": "fmul", "Div": "fdiv", "Neg": "fneg"}
_CODE: Final[dict[str, Callable[..., Any]]] = {
    "Min": smaller_of,
    "Max": larger_of,
    "Abs": size,
}
_FUNCTIONS: Final[dict[str, Any]] = {
    "Round": elementary.round,
    "Rsqrt": elementary.rsqrt,
    "Sqrt": elementary.sqrt,
    "Exp": elementary.exp,
    "Log": elementary.log,
    "Sin": elementary.sin,
    "Cos": elementary.cos,
    "Tanh": elementary.tanh,
}


def emit(formula: Formula) -> Callable[..., Any]:
    """Make a formula a function of compiled code, which takes a tuple of lanes and gives one."""

    def typed(context: Any, given: Any) -> Any:
        kinds = sorted({kind for kind, _ in formula.steps} & {*_FUNCTIONS})
        callees = {kind: types.Dispatcher(_FUNCTIONS[kind]) for kind in kinds}
        calls = {
            kind: (callee, context.resolve_function_type(callee, (FLOATS,), {}))
            for kind, callee in callees.items()
        }
        result = types.UniTuple(FLOATS, len(formula.results))

        def lower(context: Any, builder: Any, _: Any, values: Any) -> Any:
            def perform(kind: str, *inputs: Any) -> Any:
                lanes = [_widen_number(builder, each) for each in inputs]
                if kind in calls:
                    return context.get_function(*calls[kind])(builder, lanes)
                if kind in _CODE:
                    return _CODE[kind](builder, *lanes)
                if kind == "Step":
                    one, nothing = (_widen_number(builder, each) for each in (1.0, 0.0))
                    return builder.select(builder.fcmp_ordered(">=", *lanes, nothing), one, nothing)
                return getattr(builder, _INSTRUCTIONS[kind])(*lanes)

            results = formula.play(perform, *cgutils.unpack_tuple(builder, values[0]))
            whole = [_widen_number(builder, each) for each in results]
            return context.make_tuple(builder, result, whole)

        return signature(result, given), lower

    return cast("Callable[..., Any]", intrinsic(typed))


def _widen_number(builder: Any, number: Any) -> Any:
    if isinstance(number, float):
        number = ir.Constant(ir.FloatType(), number)
    return widen(builder, number)
