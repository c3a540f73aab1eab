"""The aggregations other than sums and means, compiled.

They are those of :mod:`neatfool.cppn.functions.aggregations`, in the same order.
:mod:`neatfool.cppn.compiled.activations` computes sums and means.
"""

from __future__ import annotations

import numpy as np

from neatfool.compiling import inner
from neatfool.cppn.functions.aggregations import MAX, MEDIAN, MIN, PRODUCT

F = np.float32


@inner
def _multiply(
    tables: np.ndarray, row: int, sources: np.ndarray, factors: np.ndarray, width: int
) -> None:
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
def _choose(
    kind: int, tables: np.ndarray, row: int, sources: np.ndarray, factors: np.ndarray, width: int
) -> None:
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
    tables: np.ndarray,
    row: int,
    sources: np.ndarray,
    factors: np.ndarray,
    width: int,
    terms: np.ndarray,
    order: np.ndarray,
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
    tables: np.ndarray,
    row: int,
    sources: np.ndarray,
    factors: np.ndarray,
    width: int,
    terms: np.ndarray,
    order: np.ndarray,
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
