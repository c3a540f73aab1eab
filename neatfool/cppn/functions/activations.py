"""The table of activations: neat-python's eighteen and ours.

An activation has two forms here. A function of one Python float defines it, and runs in
neat-python's own network. A formula for arrays serves numpy and torch, whose functions share names:
numpy's are much faster on a CPU (sine 3 times, tanh 12 times where measured), torch's run on a GPU
and give gradients. :mod:`neatfool.cppn.compiled.activations` has a third form, for compiled code.

The formulas use only functions that treat an element alike anywhere in an array, so that an image
has the same bits in any batch and any tile. ``torch.sigmoid`` and ``torch.nn.functional.softplus``
do not: they compute the last few elements in another way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from neat import activations as neat_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    Formula = Callable[[Any, Any, Any], Any]

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


@dataclass(frozen=True)
class Glyph:
    """How drawings of networks show an activation.

    Attributes:
        colour: The colour of its disc, ``#rrggbb``; activations of one shape share it.
        curve: Its shape without its scale: a function of an array in [-1, 1] to about [-1, 1].
    """

    colour: str
    curve: Callable[[np.ndarray], np.ndarray]

    def points(self) -> np.ndarray:
        """Give points of the curve: float64 [33, 2], x from -1 to 1, and y."""
        x = np.linspace(-1, 1, 33)
        return np.stack([x, self.curve(x)], axis=1)


@dataclass(frozen=True)
class Activation:
    """A node's activation function.

    Attributes:
        name: Its name in genomes and configurations.
        scalar: The function of a Python float, for neat-python's ``add_activation``.
        formula: The function of an array: ``formula(xp, z, out)`` with ``xp`` numpy or torch and
            ``out`` an array for the result, distinct from ``z``, or None for a new one.
        glyph: Its picture in drawings of networks.
        nan: The argument that NaN counts as; None if NaN stays NaN. Python's ``min(c, nan)`` is c,
            so that clamping turns NaN into the upper limit.
        bounded: Whether all values lie in [-1, 1].
    """

    name: str
    scalar: Callable[[float], float]
    formula: Formula
    glyph: Glyph
    nan: float | None = None
    bounded: bool = False

    def __call__(self, z: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Apply to a tensor.

        Args:
            z: Floats of any shape; not changed.
            out: The tensor to write to, not ``z``; gradients must be off. By default a new tensor,
                differentiable by ``z``.

        Returns:
            The values, in the shape of ``z``.
        """
        import torch

        if self.nan is not None:
            z = torch.nan_to_num(z, nan=self.nan, posinf=math.inf, neginf=-math.inf)
        result: torch.Tensor = self.formula(torch, z, out)
        return result

    def write(self, z: np.ndarray, out: np.ndarray, *, may_be_nan: bool = True) -> None:
        """Apply to a numpy array.

        Args:
            z: Floats of any shape; NaN in it may be overwritten.
            out: The array to write to, not ``z``.
            may_be_nan: False if ``z`` is known to hold no NaN, which saves a check.
        """
        if may_be_nan and self.nan is not None:
            np.copyto(z, self.nan, where=np.isnan(z))
        self.formula(np, z, out)


def _replace(xp: Any, z: Any, where: Any, value: Any, out: Any) -> Any:
    """Replace ``z`` by ``value`` in the places ``where``."""
    if xp is not np:
        # `new_full` makes the number on the GPU, without a copy.
        value = z.new_full((), value) if isinstance(value, float) else value
        return xp.where(where, value, z, out=out)
    if out is not z:
        np.copyto(out, z)
    np.copyto(out, value, where=where)
    return out


def _sigmoid(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, -5.0, out=out)
    z = xp.clip(z, -60.0, 60.0, out=out)
    z = xp.exp(z, out=out)
    z = xp.add(z, 1.0, out=out)
    return xp.reciprocal(z, out=out)


def _sin(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, 5.0, out=out)
    z = xp.clip(z, -60.0, 60.0, out=out)
    return xp.sin(z, out=out)


def _gauss(xp: Any, z: Any, out: Any) -> Any:
    z = xp.clip(z, -3.4, 3.4, out=out)
    z = xp.multiply(z, z, out=out)
    z = xp.multiply(z, -5.0, out=out)
    return xp.exp(z, out=out)


