"""The activations and aggregations, compiled: loops over pixels.

A table has a row for each input and each node. The second and the third hold derivatives, by the
place to the right and downwards; see :meth:`Activation.within_reach
<neatfool.cppn.functions.activations.Activation.within_reach>`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array

from neatfool.compiling import inlined, inner, make_switch
from neatfool.cppn.compiled.elementary import emit
from neatfool.cppn.compiled.lanes import LANES, load, spread, store
from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.aggregations import MAX, MEDIAN, MIN, PRODUCT
from neatfool.cppn.genome.flat import COMMON

if TYPE_CHECKING:
    from neatfool.cppn.functions.activations import Activation


F = np.float32


@inlined
def _add_up(values: Array, sources: Array, factors: Array, bias: F, start: int) -> F:
    total = spread(bias)
    for term in range(len(sources)):
        total = total + load(values, sources[term], start) * factors[term]
    return total


@inlined
def add_up(tables: Array, sources: Array, factors: Array, bias: F, start: int) -> tuple[F, F, F]:
    """Give the weighted sum of some rows, and its derivatives."""
    value, across, down = spread(bias), spread(F(0.0)), spread(F(0.0))
    for term in range(len(sources)):
        source, factor = sources[term], factors[term]
        value = value + load(tables[0], source, start) * factor
        across = across + load(tables[1], source, start) * factor
        down = down + load(tables[2], source, start) * factor
    return value, across, down


def _compile(activation: Activation) -> Callable[..., None]:
    """Compile the loop that :func:`activate` runs."""
    at_points, within_reach = emit(activation.at_points), emit(activation.within_reach)

    def loop(
        tables: Array,
        sources: Array,
        factors: Array,
        bias: F,
        row: int,
        width: int,
        limited: bool | None,
    ) -> None:
        values, across, down = tables[0], tables[1], tables[2]
        for start in range(0, width, LANES):
            if limited is None:
                s = _add_up(values, sources, factors, bias, start)
                store(values, row, start, at_points((s,))[0])
            else:
                z, x, y = within_reach(add_up(tables, sources, factors, bias, start))
                store(values, row, start, z)
                store(across, row, start, x)
                store(down, row, start, y)

    return inner(loop, f"{activation.name}_loop")


_LOOPS = {code: _compile(each) for code, each in enumerate(ACTIVATIONS.values())}
_run = make_switch(_LOOPS)
_run_common = make_switch({code: _LOOPS[code] for code in COMMON})


@inlined
def activate(
    code: int,
    tables: Array,
    sources: Array,
    factors: Array,
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
    arguments = tables, sources, factors, bias, row, width, limited
    if others is not None:
        _run(code, arguments)
    else:
        _run_common(code, arguments)


@inner
def _multiply(tables: Array, row: int, sources: Array, factors: Array, width: int) -> None:
    for i in range(width):
        product, across, down = F(1.0), F(0.0), F(0.0)
        for term in range(len(sources)):
            source, factor = sources[term], factors[term]
            z = tables[0, source, i] * factor
            across = across * z + product * (tables[1, source, i] * factor)
            down = down * z + product * (tables[2, source, i] * factor)
            product *= z
        tables[0, row, i], tables[1, row, i], tables[2, row, i] = product, across, down


@inner
def _choose(kind: int, tables: Array, row: int, sources: Array, factors: Array, width: int) -> None:
    """Take the largest, the smallest or the largest in size, the first of equal ones."""
    for i in range(width):
        best, chosen = F(0.0), 0
        for term in range(len(sources)):
            z = tables[0, sources[term], i] * factors[term]
            if kind == MAX:
                better = z > best
            elif kind == MIN:
                better = z < best
            else:
                better = abs(z) > abs(best)
            if better or term == 0:
                best, chosen = z, term
        for table in tables:
            table[row, i] = table[sources[chosen], i] * factors[chosen]


@inner
def _take_middle(
    tables: Array, row: int, sources: Array, factors: Array, width: int, terms: Array, order: Array
) -> None:
    """Take the median, or the mean of the middle two."""
    count = len(sources)
    for i in range(width):
        for term in range(count):
            z = tables[0, sources[term], i] * factors[term]
            place = term
            while place > 0 and terms[place - 1] > z:
                terms[place], order[place] = terms[place - 1], order[place - 1]
                place -= 1
            terms[place], order[place] = z, term
        low, high = order[(count - 1) // 2], order[count // 2]
        for table in tables:
            below = table[sources[low], i] * factors[low]
            above = table[sources[high], i] * factors[high]
            table[row, i] = (below + above) * F(0.5)


@inner
def aggregate(
    kind: int,
    tables: Array,
    row: int,
    sources: Array,
    factors: Array,
    width: int,
    terms: Array,
    order: Array,
) -> None:
    """Join weighted inputs.

    Args:
        kind: The aggregation's place in ``AGGREGATIONS``; no sum or mean.
        tables: float32 [3, R, P], values and derivatives: the rows of the inputs and others.
        row: The row to write.
        sources: int32 [k], the row of each input; at least one, except for a product.
        factors: float32 [k], the factor of each.
        width: The number of pixels.
        terms: float32 [k], to write over.
        order: int32 [k], to write over.
    """
    if kind == PRODUCT:
        _multiply(tables, row, sources, factors, width)
    elif kind == MEDIAN:
        _take_middle(tables, row, sources, factors, width, terms, order)
    else:
        _choose(kind, tables, row, sources, factors, width)
