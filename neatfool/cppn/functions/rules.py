"""The formulas of activations: the mean of a function over the reach of a pixel.

A node's argument is not one number but many: those that it takes within the reach of a pixel. They
count as normally distributed, with the mean s and the variance v; v is 0 where a picture is sampled
at points. An activation is the mean that it makes of such arguments, so that a node which turns too
fast for a pixel fades. With v = 0 it is the function itself.

Each formula is called as ``formula(xp, s, v)``, and written once, with Python's operators and the
functions of ``xp``, a :class:`~neatfool.cppn.functions.recording.Trace`: all that draws is made of
what that records, derivatives too. Arguments are within ``LIMIT``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    Mean = Callable[[Any, Any, Any], Any]

LIMIT: Final = 1e9
"""The largest size of an argument, and of its derivatives."""

UNBOUNDED: Final = (
    *("relu", "elu", "lelu", "selu", "softplus", "identity"),
    *("inv", "log", "exp", "abs", "square", "cube"),
)
"""The activations whose derivatives can become so large that products of them overflow."""

WAVE_LIMIT: Final = 25_000.0
"""The largest argument of a sine. Beyond it a wave is flat, as single precision has few numbers
there in each period."""

_SQUARED_SIZE: Final = 2 / math.pi
"""The square of the mean size of a normal number."""


def mean_size(xp: Any, s: Any, v: Any) -> Any:
    """Give the mean of the size of numbers with the mean s and the variance v.

    It is exact for s = 0 and for v = 0, and within 8 % of the deviation between them: the mean
    under a distribution with longer tails than the normal one, which needs no error function.
    """
    if v == 0.0:
        return xp.absolute(s)
    return xp.sqrt(s * s + _SQUARED_SIZE * v + 1e-20)


def _positive_part(xp: Any, s: Any, v: Any) -> Any:
    """Give the mean of max(s, 0)."""
    if v == 0.0:
        return xp.clip(s, 0.0, LIMIT)
    beyond = (0.5 * _SQUARED_SIZE) * v / (mean_size(xp, s, v) + xp.absolute(s))
    return xp.clip(s, 0.0, LIMIT) + beyond


def wave(rate: float, end: float = WAVE_LIMIT) -> Mean:
    """Give the formula of sin(rate s), level where s is larger than ``end``."""
    return lambda xp, s, v: xp.sin(rate * xp.clip(s, -end, end)) * _fade(xp, (rate * rate) * v)


def _fade(xp: Any, v: Any) -> Any:
    """Give how much is left of a wave: nearly exp(-v / 2), and nothing of a fast one."""
    left = xp.maximum(1.0 - (1 / 16) * v, 0.0)
    for _ in range(3):
        left = left * left
    return left


def bell(rate: float) -> Mean:
    """Give the formula of exp(-rate s^2)."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        height = xp.rsqrt(1.0 + (2.0 * rate) * v)
        z = height * s
        return height * xp.exp(-rate * (z * z))

    return mean


def step(rate: float, low: float = -1.0) -> Mean:
    """Give the formula of tanh(rate s), scaled to the range from ``low`` to 1."""
    half = 0.5 * (1.0 - low)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        narrowing = xp.rsqrt(1.0 + (0.5 * math.pi * rate * rate) * v)
        return half * xp.tanh(rate * (narrowing * s)) + (1.0 - half)

    return mean


def bend(low: float, high: float) -> Mean:
    """Give the formula of two lines that meet in 0, with the slopes ``low`` and ``high``."""
    return lambda xp, s, v: low * s + (high - low) * _positive_part(xp, s, v)


def ramp(end: float) -> Mean:
    """Give the formula of a line from (-end, -1) to (end, 1) that goes on level."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        if v == 0.0:
            return (1.0 / end) * xp.clip(s, -end, end)
        s = xp.clip(s, -1e3, 1e3)
        return (0.5 / end) * (mean_size(xp, s + end, v) - mean_size(xp, s - end, v))

    return mean


def linear_unit(scale: float, depth: float) -> Mean:
    """Give the formula of scale s above 0, and of scale depth (exp(s) - 1) below."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        above = _positive_part(xp, s, v)
        return scale * (above + depth * (xp.exp(s - above) - 1.0))

    return mean


def softplus(xp: Any, s: Any, v: Any) -> Any:
    """Compute log(1 + exp(5 s)) / 5."""
    rate = 5.0 / xp.sqrt(1.0 + (25.0 * math.pi / 8.0) * v)
    return xp.log(1.0 + xp.exp(xp.clip(rate * s, -60.0, 60.0))) / rate


def inverse(xp: Any, s: Any, v: Any) -> Any:
    """Compute 1 / s, and 0 for s = 0."""
    # Its derivatives are within single precision, too.
    return s / (s * s + v + (1e-30 if v == 0.0 else 1e-10))


def logarithm(xp: Any, s: Any, v: Any) -> Any:
    """Compute log(s), and log(1e-7) below 1e-7."""
    return xp.log(xp.clip(_positive_part(xp, s, v), 1e-7, LIMIT))


def exponential(xp: Any, s: Any, v: Any) -> Any:
    """Compute exp(s), for s from -60 to 60."""
    return xp.exp(xp.clip(s + 0.5 * v, -60.0, 60.0))


def hat(xp: Any, s: Any, v: Any) -> Any:
    """Compute 1 - |s|, and 0 where that is negative."""
    s = xp.clip(s, -1e3, 1e3)
    sides = mean_size(xp, s - 1.0, v) + mean_size(xp, s + 1.0, v)
    return xp.maximum(0.5 * sides - mean_size(xp, s, v), 0.0)


def triangle(xp: Any, s: Any, v: Any) -> Any:
    """Compute s reflected at 1 and -1, a wave of lines with the period 4."""
    z = xp.clip(s, -1e6, 1e6)
    z = z - 4.0 * xp.round(0.25 * z)
    return (2.0 * xp.clip(z, -1.0, 1.0) - z) * _fade(xp, (0.25 * math.pi**2) * v)


def square(xp: Any, s: Any, v: Any) -> Any:
    """Compute the square."""
    return s * s + v


def cube(xp: Any, s: Any, v: Any) -> Any:
    """Compute the third power."""
    return s * (s * s + 3.0 * v)
