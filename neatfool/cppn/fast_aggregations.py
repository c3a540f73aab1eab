"""The aggregations, compiled: how a node joins its weighted inputs, for the pixels of a tile.

They are those of :mod:`neatfool.cppn.aggregations`, and go in the same order.
"""

from __future__ import annotations

import numpy as np

from neatfool.cppn.aggregations import AGGREGATIONS
from neatfool.cppn.jit import inner

F = np.float32

SUM, MEAN, PRODUCT, MAX, MIN, MAXABS, MEDIAN = range(7)
assert AGGREGATIONS == ("sum", "mean", "product", "max", "min", "maxabs", "median")


@inner
def _copy_number(number: F, out: np.ndarray) -> None:
    for i in range(len(out)):
        out[i] = number


@inner
def _add_up(values: np.ndarray, out: np.ndarray, sources: np.ndarray, factors: np.ndarray) -> None:
    """Add up weighted inputs, four at a time, which spares reading and writing the sums so far."""
    terms = len(sources)
    if terms == 0:
        _copy_number(F(0.0), out)
        return
    head = (terms - 1) % 4 + 1
    a, u = values[sources[0]], factors[0]
    if head == 1:
        for i in range(len(out)):
            out[i] = a[i] * u
    elif head == 2:
        b, v = values[sources[1]], factors[1]
        for i in range(len(out)):
            out[i] = a[i] * u + b[i] * v
    elif head == 3:
        b, v = values[sources[1]], factors[1]
        c, w = values[sources[2]], factors[2]
        for i in range(len(out)):
            out[i] = (a[i] * u + b[i] * v) + c[i] * w
    else:
        _add_four(values, out, sources, factors, 0, False)
    for term in range(head, terms, 4):
        _add_four(values, out, sources, factors, term, True)


@inner
def _add_four(
    values: np.ndarray,
    out: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    term: int,
    on_top: bool,
) -> None:
    a, b = values[sources[term]], values[sources[term + 1]]
    c, d = values[sources[term + 2]], values[sources[term + 3]]
    u, v, w, x = factors[term], factors[term + 1], factors[term + 2], factors[term + 3]
    if on_top:
        for i in range(len(out)):
            out[i] = (((out[i] + a[i] * u) + b[i] * v) + c[i] * w) + d[i] * x
    else:
        for i in range(len(out)):
            out[i] = ((a[i] * u + b[i] * v) + c[i] * w) + d[i] * x


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
    """Take the largest, the smallest or the largest in size; NaN is larger and smaller than all."""
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
    """Take the median, sorting all pixels' inputs by the same exchanges; NaN is the largest."""
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
        # Two inputs, which the plain path leaves unsorted, add up to the same.
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
        kind: How: the aggregation's place in ``AGGREGATIONS``; that of a mean is a sum's, as its
            factors are divided already.
        values: float32 [R, P], the rows that the inputs are among.
        out: float32 [P], to write to.
        sources: int32 [k], the row of each input.
        factors: float32 [k], what each is multiplied by.
        scratch: float32 [k, P], to write over.
    """
    if kind == SUM or (kind != PRODUCT and len(sources) == 0):
        _add_up(values, out, sources, factors)
    elif kind == PRODUCT:
        _multiply(values, out, sources, factors)
    elif kind == MEDIAN:
        _take_middle(values, out, sources, factors, scratch)
    else:
        _choose(kind, values, out, sources, factors)
