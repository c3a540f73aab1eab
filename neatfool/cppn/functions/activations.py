"""Activations: neat-python's eighteen, the paper's four, and one of its authors' next paper.

Each is given twice: as a function of one Python float, which neat-python's own network runs and
which defines it, and as a formula for arrays. The formula is one text for numpy and torch, whose
functions share names: numpy's are much the faster on a CPU (sine 3 times, tanh 12 times, where it
was measured), torch's run on a GPU and give gradients.

The formulas use only functions whose result for an element does not depend on where in the array
it lies, so that an image has the same bits in any batch and any tile. ``torch.sigmoid`` and
``torch.nn.functional.softplus`` are not such: the last few elements go another way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from neat import activations as neat_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Formula = Callable[[Any, Any, Any], Any]

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


@dataclass(frozen=True)
class Activation:
    """A node's activation function.

    Attributes:
        name: What genomes and configurations call it.
        scalar: The function of a Python float, as neat-python's ``add_activation`` takes it.
        formula: The function of an array: ``formula(xp, z, out)`` with ``xp`` numpy or torch and
            ``out`` an array for the result, distinct from ``z``, or None for a new one.
        nan: The argument that NaN counts as, or None where NaN stays NaN. Python's ``min(c, nan)``
            is c, so that a clamped argument takes NaN to its upper limit.
        bounded: Whether all values lie in [-1, 1].
    """

    name: str
    scalar: Callable[[float], float]
    formula: Formula
    nan: float | None = None
    bounded: bool = False

    def __call__(self, z: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Apply to a tensor.

        Args:
            z: Floats of any shape; not changed.
            out: Where to write the values: not ``z``, and gradients must be off. Absent: a new
                tensor, differentiable with respect to ``z``.

        Returns:
            The values, in the shape of ``z``.
        """
        if self.nan is not None:
            z = torch.nan_to_num(z, nan=self.nan, posinf=math.inf, neginf=-math.inf)
        result: torch.Tensor = self.formula(torch, z, out)
        return result

    def write(self, z: np.ndarray, out: np.ndarray, *, may_be_nan: bool = True) -> None:
        """Apply to a numpy array.

        Args:
            z: Floats of any shape; NaN in it may be overwritten.
            out: Where to write the values; not ``z``.
            may_be_nan: False where ``z`` is known to hold no NaN, which saves a look.
        """
        if may_be_nan and self.nan is not None:
            np.copyto(z, self.nan, where=np.isnan(z))
        self.formula(np, z, out)


def paper_sine(z: float) -> float:
    """sin(z), and NaN where z is infinite."""
    return math.sin(z) if math.isfinite(z) else math.nan


def paper_sigmoid(z: float) -> float:
    """2 / (1 + exp(-z)) - 1, which is tanh(z / 2)."""
    return math.tanh(0.5 * z)


def paper_gaussian(z: float) -> float:
    """exp(-z^2)."""
    return math.exp(-(z * z))


def paper_linear(z: float) -> float:
    """Z clipped to [-3, 3], over 3."""
    return max(-3.0, min(3.0, z)) / 3.0


def paper_tanh(z: float) -> float:
    """tanh(5 z), which Innovation Engines (Nguyen, Yosinski and Clune, 2015) has for the sine."""
    return math.tanh(5.0 * z)


def _replace(xp: Any, z: Any, where: Any, value: Any, out: Any) -> Any:
    """Give ``z`` with ``value`` in the places ``where``."""
    if xp is torch:
        # A number made here would have to be copied to a GPU.
        value = value if isinstance(value, torch.Tensor) else z.new_full((), value)
        return torch.where(where, value, z, out=out)
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


def _tanh(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, 2.5, out=out)
    return xp.tanh(z, out=out)


def _sin(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, 5.0, out=out)
    z = xp.clip(z, -60.0, 60.0, out=out)
    return xp.sin(z, out=out)


def _gauss(xp: Any, z: Any, out: Any) -> Any:
    z = xp.clip(z, -3.4, 3.4, out=out)
    z = xp.multiply(z, z, out=out)
    z = xp.multiply(z, -5.0, out=out)
    return xp.exp(z, out=out)


def _relu(xp: Any, z: Any, out: Any) -> Any:
    return xp.clip(z, 0.0, math.inf, out=out)


def _elu(xp: Any, z: Any, out: Any) -> Any:
    curve = xp.clip(z, -math.inf, 0.0, out=out)
    curve = xp.exp(curve, out=out)
    curve = xp.subtract(curve, 1.0, out=out)
    return _replace(xp, curve, z > 0.0, z, out)


def _lelu(xp: Any, z: Any, out: Any) -> Any:
    leak = xp.multiply(z, 0.005, out=out)
    return _replace(xp, leak, z > 0.0, z, out)


