"""The mean of any formula over normally distributed arguments, at about the cost of the formula.

It is the formula itself, of an argument that moves towards a centre, or of a height that fades, and
as much of a few shapes that any formula has from afar: a level, a line, a bend, a parabola, an edge
and a bump, whose means are known. All of this is fitted to the mean under a fine grid of arguments.
Where no such fit is near, as for a formula that jumps, Gauss-Hermite quadrature takes its place.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any, Final

import numpy as np

from neatfool.cppn.activations import fade
from neatfool.cppn.formulas import Trace, by_numpy

Formula = Callable[[Any, Any], Any]
Near = Callable[[Any, Any, Any], Any]
"""What is left of a formula, given ``(xp, s, v)``, and its share; the shapes have the other."""

Nodes = list[tuple[float, float]]
"""Places, in standard deviations from the mean, and their weights."""

_POINT: Final = [(0.0, 1.0)]
_HERMITE = np.polynomial.hermite_e.hermegauss(5)
_QUADRATURE: Final = [
    *zip(_HERMITE[0].tolist(), (_HERMITE[1] / _HERMITE[1].sum()).tolist(), strict=True)
]
_SQUARED_SIZE: Final = 2 / math.pi
GROWING: Final = slice(1, 4)
"""The shapes without bound: the line, the bend and the parabola."""
SHAPE_COST: Final = 0.02
QUADRATURE_COST: Final = 0.1
"""What a lesser error has to be worth, as a share of the formula's range."""


def mean_of(formula: Formula, reach: float) -> Callable[[Any, Any, Any], Any]:
    """Give the mean of a formula, called as ``mean(xp, s, v)`` with mean and variance.

    ``reach`` is the size of arguments within which the formula has its shape.
    """

    @cache
    def fitted() -> tuple[Near, list[float]]:
        return _fit(formula, reach)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        near, weights = fitted()
        left, share = near(xp, s, v)
        shapes = zip(weights, _shapes(xp, s, v, reach), strict=True)
        return left + (1.0 - share) * sum(weight * shape for weight, shape in shapes)

    return mean


def _fading(formula: Formula, rate: float, nodes: Nodes, xp: Any, s: Any, v: Any) -> Any:
    """Give the formula's mean over nodes, of a height that fades; and the share that is left."""
    share, deviation = fade(xp, rate * v), xp.sqrt(v + 1e-20)
    mean = sum(weight * formula(xp, s + place * deviation) for place, weight in nodes)
    return share * mean, share


def _widening(
    formula: Formula, rate: float, power: int, centre: float, xp: Any, s: Any, v: Any
) -> Any:
    """Give the formula of an argument that moves to the centre; and the share that is left."""
    narrowing = xp.rsqrt(1.0 + rate * v)
    share = math.prod([narrowing] * power)
    return share * formula(xp, narrowing * (s - centre) + centre), share


def _candidates(
    formula: Formula, reach: float, centre: float, *, jumps: bool
) -> Iterator[tuple[float, Near]]:
    """Give what may be left of a formula, each with its cost."""
    for rate in (2.0 ** np.arange(-4.0, 12.0, 0.5) / reach**2).tolist():
        yield 0.0, partial(_fading, formula, rate, _QUADRATURE if jumps else _POINT)
        for power in range(3):
            yield 0.0, partial(_widening, formula, rate, power, centre)
    yield QUADRATURE_COST, partial(_fading, formula, 0.0, _QUADRATURE)  # exact for polynomials


def _shapes(xp: Any, s: Any, v: Any, reach: float) -> Iterator[Any]:
    """Give the means of the shapes that a formula has from afar."""
    inverse = xp.rsqrt(v + 1e-20)
    z = s * inverse
    bump = (reach * inverse) * xp.exp(-0.5 * (z * z))
    yield from (1.0, s / reach, xp.sqrt(s * s + _SQUARED_SIZE * v) / reach)
    yield from ((s * s + v) / reach**2, xp.tanh(_SQUARED_SIZE**0.5 * z), bump)
    yield (reach * inverse) * z * bump


def _compute(formulas: Callable[..., Iterable[Any]], *given: np.ndarray) -> np.ndarray:
    """Compute formulas of arrays; the first argument is what has functions."""
    trace = Trace(len(given))
    recorded = trace.formula([*formulas(trace, *trace.given)])
    found = np.empty((len(recorded.results), *given[0].shape))
    for row, each in zip(found, recorded.evaluate(by_numpy, *given), strict=True):
        row[:] = each
    return found


def _fit(formula: Formula, reach: float) -> tuple[Near, list[float]]:
    """Give what is left of a formula, and the weights of the shapes."""

    def evaluate(z: np.ndarray) -> np.ndarray:
        (found,) = _compute(lambda xp, z: [formula(xp, z)], z)
        return np.asarray(found)

    grid = np.linspace(-5.0, 5.0, 1201)
    shares = np.exp(-0.5 * grid * grid)
    size = np.ptp(evaluate(reach * grid / 5.0)) or 1.0
    middle = reach * grid / 2.5
    steepness = np.abs(np.diff(evaluate(middle))) + 1e-12
    centre = float(np.average(middle[1:], weights=steepness**2).round(2))
    jumps = bool(steepness.max() > 0.1 * size)
    deviations = reach * 2.0 ** np.arange(-6.0, 5.5, 0.5)[:, None]
    around = np.linspace(-2.0, 2.0, 41)
    s = np.hstack(
        [around * (deviations + reach), middle[np.argmax(steepness)] + around[::4] * deviations]
    )
    v = np.broadcast_to(deviations**2, s.shape)
    means = evaluate(s[..., None] + deviations[..., None] * grid) @ (shares / shares.sum())
    sizes = np.maximum(np.ptp(means, axis=1, keepdims=True), size)
    shapes = _compute(lambda xp, s, v: _shapes(xp, s, v, reach), s, v) / sizes
    if np.abs(evaluate(np.array([-50.0, 50.0]) * reach)).max() <= 4.0 * size:
        shapes[GROWING] = 0.0
    best, found = math.inf, None
    for cost, near in _candidates(formula, reach, centre, jumps=jumps):
        left, share = _compute(near, s, v)
        rows = ((1.0 - share) * shapes).reshape(len(shapes), -1)
        wanted = ((means - left) / sizes).ravel()
        weights, *_ = np.linalg.lstsq(rows @ rows.T, rows @ wanted, rcond=1e-9)
        weights[np.abs(weights[:, None] * rows).max(axis=1) < 0.02] = 0.0
        error = np.abs(weights @ rows - wanted).max() + SHAPE_COST * np.count_nonzero(weights)
        if error + cost < best - 1e-3:
            best, found = error + cost, (near, [float(f"{each:.3g}") for each in weights])
    assert found
    return found