def _negative_exp(xp: Any, z: Any, out: Any) -> Any:
    z = xp.clip(z, -math.inf, 0.0, out=out)
    z = xp.exp(z, out=out)
    return xp.subtract(z, 1.0, out=out)


def _elu(xp: Any, z: Any, out: Any) -> Any:
    return _replace(xp, _negative_exp(xp, z, out), z > 0.0, z, out)


def _lelu(xp: Any, z: Any, out: Any) -> Any:
    leak = xp.multiply(z, 0.005, out=out)
    return _replace(xp, leak, z > 0.0, z, out)


def _selu(xp: Any, z: Any, out: Any) -> Any:
    curve = xp.multiply(_negative_exp(xp, z, out), _SELU_ALPHA, out=out)
    curve = _replace(xp, curve, z > 0.0, z, out)
    return xp.multiply(curve, _SELU_SCALE, out=out)


def _softplus(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, 5.0, out=out)
    z = xp.clip(z, -60.0, 60.0, out=out)
    z = xp.exp(z, out=out)
    z = xp.add(z, 1.0, out=out)
    z = xp.log(z, out=out)
    return xp.multiply(z, 0.2, out=out)


def _inv(xp: Any, z: Any, out: Any) -> Any:
    # 1/0 is 0 in neat-python. Going through infinity makes its gradient 0 and not NaN.
    z = _replace(xp, z, z == 0.0, math.inf, out)
    return xp.reciprocal(z, out=out)


def _hat(xp: Any, z: Any, out: Any) -> Any:
    z = xp.absolute(z, out=out)
    z = xp.negative(z, out=out)
    z = xp.add(z, 1.0, out=out)
    return xp.clip(z, 0.0, math.inf, out=out)


def _paper_gaussian(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, z, out=out)
    z = xp.negative(z, out=out)
    return xp.exp(z, out=out)


def _triangle(xp: Any, z: Any, out: Any) -> Any:
    z = xp.clip(z, -1e6, 1e6)
    rest = xp.round(xp.multiply(z, 0.25, out=out), out=out)
    rest = xp.add(z, xp.multiply(rest, -4.0, out=out), out=out)
    return xp.subtract(xp.multiply(xp.clip(rest, -1.0, 1.0), 2.0), rest, out=out)


def _triangle_scalar(z: float) -> float:
    rest = math.remainder(max(-1e6, min(1e6, z)), 4.0)
    return 2.0 * max(-1.0, min(1.0, rest)) - rest


def _tanh(factor: float) -> Formula:
    return lambda xp, z, out: xp.tanh(xp.multiply(z, factor, out=out), out=out)


def _neat(
    name: str, formula: Formula, glyph: Glyph, nan: float | None = None, *, bounded: bool = False
) -> Activation:
    """Make an activation with neat-python's scalar function."""
    scalar = getattr(neat_python, f"{name}_activation")
    return Activation(name, scalar, formula, glyph, nan, bounded)


_BLUE, _GREEN, _RED, _PURPLE = "#3f74b5", "#1d8552", "#d4556a", "#9a3a86"
_OLIVE, _CYAN, _GREY = "#8f7d1e", "#1f8fa8", "#747d8a"

_WAVE = Glyph(_BLUE, lambda z: np.sin(np.pi * z))
_SLOPE = Glyph(_GREEN, lambda z: np.tanh(3 * z))
_STEP = Glyph(_CYAN, lambda z: np.tanh(5 * z))
_BELL = Glyph(_RED, lambda z: 2 * np.exp(-6 * z**2) - 1)
_RAMP = Glyph(_PURPLE, lambda z: np.clip(2 * z, -1, 1))

