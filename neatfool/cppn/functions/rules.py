"""The rules of activations: what a function makes of the numbers within the reach of a pixel.

A node's argument is not one number but many: those that it takes within the reach of a pixel. They
count as normally distributed, with the mean s and the variance v; v is 0 where a picture is sampled
at points. So an activation is given by three formulas: the *mean* that it makes of such arguments,
the *variance* of what it makes of them, and the *slope* of the mean by s. A node that turns too
fast for a pixel fades to its mean, and its variance tells the nodes after it that it did.

Each formula is written once, over few functions of arrays: ``exp``, ``sin``, ``cos``, ``tanh``,
``log``, ``sqrt``, ``absolute``, ``clip`` and ``round``, and Python's operators. numpy and torch
have them, and so have compiled code (:mod:`neatfool.cppn.compiled.elementary`), and what writes
ONNX and GLSL (:mod:`neatfool.cppn.exchange.recording`). Arguments are within ``LIMIT``, which keeps
results from being NaN.

The functions treat an element alike anywhere in an array, so that an image has the same bits in any
batch and any tile. ``torch.sigmoid`` and ``torch.nn.functional.softplus`` do not: they compute the
last few elements in another way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Formula = Callable[[Any, Any, Any], Any]
    FormulaOfMean = Callable[[Any, Any, Any, Any], Any]

LIMIT: Final = 1e9
"""The largest size of an argument, and of a variance. What is NaN counts as this, too: Python's
``min(c, nan)`` is c."""

WAVE_LIMIT: Final = 25_000.0
"""The largest argument of a sine. Beyond it a wave is flat, as single precision has few numbers
there in each period."""

_SQUARED_SIZE: Final = 2 / math.pi
"""The square of the mean size of a normal number."""


@dataclass(frozen=True)
class Rule:
    """The formulas of an activation, for arrays; ``xp`` has the functions, numpy say.

    Attributes:
        mean: ``mean(xp, s, v)``, the mean of the activation for arguments with the mean s and the
            variance v. With v = 0 it is the activation itself.
        variance: ``variance(xp, s, v, m)``, its variance, given the mean m, too. It is 0 with v =
            0, but for rounding.
        slope: ``slope(xp, s, v, m)``, the derivative of the mean by s.
    """

    mean: Formula
    variance: FormulaOfMean
    slope: FormulaOfMean


def mean_size(xp: Any, s: Any, v: Any) -> Any:
    """Give the mean of the size of numbers with the mean s and the variance v.

    It is exact for s = 0 and for v = 0, and within 8 % of the deviation between them: the mean
    under a distribution with longer tails than the normal one, which needs no error function.
    """
    return xp.sqrt(s * s + _SQUARED_SIZE * v + 1e-30)


def _positive_part(xp: Any, s: Any, v: Any) -> Any:
    """Give the mean of max(s, 0)."""
    beyond = (0.5 * _SQUARED_SIZE) * v / (mean_size(xp, s, v) + xp.absolute(s))
    return xp.clip(s, 0.0, LIMIT) + beyond


def side(xp: Any, s: Any, v: Any) -> Any:
    """Give the slope of :func:`mean_size`: from -1 to 1, as s is below or above 0."""
    return s / mean_size(xp, s, v)


def _up_to(xp: Any, z: Any, end: float) -> Any:
    """Give 1 for sizes up to ``end``, and 0 beyond, where a function is level."""
    return xp.clip((end - xp.absolute(z)) * 1e9, 0.0, 1.0)


def _within(spread: Any, room: Any) -> Any:
    """Give a variance that is ``spread`` where that is small, and never more than ``room``."""
    return spread * room / (spread + room + 1e-12)


def wave(rate: float, end: float = WAVE_LIMIT) -> Rule:
    """Give the rule of sin(rate s), level where s is larger than ``end``."""

    def fade(xp: Any, v: Any) -> Any:
        return xp.exp((-0.5 * rate * rate) * v)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return xp.sin(rate * xp.clip(s, -end, end)) * fade(xp, v)

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        left = fade(xp, v) * fade(xp, v)
        return (1.0 - left) * (0.5 * (1.0 + left) - m * m)

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return rate * xp.cos(rate * xp.clip(s, -end, end)) * fade(xp, v) * _up_to(xp, s, end)

    return Rule(mean, variance, slope)


def bell(rate: float) -> Rule:
    """Give the rule of exp(-rate s^2)."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        width = 1.0 / (1.0 + (2.0 * rate) * v)
        return xp.sqrt(width) * xp.exp(-rate * width * s * s)

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        # The mean of the square, over the square of the mean, is never less than 1.
        wide, width = 1.0 + (2.0 * rate) * v, 1.0 / (1.0 + (2.0 * rate) * v)
        narrower = 1.0 / (1.0 + (4.0 * rate) * v)
        apart = xp.clip((4.0 * rate * rate) * s * s * width * v * narrower, 0.0, 60.0)
        return m * m * (wide * xp.sqrt(narrower) * xp.exp(apart) - 1.0)

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return (-2.0 * rate) * s / (1.0 + (2.0 * rate) * v) * m

    return Rule(mean, variance, slope)


