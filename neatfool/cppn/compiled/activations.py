"""The activations, compiled: loops over pixels, made of the formulas of the table.

:mod:`neatfool.cppn.functions.rules` has the formulas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.compiling import inlined, inlined_formula, inner, make_switch
from neatfool.cppn.compiled import elementary
from neatfool.cppn.compiled.lanes import LANES, load, spread, store
from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.rules import LIMIT
from neatfool.cppn.genome.flat import COMMON

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool.cppn.functions.rules import Rule

F = np.float32
_LIMIT: Final = F(LIMIT)


@inlined
def _add_up(values: np.ndarray, sources: np.ndarray, factors: np.ndarray, bias: F, start: int) -> F:
    total = spread(bias)
    for term in range(len(sources)):
        total = total + load(values, sources[term], start) * factors[term]
    return elementary.clip(total, -_LIMIT, _LIMIT)


@inlined
def _add_up_variances(
    variances: np.ndarray, sources: np.ndarray, factors: np.ndarray, start: int
) -> F:
    total = spread(F(0.0))
    for term in range(len(sources)):
        total = total + load(variances, sources[term], start) * (factors[term] * factors[term])
    return elementary.clip(total, F(0.0), _LIMIT)


def _compile_points(name: str, rule: Rule) -> Callable[..., None]:
    """Compile the loop that :func:`activate` runs for points, whose variance is 0."""
    mean = inlined_formula(rule.mean, f"{name}_value")

    def loop(
        values: np.ndarray,
        variances: np.ndarray,
        sources: np.ndarray,
        factors: np.ndarray,
        bias: F,
        row: int,
        width: int,
    ) -> None:
        for start in range(0, width, LANES):
            z = _add_up(values, sources, factors, bias, start)
            store(values, row, start, mean(elementary, z, spread(F(0.0))))

    return inner(loop, f"{name}_values")


def _compile_means(name: str, rule: Rule) -> Callable[..., None]:
    """Compile the loop that :func:`activate` runs for means and variances."""
    mean = inlined_formula(rule.mean, f"{name}_mean")
    variance = inlined_formula(rule.variance, f"{name}_variance")

    def loop(
        values: np.ndarray,
        variances: np.ndarray,
        sources: np.ndarray,
        factors: np.ndarray,
        bias: F,
        row: int,
        width: int,
    ) -> None:
        for start in range(0, width, LANES):
            z = _add_up(values, sources, factors, bias, start)
            v = _add_up_variances(variances, sources, factors, start)
            m = mean(elementary, z, v)
            store(values, row, start, m)
            store(variances, row, start, variance(elementary, z, v, m))

    return inner(loop, f"{name}_means")


def _compile_slopes(name: str, rule: Rule) -> Callable[..., None]:
    """Compile the loop that :func:`activate_with_slopes` runs for an activation."""
    mean = inlined_formula(rule.mean, f"{name}_mean_of_slopes")
    variance = inlined_formula(rule.variance, f"{name}_variance_of_slopes")
    slope = inlined_formula(rule.slope, f"{name}_slope")

    def loop(
        values: np.ndarray,
        variances: np.ndarray,
        slopes: np.ndarray,
        sources: np.ndarray,
        factors: np.ndarray,
        row: int,
        width: int,
    ) -> None:
        for start in range(0, width, LANES):
            z = _add_up(values, sources, factors, F(0.0), start)
            v = _add_up_variances(variances, sources, factors, start)
            m = mean(elementary, z, v)
            store(values, row, start, m)
            store(variances, row, start, variance(elementary, z, v, m))
            store(slopes, row, start, slope(elementary, z, v, m))

    return inner(loop, f"{name}_slopes")


_RULES = [(name, each.rule) for name, each in ACTIVATIONS.items()]
_POINTS = {code: _compile_points(*each) for code, each in enumerate(_RULES)}
_MEANS = {code: _compile_means(*each) for code, each in enumerate(_RULES)}
_run_points = make_switch(_POINTS)
_run_means = make_switch(_MEANS)
_run_common_points = make_switch({code: _POINTS[code] for code in COMMON})
_run_common_means = make_switch({code: _MEANS[code] for code in COMMON})
_run_slopes = make_switch({code: _compile_slopes(*each) for code, each in enumerate(_RULES)})


@inlined
def activate(
    code: int,
    values: np.ndarray,
    variances: np.ndarray,
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
        values: float32 [R, P], the rows of the inputs and others.
        variances: float32 [R, P], their variances.
        sources: int32 [k], the row of each input.
        factors: float32 [k], the factor of each.
        bias: The float32 to add.
        row: The row to write. It may be an input's.
        width: The number of pixels, a multiple of ``LANES``.
        others: None if it is one of the ``COMMON`` activations.
        limited: None if all variances are 0, which are neither read nor written then.
    """
    arguments = values, variances, sources, factors, bias, row, width
    if others is not None:
        if limited is not None:
            _run_means(code, arguments)
        else:
            _run_points(code, arguments)
    elif limited is not None:
        _run_common_means(code, arguments)
    else:
        _run_common_points(code, arguments)


@inlined
def activate_with_slopes(
    code: int,
    values: np.ndarray,
    variances: np.ndarray,
    slopes: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    row: int,
    width: int,
) -> None:
    """Apply an activation to a weighted sum, and write its slopes; else as :func:`activate`."""
    _run_slopes(code, (values, variances, slopes, sources, factors, row, width))
