"""The table of activations: neat-python's eighteen and ours.

:mod:`neatfool.cppn.functions.rules` has the formulas, from which all that draws is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from neat import activations as neat_python

from neatfool.cppn.functions import rules
from neatfool.cppn.functions.recording import Trace

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
    scalar: Callable[[float], float]
    """The function of a Python float, for neat-python's ``add_activation``."""
    mean: Mean
    """Its mean over the reach of a pixel; see :mod:`neatfool.cppn.functions.rules`."""
    glyph: Glyph
    """Its picture in drawings of networks."""

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
        variance = trace.record("Min", across * across + down * down, rules.LIMIT**2)
        mean = self.mean(trace, s, variance)
        (slope,) = trace.differentiate([(mean, 1.0)], [s])
        return [mean, slope * across, slope * down]

    def _bounded(self, trace: Trace) -> list[Value]:
        """Give what a formula is given, within its limit if that is necessary."""
        given = trace.given[:3]
        if self.name not in rules.UNBOUNDED:
            return given
        return [trace.clip(each, -rules.LIMIT, rules.LIMIT) for each in given]


def _wave_argument(z: float) -> float:
    return max(-rules.WAVE_LIMIT, min(rules.WAVE_LIMIT, z))


def _triangle_scalar(z: float) -> float:
    rest = math.remainder(max(-1e6, min(1e6, z)), 4.0)
    return 2.0 * max(-1.0, min(1.0, rest)) - rest


def _neat(name: str, mean: Mean, glyph: Glyph) -> Activation:
    """Make an activation with neat-python's scalar function."""
    return Activation(name, getattr(neat_python, f"{name}_activation"), mean, glyph)


_BLUE, _GREEN, _RED, _PURPLE = "#3f74b5", "#1d8552", "#d4556a", "#9a3a86"
_OLIVE, _CYAN, _GREY = "#8f7d1e", "#1f8fa8", "#747d8a"

_WAVE = Glyph(_BLUE, lambda z: np.sin(np.pi * z))
_SLOPE = Glyph(_GREEN, lambda z: np.tanh(3 * z))
_STEP = Glyph(_CYAN, lambda z: np.tanh(5 * z))
_BELL = Glyph(_RED, lambda z: 2 * np.exp(-6 * z**2) - 1)
_RAMP = Glyph(_PURPLE, lambda z: np.clip(2 * z, -1, 1))
_TENT = Glyph(_OLIVE, lambda z: 2 * np.maximum(0, 1 - np.abs(2 * z)) - 1)
_V = Glyph(_OLIVE, lambda z: 2 * np.abs(z) - 1)
_ELU = Glyph(_GREY, lambda z: np.where(z > 0, z, 0.3 * np.expm1(4 * np.minimum(z, 0))) - 0.3)
_SELU = Glyph(_GREY, lambda z: np.where(z > 0, z, 0.5 * np.expm1(4 * np.minimum(z, 0))) - 0.2)
_INVERSE = Glyph(_GREY, lambda z: np.clip(0.2 / np.where(z == 0, 1e-9, z), -1, 1))
_LOG = Glyph(_GREY, lambda z: np.clip(0.5 * np.log(np.maximum(1e-9, 3 * (z + 1))), -1, 1))

_TABLE = (
    _neat("sigmoid", rules.step(2.5, 0.0), _SLOPE),
    _neat("tanh", rules.step(2.5), _STEP),
    _neat("sin", rules.wave(5.0, 12.0), _WAVE),
    _neat("gauss", rules.bell(5.0), _BELL),
    _neat("relu", rules.bend(0.0, 1.0), Glyph(_PURPLE, lambda z: 2 * np.maximum(0, z) - 1)),
    _neat("elu", rules.linear_unit(1.0, 1.0), _ELU),
    _neat("lelu", rules.bend(0.005, 1.0), Glyph(_GREY, lambda z: 2 * np.maximum(0.15 * z, z) - 1)),
    _neat("selu", rules.linear_unit(_SELU_SCALE, _SELU_ALPHA), _SELU),
    _neat("softplus", rules.softplus, Glyph(_GREY, lambda z: 0.4 * np.log1p(np.exp(5 * z)) - 1)),
    _neat("identity", rules.bend(1.0, 1.0), Glyph(_GREY, lambda z: z)),
    _neat("clamped", rules.ramp(1.0), _RAMP),
    _neat("inv", rules.inverse, _INVERSE),
    _neat("log", rules.logarithm, _LOG),
    _neat("exp", rules.exponential, Glyph(_GREY, lambda z: 2 * np.exp(2.5 * (z - 1)) - 1)),
    _neat("abs", rules.bend(-1.0, 1.0), _V),
    _neat("hat", rules.hat, _TENT),
    _neat("square", rules.square, Glyph(_RED, lambda z: 2 * z**2 - 1)),
    _neat("cube", rules.cube, Glyph(_BLUE, lambda z: z**3)),
    Activation("paper_sine", lambda z: math.sin(_wave_argument(z)), rules.wave(1.0), _WAVE),
    # 2 / (1 + exp(-z)) - 1 is tanh(z / 2).
    Activation("paper_sigmoid", lambda z: math.tanh(0.5 * z), rules.step(0.5), _SLOPE),
    Activation("paper_gaussian", lambda z: math.exp(-(z * z)), rules.bell(1.0), _BELL),
    Activation("paper_linear", lambda z: max(-3.0, min(3.0, z)) / 3.0, rules.ramp(3.0), _RAMP),
    # Innovation Engines (Nguyen, Yosinski and Clune, 2015) uses it in place of the sine.
    Activation("paper_tanh", lambda z: math.tanh(5.0 * z), rules.step(5.0), _STEP),
    Activation(
        "triangle",
        _triangle_scalar,
        rules.triangle,
        Glyph(_OLIVE, lambda z: 2 * np.clip(2 * z, -1, 1) - 2 * z),
    ),
)

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({each.name: each for each in _TABLE})
"""All activations that a genome may name. Append a new one: programs and compiled code number
them."""