def _selu(xp: Any, z: Any, out: Any) -> Any:
    curve = xp.clip(z, -math.inf, 0.0, out=out)
    curve = xp.exp(curve, out=out)
    curve = xp.subtract(curve, 1.0, out=out)
    curve = xp.multiply(curve, _SELU_ALPHA, out=out)
    curve = _replace(xp, curve, z > 0.0, z, out)
    return xp.multiply(curve, _SELU_SCALE, out=out)


def _softplus(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, 5.0, out=out)
    z = xp.clip(z, -60.0, 60.0, out=out)
    z = xp.exp(z, out=out)
    z = xp.add(z, 1.0, out=out)
    z = xp.log(z, out=out)
    return xp.multiply(z, 0.2, out=out)


def _identity(xp: Any, z: Any, out: Any) -> Any:
    return xp.multiply(z, 1.0, out=out)


def _clamped(xp: Any, z: Any, out: Any) -> Any:
    return xp.clip(z, -1.0, 1.0, out=out)


def _inv(xp: Any, z: Any, out: Any) -> Any:
    # 1/0 is 0 in neat-python. Through infinity, so that its gradient is 0 too and not NaN.
    z = _replace(xp, z, z == 0.0, math.inf, out)
    return xp.reciprocal(z, out=out)


def _log(xp: Any, z: Any, out: Any) -> Any:
    z = xp.clip(z, 1e-7, math.inf, out=out)
    return xp.log(z, out=out)


def _exp(xp: Any, z: Any, out: Any) -> Any:
    z = xp.clip(z, -60.0, 60.0, out=out)
    return xp.exp(z, out=out)


def _abs(xp: Any, z: Any, out: Any) -> Any:
    return xp.absolute(z, out=out)


def _hat(xp: Any, z: Any, out: Any) -> Any:
    z = xp.absolute(z, out=out)
    z = xp.negative(z, out=out)
    z = xp.add(z, 1.0, out=out)
    return xp.clip(z, 0.0, math.inf, out=out)


def _square(xp: Any, z: Any, out: Any) -> Any:
    return xp.multiply(z, z, out=out)


def _cube(xp: Any, z: Any, out: Any) -> Any:
    square = xp.multiply(z, z, out=out)
    return xp.multiply(square, z, out=out)


def _paper_sine(xp: Any, z: Any, out: Any) -> Any:
    return xp.sin(z, out=out)


def _paper_sigmoid(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, 0.5, out=out)
    return xp.tanh(z, out=out)


def _paper_gaussian(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, z, out=out)
    z = xp.negative(z, out=out)
    return xp.exp(z, out=out)


def _paper_linear(xp: Any, z: Any, out: Any) -> Any:
    z = xp.clip(z, -3.0, 3.0, out=out)
    return xp.divide(z, 3.0, out=out)


def _paper_tanh(xp: Any, z: Any, out: Any) -> Any:
    z = xp.multiply(z, 5.0, out=out)
    return xp.tanh(z, out=out)


PAPER_ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        each.name: each
        for each in (
            Activation("paper_sine", paper_sine, _paper_sine, bounded=True),
            Activation("paper_sigmoid", paper_sigmoid, _paper_sigmoid, bounded=True),
            Activation("paper_gaussian", paper_gaussian, _paper_gaussian, bounded=True),
            Activation("paper_linear", paper_linear, _paper_linear, nan=3.0, bounded=True),
            Activation("paper_tanh", paper_tanh, _paper_tanh, bounded=True),
        )
    }
)
"""The paper's four activations and ``paper_tanh``, all with values in [-1, 1]."""


def _neat(
    name: str, formula: Formula, nan: float | None = None, *, bounded: bool = False
) -> Activation:
    return Activation(name, getattr(neat_python, f"{name}_activation"), formula, nan, bounded)


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        each.name: each
        for each in (
            _neat("sigmoid", _sigmoid, 12.0, bounded=True),
            _neat("tanh", _tanh, 24.0, bounded=True),
            _neat("sin", _sin, 12.0, bounded=True),
            _neat("gauss", _gauss, 3.4, bounded=True),
            _neat("relu", _relu, 0.0),
            _neat("elu", _elu),
            _neat("lelu", _lelu),
            _neat("selu", _selu),
            _neat("softplus", _softplus, 12.0),
            _neat("identity", _identity),
            _neat("clamped", _clamped, 1.0, bounded=True),
            _neat("inv", _inv),
            _neat("log", _log, 1e-7),
            _neat("exp", _exp, 60.0),
            _neat("abs", _abs),
            _neat("hat", _hat, 1.0, bounded=True),
            _neat("square", _square),
            _neat("cube", _cube),
            *PAPER_ACTIVATIONS.values(),
        )
    }
)
"""All activations that a genome may name."""
