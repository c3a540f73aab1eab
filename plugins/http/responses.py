"""What may become of a request, and the numbers and names that JMESPath finds in an answer."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from string import ascii_uppercase
from typing import Any, Final

import jmespath
import numpy as np
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from scipy.special import expit, softmax

from neatfool import Scores, TargetError, nearest

ROUNDING: Final = 1e-3
"""How far from one a sum of probabilities may be, and a probability from [0, 1]."""
MOST_LABELS: Final = 100_000
"""More labels of one image are refused: no service has so many classes."""


class RefusedError(Exception):
    """An answer cannot be used, and would be no better the next time."""

    @property
    def outcome(self) -> str:
        """What is entered in the ledger."""
        return f"unusable: {self}"


class TransientError(Exception):
    """Another try may succeed, when the service was left alone for ``retry_after`` seconds."""

    def __init__(self, outcome: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.retry_after = retry_after


class RejectedError(TargetError):
    """The service does not want the request, now and later; ``outcome`` is for the ledger."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def read_rows(data: Any, count: int, width: int) -> np.ndarray:
    """Read float64 [count, width] of nested lists; NaN where there is no number."""
    if not isinstance(data, list):
        raise RefusedError("no list of numbers")
    for _ in range(8):  # a table needs two
        if not any(isinstance(each, list) for each in data):
            break
        data = [one for each in data for one in (each if isinstance(each, list) else [each])]
    if len(data) != count * width:
        raise RefusedError(f"{len(data)} numbers in place of {count} x {width}")
    if not {*map(type, data)} <= {int, float, type(None)}:
        raise RefusedError("what should be numbers are not")
    largest = sys.float_info.max  # Whole numbers may be beyond all floats.
    numbers = [np.nan if n is None or abs(n) > largest else n for n in data]
    return np.array(numbers, dtype=np.float64).reshape(count, width)


def are_probabilities(probs: np.ndarray, *, sums_to_one: bool) -> np.ndarray:
    """Say which rows, float64 [N, K], are probabilities: bools [N]."""
    with np.errstate(invalid="ignore"):
        ok = np.isfinite(probs).all(1)
        ok &= (probs >= -ROUNDING).all(1) & (probs <= 1 + ROUNDING).all(1)
        if sums_to_one:
            ok &= np.abs(probs.sum(1) - 1) <= ROUNDING
    return np.asarray(ok, dtype=np.bool_)


def make_scores(
    *, sums_to_one: bool, probs: np.ndarray | None = None, logits: np.ndarray | None = None
) -> Scores:
    """Make scores of N images of [N, K]; those whose numbers cannot be used are not ``ok``."""
    if probs is None:
        assert logits is not None
        with np.errstate(invalid="ignore"):  # rows that are not finite become NaN
            probs = softmax(logits, axis=1) if sums_to_one else expit(logits)
    ok = are_probabilities(probs, sums_to_one=sums_to_one)
    if logits is not None:
        ok &= np.isfinite(logits).all(1)
    return Scores(probs, logits, ok)


def is_short_text(value: Any) -> bool:
    """Say whether a value is a text that can be shown, and stand as a name in a table."""
    if not isinstance(value, str) or len(value) > 200:
        return False
    return bool(value.strip()) and value.isprintable()


class JmespathFunctions(Functions):  # type: ignore[misc]  # jmespath has no types
    """What an expression may call, beside JMESPath's own functions."""

    def __init__(self, classes: Sequence[str] = ()) -> None:
        self._lettered = dict(zip(ascii_uppercase, classes, strict=False))

    @signature({"types": ["object"]})  # type: ignore[untyped-decorator]
    def _func_items(self, value: dict[str, Any]) -> list[list[Any]]:
        """Make of an object the list of its pairs: [name, value]."""
        return [[*pair] for pair in value.items()]

    @signature({"types": ["array"]}, {"types": ["array"]})  # type: ignore[untyped-decorator]
    def _func_zip(self, labels: list[Any], scores: list[Any]) -> list[list[Any]]:
        """Make of two lists the list of their pairs: [label, score]."""
        return [[*pair] for pair in zip(labels, scores, strict=True)]

    @signature({"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_from_json(self, text: str) -> Any:
        """Read the JSON that a text is."""
        return json.loads(text)

    @signature({"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_exp(self, number: float) -> float:
        """Make a probability of its natural logarithm."""
        return math.exp(number)

    @signature({"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_percent(self, number: float) -> float:
        """Make a probability of a number of per cent."""
        return number / 100

    @signature({"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_class_of(self, letter: str) -> str | None:
        """Find the class of a letter, as ``{classes}`` in the body lists them; null if none."""
        return self._lettered.get(letter.strip())


def compile_expression(text: str, classes: Sequence[str]) -> Callable[[Any], Any]:
    """Make what finds an expression's place in an answer, None if nothing is there."""
    compiled = jmespath.compile(text)
    options = jmespath.Options(custom_functions=JmespathFunctions(classes))

    def find(answer: Any) -> Any:
        try:
            return compiled.search(answer, options)
        except (JMESPathError, RecursionError, TypeError, ValueError, OverflowError):
            raise RefusedError("not of the form that the expressions expect") from None

    return find


def check_expression(text: str) -> None:
    """Refuse what is no expression, or calls a function that there is not, by a ValueError."""
    try:
        nodes = [jmespath.compile(text).parsed]
    except JMESPathError as error:
        cause = " ".join(str(error).split())
        raise ValueError(f"{text!r} is no JMESPath expression: {cause}") from None
    for node in nodes:  # which grows
        nodes += [child for child in node["children"] if isinstance(child, dict)]
        name, known = node.get("value"), JmespathFunctions.FUNCTION_TABLE
        if node["type"] == "function_expression" and name not in known:
            raise ValueError(f"{text!r}: there is no function {name}(){nearest(name, known)}")
