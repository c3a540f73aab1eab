"""Records formulas as operations of another language.

A :class:`Recorder` has the functions of arrays that activations and colour maps are written in
(:mod:`neatfool.cppn.functions.rules`). Each is written down, and gives what stands for its
result. So no other language needs formulas of its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN: Final[dict[str, Callable[..., float]]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: a / b,
    "Min": min,
    "Max": max,
    "Neg": lambda a: -a,
    "Abs": abs,
    "Round": round,
    "Sqrt": math.sqrt,
    "Exp": math.exp,
    "Log": math.log,
    "Sin": math.sin,
    "Cos": math.cos,
    "Tanh": math.tanh,
}
"""The operations by their names in ONNX, for plain numbers."""


class Value:
    """Stands for an array."""

    def __init__(self, recorder: Recorder, name: str) -> None:
        self.recorder = recorder
        self.name = name

    def __add__(self, other: Any) -> Any:
        return self.recorder.record("Add", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.recorder.record("Sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.recorder.record("Sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.recorder.record("Mul", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self.recorder.record("Div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.recorder.record("Div", other, self)

    def __neg__(self) -> Any:
        return self.recorder.record("Neg", self)


class Recorder(ABC):
    """Writes operations down, each only once; plain numbers are computed at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Value] = {}

    @abstractmethod
    def write(self, kind: str, *inputs: Any) -> Value:
        """Write an operation, whose inputs are values and plain numbers."""

    def record(self, kind: str, *inputs: Any) -> Any:
        """Give the result of an operation: a value, or a number if all inputs are numbers."""
        if not any(isinstance(each, Value) for each in inputs):
            return _PLAIN[kind](*inputs)
        if kind == "Mul" and 0.0 in inputs:
            return 0.0  # arguments are finite
        neutral = {"Add": 0.0, "Mul": 1.0}.get(kind)
        if neutral in inputs:
            return inputs[1] if inputs[0] == neutral else inputs[0]
        if kind == "Div" and inputs[0] == 0.0:
            return 0.0
        if (kind, inputs[-1]) in (("Sub", 0.0), ("Div", 1.0)):
            return inputs[0]
        key = kind, *(each.name if isinstance(each, Value) else float(each) for each in inputs)
        if key not in self._known:
            self._known[key] = self.write(kind, *inputs)
        return self._known[key]

    def exp(self, a: Any) -> Any:
        """Give e to its power."""
        return self.record("Exp", a)

    def sin(self, a: Any) -> Any:
        """Give the sine."""
        return self.record("Sin", a)

    def cos(self, a: Any) -> Any:
        """Give the cosine."""
        return self.record("Cos", a)

    def tanh(self, a: Any) -> Any:
        """Give the hyperbolic tangent."""
        return self.record("Tanh", a)

    def log(self, a: Any) -> Any:
        """Give the natural logarithm."""
        return self.record("Log", a)

    def sqrt(self, a: Any) -> Any:
        """Give the square root."""
        return self.record("Sqrt", a)

    def absolute(self, a: Any) -> Any:
        """Give the size."""
        return self.record("Abs", a)

    def round(self, a: Any) -> Any:
        """Round to the nearest integer."""
        return self.record("Round", a)

    def clip(self, a: Any, low: float, high: float) -> Any:
        """Clip to a range."""
        return self.record("Min", self.record("Max", a, low), high)