def step(rate: float, low: float = -1.0) -> Rule:
    """Give the rule of tanh(rate s), scaled to the range from ``low`` to 1."""
    half = 0.5 * (1.0 - low)

    def narrowing(xp: Any, v: Any) -> Any:
        return 1.0 / xp.sqrt(1.0 + (0.5 * math.pi * rate * rate) * v)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return half * xp.tanh(rate * narrowing(xp, v) * s) + (1.0 - half)

    def room(m: Any) -> Any:
        return (1.0 - m) * (m - low)

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return (rate / half) * narrowing(xp, v) * room(m)

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        rise = (rate / half) * room(m)
        return _within(rise * rise * v, room(m))

    return Rule(mean, variance, slope)


def bend(low: float, high: float) -> Rule:
    """Give the rule of two lines that meet in 0, with the slopes ``low`` and ``high``."""
    middle, half = 0.5 * (high + low), 0.5 * (high - low)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return middle * s + half * mean_size(xp, s, v)

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return middle + half * side(xp, s, v)

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        rise = slope(xp, s, v, m)
        return v * (rise * rise + (1.0 - _SQUARED_SIZE) * (rise - low) * (high - rise))

    return Rule(mean, variance, slope)


def ramp(end: float) -> Rule:
    """Give the rule of a line from (-end, -1) to (end, 1) that goes on level."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return 2.0 * s / (mean_size(xp, s + end, v) + mean_size(xp, s - end, v))

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return (0.5 / end) * (side(xp, s + end, v) - side(xp, s - end, v))

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        # The slope, with one division: compiled code computes them slowly.
        above, below = mean_size(xp, s + end, v), mean_size(xp, s - end, v)
        rise = (0.5 / end) * ((s + end) * below - (s - end) * above) / (above * below)
        spread = rise * rise * v * (1.0 + (_SQUARED_SIZE / end**2) * v)
        return _within(spread, xp.clip(1.0 - m * m, 0.0, 1.0))

    return Rule(mean, variance, slope)


def linear_unit(scale: float, depth: float) -> Rule:
    """Give the rule of scale s above 0, and of scale depth (exp(s) - 1) below."""

    def decay(xp: Any, s: Any, v: Any) -> Any:
        return xp.exp(s - _positive_part(xp, s, v))

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return scale * (_positive_part(xp, s, v) + depth * (decay(xp, s, v) - 1.0))

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        straight = 0.5 + 0.5 * side(xp, s, v)
        return scale * (straight + depth * decay(xp, s, v) * (1.0 - straight))

    return Rule(mean, _variance_by(slope, scale), slope)


def _variance_by(slope: FormulaOfMean, high: float = 0.0) -> FormulaOfMean:
    """Give the variance of what is nearly a line, or bends from a level line to slope ``high``."""

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        rise = slope(xp, s, v, m)
        bend = xp.clip(rise * (high - rise), 0.0, LIMIT)
        return rise * (rise * v) + (1.0 - _SQUARED_SIZE) * bend * v

    return variance


def softplus() -> Rule:
    """Give the rule of log(1 + exp(5 s)) / 5."""

    def narrowing(xp: Any, v: Any) -> Any:
        return 1.0 / xp.sqrt(1.0 + (25.0 * math.pi / 8.0) * v)

    def growth(xp: Any, s: Any, v: Any) -> Any:
        return xp.exp(xp.clip(5.0 * narrowing(xp, v) * s, -60.0, 60.0))

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return xp.log(1.0 + growth(xp, s, v)) / (5.0 * narrowing(xp, v))

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        steepness = growth(xp, s, v) / (1.0 + growth(xp, s, v))
        return steepness * _up_to(xp, 5.0 * narrowing(xp, v) * s, 60.0)

    return Rule(mean, _variance_by(slope, 1.0), slope)


def inverse() -> Rule:
    """Give the rule of 1 / s, and of 0 for s = 0."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return s / (s * s + v + 1e-30)

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return -1.0 / (s * s + v + 1e-30)

    return Rule(mean, _variance_by(slope), slope)


