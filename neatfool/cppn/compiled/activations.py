"""The activations, compiled: loops over pixels, made of the formulas of the table.

A table has a row for each input and each node. The second and the third hold derivatives, by the
place to the right and downwards; see :meth:`Activation.within_reach
<neatfool.cppn.functions.activations.Activation.within_reach>`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from neatfool.compiling import inlined, inner, make_switch
from neatfool.cppn.compiled.emitting import emit
from neatfool.cppn.compiled.lanes import LANES, load, spread, store
from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.genome.flat import COMMON

if TYPE_CHECKING:
    from neatfool.cppn.functions.activations import Activation

F = np.float32


@inlined
def _add_up(values: np.ndarray, sources: np.ndarray, factors: np.ndarray, bias: F, start: int) -> F:
    total = spread(bias)
    for term in range(len(sources)):
        total = total + load(values, sources[term], start) * factors[term]
    return total


@inlined
def add_up(
    tables: np.ndarray, sources: np.ndarray, factors: np.ndarray, bias: F, start: int
) -> tuple[F, F, F]:
    """Give the weighted sum of some rows, and its derivatives."""
    value, across, down = spread(bias), spread(F(0.0)), spread(F(0.0))
    for term in range(len(sources)):
        source, factor = sources[term], factors[term]
        value = value + load(tables[0], source, start) * factor
        across = across + load(tables[1], source, start) * factor
        down = down + load(tables[2], source, start) * factor
    return value, across, down


def _compile_points(activation: Activation) -> Callable[..., None]:
    """Compile the loop that :func:`activate` runs for points."""
    formula = emit(activation.at_points)

    def loop(
        tables: np.ndarray,
        sources: np.ndarray,
        factors: np.ndarray,
        bias: F,
        row: int,
        width: int,
    ) -> None:
        values = tables[0]
        for start in range(0, width, LANES):
            s = _add_up(values, sources, factors, bias, start)
            store(values, row, start, formula((s,))[0])

    return inner(loop, f"{activation.name}_at_points")


def _compile_limited(activation: Activation) -> Callable[..., None]:
    """Compile the loop that :func:`activate` runs for nodes that fade."""
    formula = emit(activation.within_reach)

    def loop(
        tables: np.ndarray,
        sources: np.ndarray,
        factors: np.ndarray,
        bias: F,
        row: int,
        width: int,
    ) -> None:
        values, across, down = tables[0], tables[1], tables[2]
        for start in range(0, width, LANES):
            s, x, y = formula(add_up(tables, sources, factors, bias, start))
            store(values, row, start, s)
            store(across, row, start, x)
            store(down, row, start, y)

    return inner(loop, f"{activation.name}_within_reach")


_TABLE = [*ACTIVATIONS.values()]
_POINTS = {code: _compile_points(each) for code, each in enumerate(_TABLE)}
_LIMITED = {code: _compile_limited(each) for code, each in enumerate(_TABLE)}
_run_points = make_switch(_POINTS)
_run_limited = make_switch(_LIMITED)
_run_common_points = make_switch({code: _POINTS[code] for code in COMMON})
_run_common_limited = make_switch({code: _LIMITED[code] for code in COMMON})


@inlined
def activate(
    code: int,
    tables: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    bias: F,
    row: int,
    width: int,
    others: bool | None,
    limited: bool | None,
) -> None:
    """Apply an activation to a weighted sum.

    Args:
        code: Its place in ``ACTIVATIONS``.
        tables: float32 [3, R, P], values and derivatives: the rows of the inputs and others.
        sources: int32 [k], the row of each input.
        factors: float32 [k], the factor of each.
        bias: The float32 to add.
        row: The row to write. It may be an input's.
        width: The number of pixels, a multiple of ``LANES``.
        others: None if it is one of the ``COMMON`` activations.
        limited: None for points, whose derivatives are neither read nor written.
    """
    arguments = tables, sources, factors, bias, row, width
    if others is not None:
        if limited is not None:
            _run_limited(code, arguments)
        else:
            _run_points(code, arguments)
    elif limited is not None:
        _run_common_limited(code, arguments)
    else:
        _run_common_points(code, arguments)
