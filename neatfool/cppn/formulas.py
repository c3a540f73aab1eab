"""Records formulas as operations, and evaluates them with any library or in any language.

A :class:`Trace` has the functions of arrays that activations and colour maps are written in. What a
formula does with a :class:`Symbol` is written down, and gives another symbol. The resulting
:class:`Expression` can be evaluated by anything that performs operations: numpy, torch, and what
writes machine code, GLSL or ONNX. Derivatives (:mod:`neatfool.cppn.derivatives`) are operations,
too. So no function is written twice.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partialmethod
from typing import Any, Final, TypeAlias

import numpy as np

Perform: TypeAlias = Callable[..., Any]
Number: TypeAlias = "Symbol | float"

ELEMENTARY: Final = ("sqrt", "exp", "log", "sin", "cos", "tanh")

PLAIN: Final[Mapping[str, Callable[..., float]]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: a / b,
    "Neg": lambda a: -a,
    "Min": min,
    "Max": max,
    "Abs": abs,
    "Round": round,
    "Rsqrt": lambda a: 1 / math.sqrt(a),
    "Step": lambda a: float(a >= 0),
    **{name.title(): getattr(math, name) for name in ELEMENTARY},
}
"""All operations, for plain numbers. ``Step`` is 0 for negative numbers, and else 1."""

_NUMPY: Final[Mapping[str, Perform]] = {
    **PLAIN,
    "Min": np.minimum,
    "Max": np.maximum,
    "Round": np.rint,
    "Rsqrt": lambda a: 1 / np.sqrt(a),
    "Step": lambda a: (a >= 0).astype(a.dtype),
    **{name.title(): getattr(np, name) for name in ELEMENTARY},
}


def by_python(kind: str, *inputs: Any) -> Any:
    """Perform an operation, given its name and its inputs, on plain numbers."""
    return PLAIN[kind](*inputs)


def by_numpy(kind: str, *inputs: Any) -> Any:
    """Perform an operation on arrays."""
    return _NUMPY[kind](*inputs)


def _operator(kind: str, *, reflected: bool = False) -> Callable[..., Any]:
    def record(self: Symbol, *others: Number) -> Any:
        inputs = (*others, self) if reflected else (self, *others)
        return self.recorder.record(kind, *inputs)

    return record


@dataclass(frozen=True, eq=False)
class Symbol:
    """Stands for an array: what a formula is given, or the result of an operation."""

    recorder: Recorder
    name: Any

    __add__ = __radd__ = _operator("Add")
    __sub__, __rsub__ = _operator("Sub"), _operator("Sub", reflected=True)
    __mul__ = __rmul__ = _operator("Mul")
    __truediv__, __rtruediv__ = _operator("Div"), _operator("Div", reflected=True)
    __neg__, __abs__ = _operator("Neg"), _operator("Abs")
    __array_ufunc__ = None  # numpy's numbers leave operations to a symbol

    def __pow__(self, exponent: object) -> Any:
        """Give a power as products."""
        if not isinstance(exponent, int) or not 1 <= exponent <= 16:
            raise TypeError(f"** takes a whole number from 1 to 16, not {exponent!r}")
        return math.prod([self] * exponent)

    def __bool__(self) -> bool:
        """Refuse: an ``if`` would choose once for all arguments."""
        raise TypeError("a formula cannot ask `if`; use xp.step, xp.maximum and xp.minimum")


class Recorder(ABC):
    """Writes operations down, each only once; plain numbers are computed at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Symbol] = {}

    @abstractmethod
    def write(self, kind: str, *inputs: Number) -> Symbol:
        """Write an operation, whose inputs are values and plain numbers."""

    def record(self, kind: str, *inputs: Number) -> Any:
        """Give the result of an operation: a value, or a number if all inputs are numbers."""
        if not any(isinstance(each, Symbol) for each in inputs):
            return PLAIN[kind](*inputs)
        first, last = inputs[0], inputs[-1]
        if (first == 0.0 and kind in ("Mul", "Div")) or (last == 0.0 and kind == "Mul"):
            return 0.0  # arguments are finite
        if (kind, first) in (("Add", 0.0), ("Mul", 1.0)):
            return last
        if (kind, last) in (("Add", 0.0), ("Sub", 0.0), ("Mul", 1.0), ("Div", 1.0)):
            return first
        key = kind, *((each.name,) if isinstance(each, Symbol) else float(each) for each in inputs)
        if key not in self._known:
            self._known[key] = self.write(kind, *inputs)
        return self._known[key]

    exp = partialmethod(record, "Exp")
    log = partialmethod(record, "Log")
    sin = partialmethod(record, "Sin")
    cos = partialmethod(record, "Cos")
    tanh = partialmethod(record, "Tanh")
    sqrt = partialmethod(record, "Sqrt")
    rsqrt = partialmethod(record, "Rsqrt")
    absolute = partialmethod(record, "Abs")
    round = partialmethod(record, "Round")
    step = partialmethod(record, "Step")
    maximum = partialmethod(record, "Max")
    minimum = partialmethod(record, "Min")

    def clip(self, a: Any, low: float, high: float) -> Any:
        """Clip to a range."""
        return self.minimum(self.maximum(a, low), high)


WAVE_LIMIT: Final = 25_000.0
"""The largest argument of a sine. Beyond it a wave is flat, as single precision has few numbers
there in each period."""


class Trace(Recorder):
    """A formula as it is recorded, of so many given arrays.

    Attributes:
        given: What it is given.
        values: The same, and the result of each operation.
        steps: The operations: the name of each, and its inputs.
    """

    def __init__(self, given: int) -> None:
        super().__init__()
        self.given = [Symbol(self, place) for place in range(given)]
        self.values = [*self.given]
        self.steps: list[tuple[str, tuple[Number, ...]]] = []

    def write(self, kind: str, *inputs: Number) -> Symbol:
        """Keep an operation."""
        self.steps.append((kind, inputs))
        self.values.append(Symbol(self, len(self.values)))
        return self.values[-1]

    def formula(self, results: Sequence[Any]) -> Expression:
        """Give what leads to some results."""
        first, used = len(self.given), {r.name for r in results if isinstance(r, Symbol)}
        for place in range(len(self.values) - 1, first - 1, -1):
            if place in used:
                used |= {i.name for i in self.steps[place - first][1] if isinstance(i, Symbol)}
        kept = [place for place in range(first, len(self.values)) if place in used]
        places = {place: place for place in range(first)}
        places |= {place: first + number for number, place in enumerate(kept)}

        def refer(number: Number) -> int | float:
            return places[number.name] if isinstance(number, Symbol) else float(number)

        return Expression(
            first,
            tuple(
                (kind, tuple(map(refer, inputs)))
                for kind, inputs in (self.steps[place - first] for place in kept)
            ),
            tuple(map(refer, results)),
        )


@dataclass(frozen=True)
class Expression:
    """Operations, and what they lead to."""

    given: int  # how many arrays it is given
    steps: tuple[tuple[str, tuple[int | float, ...]], ...]
    """The operations in order: the name of each, and its inputs. An integer is the place of an
    array, the given ones first; a float is a number."""
    results: tuple[int | float, ...]  # what it gives: a place or a number each

    def evaluate(self, perform: Perform, *given: Any) -> list[Any]:
        """Give the results: ``perform(kind, *inputs)`` does an operation."""
        values = [*given]

        def find(number: int | float) -> Any:
            return values[number] if isinstance(number, int) else number

        for kind, inputs in self.steps:
            values.append(perform(kind, *map(find, inputs)))
        return [*map(find, self.results)]
