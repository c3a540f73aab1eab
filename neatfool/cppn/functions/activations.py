"""The table of activations: neat-python's eighteen and ours.

:mod:`neatfool.cppn.functions.rules` has the formulas, from which all that draws is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.cppn.functions import rules
from neatfool.cppn.functions.recording import Trace, by_python

if TYPE_CHECKING:
    from neatfool.cppn.functions.recording import Formula, Number, Value
    from neatfool.cppn.functions.rules import Mean

_SELU_SCALE: Final = 1.0507009873554804934193349852946
_SELU_ALPHA: Final = 1.6732632423543772848170429916717


@dataclass(frozen=True)
class Glyph:
    """How drawings of networks show an activation."""

    colour: str
    """The colour of its disc, ``#rrggbb``; activations of one shape share it."""
    curve: Callable[[np.ndarray], np.ndarray]
    """Its shape without its scale: a function of an array in [-1, 1] to about [-1, 1]."""

    def points(self) -> np.ndarray:
        """Give points of the curve: float64 [33, 2], x from -1 to 1, and y."""
        x = np.linspace(-1, 1, 33)
        return np.stack([x, self.curve(x)], axis=1)


@dataclass(frozen=True)
class Activation:
    """A node's activation function."""

    name: str
    """Its name in genomes and configurations."""
    mean: Mean
    """Its mean over the reach of a pixel; see :mod:`neatfool.cppn.functions.rules`."""
    glyph: Glyph
    """Its picture in drawings of networks."""

    @property
    def scalar(self) -> Callable[[float], float]:
        """The function of a Python float, for neat-python's ``add_activation``."""
        return lambda z: float(self.at_points.play(by_python, z)[0])

    @cached_property
    def at_points(self) -> Formula:
        """The formula of a picture of points: its value, given its argument."""
        trace = Trace(1)
        return trace.formula([self.mean(trace, self._bounded(trace)[0], 0.0)])

    @cached_property
    def within_reach(self) -> Formula:
        """The formula of a node that fades: its mean, and the two derivatives of that.

        It is given its argument's mean and derivatives. A derivative is what a number changes by
        over the reach of a pixel, to the right or downwards.
        """
        trace = Trace(3)
        return trace.formula(self._limited(trace))

    @cached_property
    def backwards(self) -> Formula:
        """The formula of gradients by what ``within_reach`` is given.

        It is given that, and the gradients by what ``within_reach`` gives.
        """
        trace = Trace(6)
        results = zip(self._limited(trace), trace.given[3:], strict=True)
        return trace.formula(trace.differentiate([*results], trace.given[:3]))

    def _limited(self, trace: Trace) -> list[Number]:
        s, across, down = self._bounded(trace)
        variance = trace.minimum(across * across + down * down, rules.LIMIT**2)
        mean = self.mean(trace, s, variance)
        (slope,) = trace.differentiate([(mean, 1.0)], [s])
        return [mean, slope * across, slope * down]

    def _bounded(self, trace: Trace) -> list[Value]:
        """Give what a formula is given, within its limit if that is necessary."""
        given = trace.given[:3]
        if self.name not in rules.UNBOUNDED:
            return given
        return [trace.clip(each, -rules.LIMIT, rules.LIMIT) for each in given]


_BLUE, _GREEN, _RED, _PURPLE = "#3f74b5", "#1d8552", "#d4556a", "#9a3a86"
_OLIVE, _CYAN, _GREY = "#8f7d1e", "#1f8fa8", "#747d8a"

_WAVE = Glyph(_BLUE, lambda z: np.sin(np.pi * z))
_SLOPE = Glyph(_GREEN, lambda z: np.tanh(3 * z))
_STEP = Glyph(_CYAN, lambda z: np.tanh(5 * z))
_BELL = Glyph(_RED, lambda z: 2 * np.exp(-6 * z**2) - 1)
_RAMP = Glyph(_PURPLE, lambda z: np.clip(2 * z, -1, 1))
_TENT = Glyph(_OLIVE, lambda z: 2 * np.maximum(0, 1 - np.abs(2 * z)) - 1)
_TRIANGLE = Glyph(_OLIVE, lambda z: 2 * np.clip(2 * z, -1, 1) - 2 * z)
_V = Glyph(_OLIVE, lambda z: 2 * np.abs(z) - 1)
_ELU = Glyph(_GREY, lambda z: np.where(z > 0, z, 0.3 * np.expm1(4 * np.minimum(z, 0))) - 0.3)
_SELU = Glyph(_GREY, lambda z: np.where(z > 0, z, 0.5 * np.expm1(4 * np.minimum(z, 0))) - 0.2)
_INVERSE = Glyph(_GREY, lambda z: np.clip(0.2 / np.where(z == 0, 1e-9, z), -1, 1))
_LOG = Glyph(_GREY, lambda z: np.clip(0.5 * np.log(np.maximum(1e-9, 3 * (z + 1))), -1, 1))

_TABLE = (
    Activation("sigmoid", rules.step(2.5, 0.0), _SLOPE),
    Activation("tanh", rules.step(2.5), _STEP),
    Activation("sin", rules.wave(5.0, 12.0), _WAVE),
    Activation("gauss", rules.bell(5.0), _BELL),
    Activation("relu", rules.bend(0.0, 1.0), Glyph(_PURPLE, lambda z: 2 * np.maximum(0, z) - 1)),
    Activation("elu", rules.linear_unit(1.0, 1.0), _ELU),
    Activation(
        "lelu", rules.bend(0.005, 1.0), Glyph(_GREY, lambda z: 2 * np.maximum(0.15 * z, z) - 1)
    ),
    Activation("selu", rules.linear_unit(_SELU_SCALE, _SELU_ALPHA), _SELU),
    Activation(
        "softplus", rules.softplus, Glyph(_GREY, lambda z: 0.4 * np.log1p(np.exp(5 * z)) - 1)
    ),
    Activation("identity", rules.bend(1.0, 1.0), Glyph(_GREY, lambda z: z)),
    Activation("clamped", rules.ramp(1.0), _RAMP),
    Activation("inv", rules.inverse, _INVERSE),
    Activation("log", rules.logarithm, _LOG),
    Activation("exp", rules.exponential, Glyph(_GREY, lambda z: 2 * np.exp(2.5 * (z - 1)) - 1)),
    Activation("abs", rules.bend(-1.0, 1.0), _V),
    Activation("hat", rules.hat, _TENT),
    Activation("square", rules.square, Glyph(_RED, lambda z: 2 * z**2 - 1)),
    Activation("cube", rules.cube, Glyph(_BLUE, lambda z: z**3)),
    Activation("paper_sine", rules.wave(1.0), _WAVE),
    # 2 / (1 + exp(-z)) - 1 is tanh(z / 2).
    Activation("paper_sigmoid", rules.step(0.5), _SLOPE),
    Activation("paper_gaussian", rules.bell(1.0), _BELL),
    Activation("paper_linear", rules.ramp(3.0), _RAMP),
    # Innovation Engines (Nguyen, Yosinski and Clune, 2015) uses it in place of the sine.
    Activation("paper_tanh", rules.step(5.0), _STEP),
    Activation("triangle", rules.triangle, _TRIANGLE),
)

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({each.name: each for each in _TABLE})
"""All activations that a genome may name. Append a new one: programs and compiled code number
them."""
