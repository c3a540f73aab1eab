"""Reads scores out of what a program prints."""

import json
import math
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, TypeAlias

from . import Options

ROUNDING: Final = 1e-3
"""How far from one a sum of probabilities may be, and a probability from [0, 1]."""
LONGEST: Final = 1000
"""So many characters of a text are compared with names: it takes the square of that."""

Reader: TypeAlias = Callable[[str, int], list[list[float]]]


class UnusableOutput(Exception):  # noqa: N818 - it says what the output is
    """Scores cannot be read."""


def make_reader(options: Options) -> Reader:
    """Make what reads (output, number of images) as rows of numbers, one an image."""
    if options.parser == "json":
        return _JsonReader(options)
    return lambda text, _: [
        [_nearness(" ".join(text[:LONGEST].split()), name) for name in options.classes]
    ]


def _nearness(text: str, name: str) -> float:
    return SequenceMatcher(None, text, name, autojunk=False).ratio()


class _JsonReader:
    def __init__(self, options: Options) -> None:
        self._options = options

    def __call__(self, text: str, count: int) -> list[list[float]]:
        if not text.strip():
            raise UnusableOutput("printed nothing, and not the JSON that scores are read from")
        try:
            rows = self._documents(text, count)
        except (ValueError, RecursionError) as error:
            raise UnusableOutput(f"printed no JSON: {error}") from error
        return [self._row(each) for each in rows]

    def _documents(self, text: str, count: int) -> list[Any]:
        if not self._options.takes_many:
            return [json.loads(text)]
        lines = [line for line in text.splitlines() if line.strip()]
        documents = [*map(json.loads, lines)] if len(lines) == count > 1 else json.loads(text)
        if count == 1 and not (isinstance(documents, list) and len(documents) == 1):
            return [documents]
        if not isinstance(documents, list) or len(documents) != count:
            raise ValueError(f"it is not a list of {count}, one for each image")
        return documents

    def _row(self, found: Any) -> list[float]:
        names = self._options.classes
        if isinstance(found, dict):
            if found.keys().isdisjoint(names):
                raise UnusableOutput(f"printed none of the classes, but {_shown([*found])}")
            found = [found.get(name, 0.0) for name in names]
        found = found if isinstance(found, list) else [found]
        if len(found) != len(names) or not {*map(type, found)} <= {int, float}:
            fault = f"printed {_shown(found)}"
            raise UnusableOutput(f"{fault}, not a number for each of {len(names)} classes")
        row = [float(each) for each in found]
        self._check(row)
        return row

    def _check(self, row: Sequence[float]) -> None:
        if not all(map(math.isfinite, row)):
            raise UnusableOutput("printed numbers that are not finite")
        if self._options.scores_are != "probabilities":
            return
        if min(row) < -ROUNDING or max(row) > 1 + ROUNDING:
            raise UnusableOutput(f"printed {max(row, key=abs):g}, which is no probability")
        if self._options.sums_to_one and abs(sum(row) - 1) > ROUNDING:
            fault = f"printed probabilities whose sum is {sum(row):g}"
            raise UnusableOutput(f"{fault}; if they need not sum to one, say sums_to_one = false")


def _shown(values: Sequence[Any]) -> str:
    return json.dumps(values[:5])[:100] + ("" if len(values) <= 5 else " …")
