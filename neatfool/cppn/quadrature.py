"""The mean of any formula over normally distributed arguments, as a formula.

Gauss-Hermite quadrature is near while the formula changes little between two nodes. Beyond, its
nodes would pick values by chance, and a picture would show them as noise. There the mean is a sum
of a few shapes that any formula has from afar: a level, a line, a bend, a parabola, an edge and a
bump, whose means are known. They are fitted to the mean under a fine grid of arguments.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final

import numpy as np

from neatfool.cppn.formulas import Trace, by_numpy

Formula = Callable[[Any, Any], Any]

NODES: Final = 5
"""The nodes of the quadrature: so many times a mean costs what the formula costs."""
TOLERANCE: Final = 0.03
"""The largest error of the quadrature, as a share of the formula's range."""
_PLACES, _SHARES = np.polynomial.hermite_e.hermegauss(NODES)
_SHARES /= _SHARES.sum()
_SQUARED_SIZE: Final = 2 / math.pi
GROWING: Final = slice(1, 4)
"""The shapes without bound: the line, the bend and the parabola."""


def mean_of(formula: Formula, reach: float) -> Callable[[Any, Any, Any], Any]:
    """Give the mean of a formula, called as ``mean(xp, s, v)`` with mean and variance.

    ``reach`` is the size of arguments within which the formula has its shape.
    """

    @cache
    def fitted() -> tuple[float, tuple[float, ...]]:
        return _fit(formula, reach)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        end, weights = fitted()
        near = _by_nodes(formula, xp, s, v)
        if not math.isfinite(end):
            return near
        far = sum(w * shape for w, shape in zip(weights, _shapes(xp, s, v, reach), strict=True))
        share = xp.clip((1.0 / end) * v - 1.0, 0.0, 1.0)
        return near + share * (far - near)

    return mean


def _by_nodes(formula: Formula, xp: Any, s: Any, v: Any) -> Any:
    deviation = xp.sqrt(v + 1e-20)
    places = zip(_SHARES.tolist(), _PLACES.tolist(), strict=True)
    return sum(share * formula(xp, s + place * deviation) for share, place in places)


def _shapes(xp: Any, s: Any, v: Any, reach: float) -> Iterator[Any]:
    """Give the means of the shapes that a formula has from afar."""
    inverse = xp.rsqrt(v + 1e-20)
    z = s * inverse
    bump = (reach * inverse) * xp.exp(-0.5 * (z * z))
    yield from (1.0, s / reach, xp.sqrt(s * s + _SQUARED_SIZE * v) / reach)
    yield from ((s * s + v) / reach**2, xp.tanh(_SQUARED_SIZE**0.5 * z), bump)
    yield (reach * inverse) * z * bump


def _compute(formulas: Callable[..., Iterable[Any]], *given: np.ndarray) -> list[np.ndarray]:
    """Compute formulas of arrays; the first argument is what has functions."""
    trace = Trace(len(given))
    recorded = trace.formula([*formulas(trace, *trace.given)])
    return [np.broadcast_to(each, given[0].shape) for each in recorded.play(by_numpy, *given)]


def _fit(formula: Formula, reach: float) -> tuple[float, tuple[float, ...]]:
    """Give the variance from which quadrature is no longer near, and the weights of the shapes."""

    def play(z: np.ndarray) -> np.ndarray:
        return _compute(lambda xp, z: [formula(xp, z)], z)[0]

    grid = np.linspace(-5.0, 5.0, 1201)
    shares = np.exp(-0.5 * grid * grid)
    deviations = reach * 2.0 ** np.arange(-6.0, 5.5, 0.5)[:, None]
    s = np.linspace(-2.0, 2.0, 41) * (deviations + reach)
    v = np.broadcast_to(deviations**2, s.shape)
    means = play(s[..., None] + deviations[..., None] * grid) @ (shares / shares.sum())
    size = np.ptp(play(reach * grid / 5.0))
    sizes = np.maximum(np.ptp(means, axis=1, keepdims=True), size)
    (near,) = _compute(lambda xp, s, v: [_by_nodes(formula, xp, s, v)], s, v)
    errors = (np.abs(near - means) / sizes).max(axis=1)
    shapes = np.stack(_compute(lambda xp, s, v: _shapes(xp, s, v, reach), s, v)) / sizes
    if np.abs(play(np.array([-50.0, 50.0]) * reach)).max() <= 4.0 * size:
        shapes[GROWING] = 0.0
    for first in np.flatnonzero(errors > TOLERANCE):
        rows, wanted = shapes[:, first:].reshape(len(shapes), -1).T, (means / sizes)[first:]
        found, *_ = np.linalg.lstsq(rows, wanted.ravel(), rcond=1e-6)
        found[np.abs(found * rows).max(axis=0) < 0.01] = 0.0
        if np.abs(found @ shapes[:, first] - wanted[0]).max() < errors[first]:
            return 0.5 * float(v[first, 0]), tuple(float(f"{each:.3g}") for each in found)
    return math.inf, ()