_TABLE = (
    _neat("sigmoid", _sigmoid, _SLOPE, 12.0, bounded=True),
    _neat("tanh", _tanh(2.5), _STEP, 24.0, bounded=True),
    _neat("sin", _sin, _WAVE, 12.0, bounded=True),
    _neat("gauss", _gauss, _BELL, 3.4, bounded=True),
    _neat(
        "relu",
        lambda xp, z, out: xp.clip(z, 0.0, math.inf, out=out),
        Glyph(_PURPLE, lambda z: 2 * np.maximum(0, z) - 1),
        0.0,
    ),
    _neat(
        "elu",
        _elu,
        Glyph(_GREY, lambda z: np.where(z > 0, z, 0.3 * np.expm1(4 * np.minimum(z, 0))) - 0.3),
    ),
    _neat("lelu", _lelu, Glyph(_GREY, lambda z: 2 * np.maximum(0.15 * z, z) - 1)),
    _neat(
        "selu",
        _selu,
        Glyph(_GREY, lambda z: np.where(z > 0, z, 0.5 * np.expm1(4 * np.minimum(z, 0))) - 0.2),
    ),
    _neat("softplus", _softplus, Glyph(_GREY, lambda z: 0.4 * np.log1p(np.exp(5 * z)) - 1), 12.0),
    _neat("identity", lambda xp, z, out: xp.multiply(z, 1.0, out=out), Glyph(_GREY, lambda z: z)),
    _neat(
        "clamped",
        lambda xp, z, out: xp.clip(z, -1.0, 1.0, out=out),
        _RAMP,
        1.0,
        bounded=True,
    ),
    _neat("inv", _inv, Glyph(_GREY, lambda z: np.clip(0.2 / np.where(z == 0, 1e-9, z), -1, 1))),
    _neat(
        "log",
        lambda xp, z, out: xp.log(xp.clip(z, 1e-7, math.inf, out=out), out=out),
        Glyph(_GREY, lambda z: np.clip(0.5 * np.log(np.maximum(1e-9, 3 * (z + 1))), -1, 1)),
        1e-7,
    ),
    _neat(
        "exp",
        lambda xp, z, out: xp.exp(xp.clip(z, -60.0, 60.0, out=out), out=out),
        Glyph(_GREY, lambda z: 2 * np.exp(2.5 * (z - 1)) - 1),
        60.0,
    ),
    _neat(
        "abs",
        lambda xp, z, out: xp.absolute(z, out=out),
        Glyph(_OLIVE, lambda z: 2 * np.abs(z) - 1),
    ),
    _neat(
        "hat",
        _hat,
        Glyph(_OLIVE, lambda z: 2 * np.maximum(0, 1 - np.abs(2 * z)) - 1),
        1.0,
        bounded=True,
    ),
    _neat(
        "square",
        lambda xp, z, out: xp.multiply(z, z, out=out),
        Glyph(_RED, lambda z: 2 * z**2 - 1),
    ),
    _neat(
        "cube",
        lambda xp, z, out: xp.multiply(xp.multiply(z, z, out=out), z, out=out),
        Glyph(_BLUE, lambda z: z**3),
    ),
    Activation(
        "paper_sine",
        lambda z: math.sin(z) if math.isfinite(z) else math.nan,
        lambda xp, z, out: xp.sin(z, out=out),
        _WAVE,
        bounded=True,
    ),
    # 2 / (1 + exp(-z)) - 1 is tanh(z / 2).
    Activation("paper_sigmoid", lambda z: math.tanh(0.5 * z), _tanh(0.5), _SLOPE, bounded=True),
    Activation(
        "paper_gaussian", lambda z: math.exp(-(z * z)), _paper_gaussian, _BELL, bounded=True
    ),
    Activation(
        "paper_linear",
        lambda z: max(-3.0, min(3.0, z)) / 3.0,
        lambda xp, z, out: xp.divide(xp.clip(z, -3.0, 3.0, out=out), 3.0, out=out),
        _RAMP,
        nan=3.0,
        bounded=True,
    ),
    # Innovation Engines (Nguyen, Yosinski and Clune, 2015) uses it in place of the sine.
    Activation("paper_tanh", lambda z: math.tanh(5.0 * z), _tanh(5.0), _STEP, bounded=True),
    Activation(
        "triangle",
        _triangle_scalar,
        _triangle,
        Glyph(_OLIVE, lambda z: 2 * np.clip(2 * z, -1, 1) - 2 * z),
        nan=1e6,
        bounded=True,
    ),
)

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({each.name: each for each in _TABLE})
"""All activations that a genome may name. Append a new one: programs and compiled code number
them."""
