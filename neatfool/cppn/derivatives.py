"""Derivatives of recorded formulas, recorded as operations themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from neatfool.cppn.formulas import Number, Symbol, Trace

_SLOPES: Final[Mapping[str, Callable[..., tuple[Any, ...]]]] = {
    "Add": lambda xp, result, a, b: (1.0, 1.0),
    "Sub": lambda xp, result, a, b: (1.0, -1.0),
    "Mul": lambda xp, result, a, b: (b, a),
    "Div": lambda xp, result, a, b: (1.0 / b, -(result / b)),
    "Neg": lambda xp, result, a: (-1.0,),
    "Min": lambda xp, result, a, b: (xp.step(b - a), 1.0 - xp.step(b - a)),
    "Max": lambda xp, result, a, b: (xp.step(a - b), 1.0 - xp.step(a - b)),
    "Abs": lambda xp, result, a: (xp.step(a) - xp.step(-a),),
    "Round": lambda xp, result, a: (0.0,),
    "Sqrt": lambda xp, result, a: (0.5 * xp.rsqrt(a),),
    "Rsqrt": lambda xp, result, a: (-0.5 * result * (result * result),),
    "Exp": lambda xp, result, a: (result,),
    "Log": lambda xp, result, a: (1.0 / a,),
    "Sin": lambda xp, result, a: (xp.cos(a),),
    "Cos": lambda xp, result, a: (-xp.sin(a),),
    "Tanh": lambda xp, result, a: (1.0 - result * result,),
    "Step": lambda xp, result, a: (0.0,),
}
"""The derivatives of an operation by its inputs, given what records, and its result."""


def differentiate(
    trace: Trace, results: Sequence[tuple[Any, Any]], arguments: Sequence[Symbol]
) -> list[Any]:
    """Record the derivatives by arguments of what has such derivatives by the results."""
    slopes: dict[int, Any] = {}

    def add(value: Number, slope: Any) -> None:
        if isinstance(value, Symbol):
            slopes[value.name] = slopes.get(value.name, 0.0) + slope

    for value, slope in results:
        add(value, slope)
    wanted = {each.name for each in arguments}
    leads, first = {*wanted}, len(trace.given)
    steps = [*enumerate(trace.steps, first)]
    for place, (_, inputs) in steps:
        if any(isinstance(each, Symbol) and each.name in leads for each in inputs):
            leads.add(place)
    for place, (kind, inputs) in reversed(steps):
        if place in leads - wanted and place in slopes:
            parts = _SLOPES[kind](trace, trace.values[place], *inputs)
            for value, part in zip(inputs, parts, strict=True):
                if isinstance(value, Symbol) and value.name in leads:
                    add(value, slopes[place] * part)
    return [slopes.get(each.name, 0.0) for each in arguments]
