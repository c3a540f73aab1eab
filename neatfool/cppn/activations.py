"""What a node computes: an activation of the sum of its weighted inputs.

A node's argument is not one number but many: those that it takes within the reach of a pixel. They
count as normally distributed, with the mean s and the variance v; v is 0 where a picture is sampled
at points. An activation is the mean that it makes of such arguments, so that a node which turns too
fast for a pixel fades. With v = 0 it is the function itself.

Each formula is called as ``formula(xp, s, v)``, and written once, with Python's operators and the
functions of ``xp``, a :class:`~neatfool.cppn.formulas.Trace`: all that draws is made of
what that records, derivatives too. Arguments are within ``LIMIT``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from neatfool.cppn.formulas import (
    WAVE_LIMIT,
    Expression,
    Number,
    Symbol,
    Trace,
    by_numpy,
    by_python,
)

Mean = Callable[[Any, Any, Any], Any]

LIMIT: Final = 1e9
"""The largest size of an argument, and of its derivatives."""

UNBOUNDED: Final = (
    *("relu", "identity", "abs", "square"),
    *("elu", "lelu", "selu", "inv", "log", "exp", "cube"),
)
"""The activations whose derivatives can become so large that products of them overflow."""

_SQUARED_SIZE: Final = 2 / math.pi
"""The square of the mean size of a normal number."""


def _mean_size(xp: Any, s: Any, v: Any) -> Any:
    """Give the mean of the size of numbers with the mean s and the variance v."""
    if v == 0.0:
        return xp.absolute(s)
    # Exact for s = 0 and for v = 0, and within 8 % of the deviation between them: the mean under a
    # distribution with longer tails than the normal one, which needs no error function.
    return xp.sqrt(s * s + _SQUARED_SIZE * v + 1e-20)


def _positive_part(xp: Any, s: Any, v: Any) -> Any:
    """Give the mean of max(s, 0)."""
    if v == 0.0:
        return xp.clip(s, 0.0, LIMIT)
    beyond = (0.5 * _SQUARED_SIZE) * v / (_mean_size(xp, s, v) + xp.absolute(s))
    return xp.clip(s, 0.0, LIMIT) + beyond


def _wave(rate: float, end: float = WAVE_LIMIT) -> Mean:
    """Give the formula of sin(rate s), level where s is larger than ``end``."""
    return lambda xp, s, v: xp.sin(rate * xp.clip(s, -end, end)) * fade(xp, (rate * rate) * v)


def fade(xp: Any, v: Any) -> Any:
    """Give how much is left of a wave: nearly exp(-v / 2), and nothing of a fast one."""
    left = xp.maximum(1.0 - (1 / 16) * v, 0.0)
    for _ in range(3):
        left = left * left
    return left


def _bell(rate: float) -> Mean:
    """Give the formula of exp(-rate s^2)."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        height = xp.rsqrt(1.0 + (2.0 * rate) * v)
        z = height * s
        return height * xp.exp(-rate * (z * z))

    return mean


def _step(rate: float, low: float = -1.0) -> Mean:
    """Give the formula of tanh(rate s), scaled to the range from ``low`` to 1."""
    half = 0.5 * (1.0 - low)

    def mean(xp: Any, s: Any, v: Any) -> Any:
        narrowing = xp.rsqrt(1.0 + (0.5 * math.pi * rate * rate) * v)
        return half * xp.tanh(rate * (narrowing * s)) + (1.0 - half)

    return mean


def _bend(low: float, high: float) -> Mean:
    """Give the formula of two lines that meet in 0, with the slopes ``low`` and ``high``."""
    return lambda xp, s, v: low * s + (high - low) * _positive_part(xp, s, v)


