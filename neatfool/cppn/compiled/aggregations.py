"""The aggregations other than sums and means, compiled.

They are those of :mod:`neatfool.cppn.functions.aggregations`, in the same order.
:mod:`neatfool.cppn.compiled.activations` computes sums and means.
"""

from __future__ import annotations

import numpy as np

from neatfool.compiling import inner
from neatfool.cppn.functions.aggregations import AGGREGATIONS

F = np.float32

SUM, MEAN, PRODUCT, MAX, MIN, MAXABS, MEDIAN = range(7)
assert AGGREGATIONS == ("sum", "mean", "product", "max", "min", "maxabs", "median")


@inner
def _multiply(
    values: np.ndarray,
    variances: np.ndarray,
    row: int,
    sources: np.ndarray,
    factors: np.ndarray,
    width: int,
) -> None:
    for i in range(width):
        product, square, with_variance = F(1.0), F(1.0), F(1.0)
        for term in range(len(sources)):
            z = values[sources[term], i] * factors[term]
            product *= z
            square *= z * z
            with_variance *= z * z + variances[sources[term], i] * factors[term] * factors[term]
        values[row, i] = product
        variances[row, i] = with_variance - square


@inner
def _choose(
    kind: int,
    values: np.ndarray,
    variances: np.ndarray,
    row: int,
    sources: np.ndarray,
    factors: np.ndarray,
    width: int,
) -> None:
    """Take the largest, the smallest or the largest in size, the first of equal ones."""
    for i in range(width):
        best, spread = F(0.0), F(0.0)
        for term in range(len(sources)):
            z = values[sources[term], i] * factors[term]
            if kind == MAX:
                better = z > best
            elif kind == MIN:
                better = z < best
            else:
                better = abs(z) > abs(best)
            if better or term == 0:
                best = z
                spread = variances[sources[term], i] * factors[term] * factors[term]
        values[row, i] = best
        variances[row, i] = spread


@inner
def _take_middle(
    values: np.ndarray,
    variances: np.ndarray,
    row: int,
    sources: np.ndarray,
    factors: np.ndarray,
    width: int,
    terms: np.ndarray,
    spreads: np.ndarray,
) -> None:
    """Take the median, or the mean of the middle two."""
    count = len(sources)
    for i in range(width):
        for term in range(count):
            z = values[sources[term], i] * factors[term]
            v = variances[sources[term], i] * factors[term] * factors[term]
            place = term
            while place > 0 and terms[place - 1] > z:
                terms[place], spreads[place] = terms[place - 1], spreads[place - 1]
                place -= 1
            terms[place], spreads[place] = z, v
        low, high = (count - 1) // 2, count // 2
        values[row, i] = (terms[low] + terms[high]) * F(0.5)
        share = F(0.5) if low == high else F(0.25)
        variances[row, i] = (spreads[low] + spreads[high]) * share


@inner
def aggregate(
    kind: int,
    values: np.ndarray,
    variances: np.ndarray,
    row: int,
    sources: np.ndarray,
    factors: np.ndarray,
    width: int,
    terms: np.ndarray,
    spreads: np.ndarray,
) -> None:
    """Join weighted inputs.

    Args:
        kind: The aggregation's place in ``AGGREGATIONS``; no sum or mean.
        values: float32 [R, P], the rows of the inputs and others.
        variances: float32 [R, P], their variances.
        row: The row to write.
        sources: int32 [k], the row of each input; at least one, except for a product.
        factors: float32 [k], the factor of each.
        width: The number of pixels.
        terms: float32 [k], to write over.
        spreads: float32 [k], to write over.
    """
    if kind == PRODUCT:
        _multiply(values, variances, row, sources, factors, width)
    elif kind == MEDIAN:
        _take_middle(values, variances, row, sources, factors, width, terms, spreads)
    else:
        _choose(kind, values, variances, row, sources, factors, width)
