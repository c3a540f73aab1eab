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
def _copy_number(number: F, out: np.ndarray) -> None:
    for i in range(len(out)):
        out[i] = number


@inner
def _multiply(
    values: np.ndarray, out: np.ndarray, sources: np.ndarray, factors: np.ndarray
) -> None:
    _copy_number(F(1.0), out)
    for term in range(len(sources)):
        a, u = values[sources[term]], factors[term]
        for i in range(len(out)):
            out[i] = out[i] * (a[i] * u)


@inner
def _choose(
    kind: int, values: np.ndarray, out: np.ndarray, sources: np.ndarray, factors: np.ndarray
) -> None:
    """Take the largest, the smallest or the largest in size; the first two choose NaN if any."""
    a, u = values[sources[0]], factors[0]
    for i in range(len(out)):
        out[i] = a[i] * u
    for term in range(1, len(sources)):
        a, u = values[sources[term]], factors[term]
        if kind == MAX:
            for i in range(len(out)):
                z = a[i] * u
                out[i] = z if z > out[i] or z != z else out[i]  # noqa: PLR0124
        elif kind == MIN:
            for i in range(len(out)):
                z = a[i] * u
                out[i] = z if z < out[i] or z != z else out[i]  # noqa: PLR0124
        else:
            for i in range(len(out)):
                z = a[i] * u
                out[i] = z if abs(z) > abs(out[i]) else out[i]


@inner
def _take_middle(
    values: np.ndarray,
    out: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """Take the median, sorting the inputs of all pixels in step; NaN is the largest."""
    terms = len(sources)
    for term in range(terms):
        a, u, z = values[sources[term]], factors[term], scratch[term]
        for i in range(len(out)):
            z[i] = a[i] * u
    for last in range(terms - 1, 0, -1):
        for term in range(last):
            a, b = scratch[term], scratch[term + 1]
            for i in range(len(out)):
                low, high = a[i], b[i]
                exchange = low > high or low != low  # noqa: PLR0124
                a[i] = high if exchange else low
                b[i] = low if exchange else high
    middle = scratch[terms // 2]
    if terms % 2:
        for i in range(len(out)):
            out[i] = middle[i]
    else:
        # The plain renderer leaves two inputs unsorted, but their sum is the same.
        below = scratch[terms // 2 - 1]
        for i in range(len(out)):
            out[i] = (below[i] + middle[i]) * F(0.5)


@inner
def aggregate(
    kind: int,
    values: np.ndarray,
    out: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """Join weighted inputs.

    Args:
        kind: The aggregation's place in ``AGGREGATIONS``; no sum or mean.
        values: float32 [R, P], the rows of the inputs and others.
        out: float32 [P], to write to.
        sources: int32 [k], the row of each input; at least one, except for a product.
        factors: float32 [k], the factor of each.
        scratch: float32 [k, P], to write over.
    """
    if kind == PRODUCT:
        _multiply(values, out, sources, factors)
    elif kind == MEDIAN:
        _take_middle(values, out, sources, factors, scratch)
    else:
        _choose(kind, values, out, sources, factors)