def _ramp(end: float) -> Mean:
    """Give the formula of a line from (-end, -1) to (end, 1) that goes on level."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        if v == 0.0:
            return (1.0 / end) * xp.clip(s, -end, end)
        s = xp.clip(s, -1e3, 1e3)
        return (0.5 / end) * (_mean_size(xp, s + end, v) - _mean_size(xp, s - end, v))

    return mean


def _hat(xp: Any, s: Any, v: Any) -> Any:
    """Compute 1 - |s|, and 0 where that is negative."""
    s = xp.clip(s, -1e3, 1e3)
    sides = _mean_size(xp, s - 1.0, v) + _mean_size(xp, s + 1.0, v)
    return xp.maximum(0.5 * sides - _mean_size(xp, s, v), 0.0)


def _soft_bend(centre: float, spread: float, sharp: Callable[[Any, Any], Any]) -> Mean:
    """Give the formula of a bend whose curvature lies around a place, with a variance."""

    def mean(xp: Any, s: Any, v: Any) -> Any:
        if v == 0.0:
            return sharp(xp, s)
        wide, own = (_mean_size(xp, s - centre, spread + more) for more in (v, 0.0))
        return sharp(xp, s) + 0.5 * (wide - own)

    return mean


# The curvature of log(1 + exp(5 z))/5 is a logistic distribution, that of exp(z) an exponential.
_softplus = _soft_bend(
    0.0,
    math.pi**2 / 75,
    lambda xp, s: xp.maximum(s, 0.0) + 0.2 * xp.log(1.0 + xp.exp(-5.0 * xp.absolute(s))),
)
_elu = _soft_bend(-1.0, 1.0, lambda xp, s: xp.maximum(s, 0.0) + xp.exp(xp.minimum(s, 0.0)) - 1.0)
_SELU: Final = 1.0507009873554805, 1.6732632423543772


def _selu(xp: Any, s: Any, v: Any) -> Any:
    scale, steep = _SELU
    return scale * (steep * _elu(xp, s, v) + (1.0 - steep) * _positive_part(xp, s, v))


def _log(xp: Any, s: Any, v: Any) -> Any:
    """Compute log(s), and log(1e-7) where s is less."""
    if v == 0.0:
        return xp.log(xp.maximum(s, 1e-7))
    # Of the numbers above 0, and their share.
    above = 0.5 * xp.log(s * s + 0.2808 * v + 1e-14)
    share = 0.5 + 0.5 * xp.tanh(0.851 * (s * xp.rsqrt(v + 1e-20)))
    return share * above + (1.0 - share) * math.log(1e-7)


def _triangle(xp: Any, s: Any, v: Any) -> Any:
    """Compute s reflected at 1 and -1, a wave of lines with the period 4."""
    z = xp.clip(s, -1e6, 1e6)
    z = z - 4.0 * xp.round(0.25 * z)
    return (2.0 * xp.clip(z, -1.0, 1.0) - z) * fade(xp, (0.25 * math.pi**2) * v)


@dataclass(frozen=True)
class Activation:
    """A node's activation function."""

    name: str  # its name in genomes and configurations
    mean: Mean  # its mean over the reach of a pixel
    colour: str  # of its disc in drawings of networks, ``#rrggbb``; those of one shape share it
    reach: float  # drawings show its curve from -reach to reach
    source: str = ""  # the plugin that offers it; empty for neatfool's own
    fingerprint: str = ""  # a hash of what a plugin's computes, however that is written

    @property
    def scalar(self) -> Callable[[float], float]:
        """The function of a Python float, for neat-python's ``add_activation``."""
        return lambda z: float(self.at_points.evaluate(by_python, z)[0])

    def curve(self) -> np.ndarray:
        """Give points of its curve, for drawings of networks: float64 [33, 2], from -1 to 1."""
        x = np.linspace(-1, 1, 33)
        (y,) = self.at_points.evaluate(by_numpy, self.reach * x)
        return np.stack([x, 2 * (y - y.min()) / (np.ptp(y) or 1.0) - 1], axis=1)

    @cached_property
    def at_points(self) -> Expression:
        """The formula of a picture of points: its value, given its argument."""
        trace = Trace(1)
        return trace.formula([self.mean(trace, self._bounded(trace)[0], 0.0)])

    @property
    def code_name(self) -> str:
        """Its name in compiled code, where no two functions have the same."""
        return f"{self.name}_{self.fingerprint}" if self.source else self.name

    @cached_property
    def within_reach(self) -> Expression:
        """The formula of a node that fades: from its argument's mean and derivatives to its own.

        A derivative is what a number changes by over a pixel's reach, to the right or downwards.
        """
        trace = Trace(3)
        return trace.formula(self._limited(trace))

    @cached_property
    def backwards(self) -> Expression:
        """The formula of gradients by what ``within_reach`` is given, from that and those after."""
        from neatfool.cppn.derivatives import differentiate

        trace = Trace(6)
        results = zip(self._limited(trace), trace.given[3:], strict=True)
        return trace.formula(differentiate(trace, [*results], trace.given[:3]))

    def _limited(self, trace: Trace) -> list[Number]:
        from neatfool.cppn.derivatives import differentiate  # which pictures of points need not

        s, across, down = self._bounded(trace)
        variance = trace.minimum(across * across + down * down, LIMIT**2)
        mean = self.mean(trace, s, variance)
        (slope,) = differentiate(trace, [(mean, 1.0)], [s])
        return [mean, slope * across, slope * down]

    def _bounded(self, trace: Trace) -> list[Symbol]:
        """Give what a formula is given, within its limit if that is necessary."""
        given = trace.given[:3]
        if self.name not in UNBOUNDED and not self.source:
            return given
        return [trace.clip(each, -LIMIT, LIMIT) for each in given]