def logarithm() -> Rule:
    """Give the rule of log(s), and of log(1e-7) below 1e-7."""

    def above(xp: Any, s: Any, v: Any) -> Any:
        return xp.clip(_positive_part(xp, s, v), 1e-7, LIMIT)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return xp.log(above(xp, s, v))

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return (0.5 + 0.5 * side(xp, s, v)) / above(xp, s, v)

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        rise = slope(xp, s, v, m)
        return _within(rise * (rise * v), 1.0)

    return Rule(mean, variance, slope)


def exponential() -> Rule:
    """Give the rule of exp(s), for s from -60 to 60."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        return xp.exp(xp.clip(s + 0.5 * v, -60.0, 60.0))

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return m * _up_to(xp, s + 0.5 * v, 60.0)

    return Rule(mean, _variance_by(slope), slope)


def hat() -> Rule:
    """Give the rule of 1 - |s|, and of 0 where that is negative."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        s = xp.clip(s, -1e3, 1e3)
        sides = mean_size(xp, s - 1.0, v) + mean_size(xp, s + 1.0, v)
        return 0.5 * sides - mean_size(xp, s, v)

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return 0.5 * (side(xp, s - 1.0, v) + side(xp, s + 1.0, v)) - side(xp, s, v)

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        rise = slope(xp, s, v, m)
        steep = rise * rise
        return v * steep + (1.0 - _SQUARED_SIZE) * m * (1.0 - steep) * v / (1.0 + v)

    return Rule(mean, variance, slope)


def triangle() -> Rule:
    """Give the rule of s reflected at 1 and -1, a wave of lines with the period 4."""

    def fade(xp: Any, v: Any) -> Any:
        return xp.exp((-(math.pi**2) / 8.0) * v)

    def rest(xp: Any, s: Any) -> Any:
        z = xp.clip(s, -1e6, 1e6)
        return z - 4.0 * xp.round(0.25 * z)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        z = rest(xp, s)
        return (2.0 * xp.clip(z, -1.0, 1.0) - z) * fade(xp, v)

    def slope(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return (
            xp.clip((1.0 - xp.absolute(rest(xp, s))) * 1e9, -1.0, 1.0)
            * fade(xp, v)
            * _up_to(xp, s, 1e6)
        )

    def variance(xp: Any, s: Any, v: Any, m: Any) -> Any:
        return (1.0 - fade(xp, v) * fade(xp, v)) * (1.0 / 3.0)

    return Rule(mean, variance, slope)


SQUARE: Final = Rule(
    lambda xp, s, v: s * s + v,
    lambda xp, s, v, m: (4.0 * s * s + 2.0 * v) * v,
    lambda xp, s, v, m: 2.0 * s,
)
CUBE: Final = Rule(
    lambda xp, s, v: s * (s * s + 3.0 * v),
    lambda xp, s, v, m: (s * s * (9.0 * s * s + 36.0 * v) + 15.0 * v * v) * v,
    lambda xp, s, v, m: 3.0 * (s * s + v),
)