_BLUE, _GREEN, _RED, _PURPLE = "#3f74b5", "#1d8552", "#d4556a", "#9a3a86"
_OLIVE, _CYAN, _GREY = "#8f7d1e", "#1f8fa8", "#747d8a"

_TABLE = (
    Activation("sigmoid", _step(2.5, 0.0), _GREEN, 1.2),
    Activation("tanh", _step(2.5), _CYAN, 2.0),
    Activation("sin", _wave(5.0, 12.0), _BLUE, math.pi / 5),
    Activation("gauss", _bell(5.0), _RED, 1.1),
    Activation("relu", _bend(0.0, 1.0), _PURPLE, 1.0),
    Activation("identity", _bend(1.0, 1.0), _GREY, 1.0),
    Activation("clamped", _ramp(1.0), _PURPLE, 2.0),
    Activation("abs", _bend(-1.0, 1.0), _OLIVE, 1.0),
    Activation("hat", _hat, _OLIVE, 2.0),
    Activation("square", lambda xp, s, v: s * s + v, _RED, 1.0),
    Activation("paper_sine", _wave(1.0), _BLUE, math.pi),
    # 2 / (1 + exp(-z)) - 1 is tanh(z / 2).
    Activation("paper_sigmoid", _step(0.5), _GREEN, 6.0),
    Activation("paper_gaussian", _bell(1.0), _RED, 2.4),
    Activation("paper_linear", _ramp(3.0), _PURPLE, 6.0),
    # Innovation Engines (Nguyen, Yosinski and Clune, 2015) uses it in place of the sine.
    Activation("paper_tanh", _step(5.0), _CYAN, 1.0),
    Activation("triangle", _triangle, _OLIVE, 2.0),
    # The others of neat-python.
    Activation("elu", _elu, _PURPLE, 2.0),
    Activation("lelu", _bend(0.005, 1.0), _PURPLE, 1.0),
    Activation("selu", _selu, _PURPLE, 2.0),
    Activation(
        "softplus", lambda xp, s, v: _softplus(xp, xp.clip(s, -12.0, 12.0), v), _PURPLE, 1.0
    ),
    # Up to the limit. Numbers around 0 have no mean of 1/z; this goes through 0.
    Activation("inv", lambda xp, s, v: s / xp.maximum(s * s + v, 1 / LIMIT**2), _RED, 2.0),
    Activation("log", _log, _GREEN, 2.0),
    Activation("exp", lambda xp, s, v: xp.exp(xp.clip(s + 0.5 * v, -60.0, 60.0)), _GREEN, 2.0),
    Activation("cube", lambda xp, s, v: s * (s * s + 3.0 * v), _CYAN, 1.0),
)

PAPER_ACTIVATIONS: Final = ("paper_sine", "paper_sigmoid", "paper_gaussian", "paper_linear")
"""sin(z), 2/(1 + exp(-z)) - 1, exp(-z^2) and clip(z, -3, 3)/3."""

BUILT_IN: Final = tuple(each.name for each in _TABLE)
"""neatfool's own activations. Append a new one: programs and compiled code number them."""
_known = {each.name: each for each in _TABLE}
_codes = {name: code for code, name in enumerate(BUILT_IN)}
_by_code = dict(enumerate(_TABLE))
ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(_known)
"""All activations that a genome may name: neatfool's own, and those that were added here."""
CODES: Mapping[str, int] = MappingProxyType(_codes)
"""Their numbers in programs: places in ``BUILT_IN``; of others, hashes of what they compute."""
BY_CODE: Mapping[int, Activation] = MappingProxyType(_by_code)
"""The activations by their numbers."""


def enter(made: Activation) -> None:
    """Put an activation of a plugin into the tables."""
    code = 1 << 30 | int(made.fingerprint[:7], 16)
    _known[made.name], _codes[made.name], _by_code[code] = made, code, made
