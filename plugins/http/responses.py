"""What may become of a request, and the numbers and names that JMESPath finds in an answer."""

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
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
RAW: Final = {name: np.dtype(f"<f{int(name[2:]) // 8}") for name in ("FP16", "FP32", "FP64")}
"""The kinds of numbers that scores may come as in raw bytes."""


class RefusedError(Exception):
    """An answer cannot be used, and would be no better the next time."""


class TransientError(Exception):
    """Another try may succeed, when the service was left alone for ``retry_after`` seconds."""

    def __init__(self, outcome: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.retry_after = retry_after


class NotJsonError(TransientError):
    """An answer came in whole and is no JSON; seldom is the next one better."""


class RejectedError(TargetError):
    """The service does not want the request, now and later; ``outcome`` is for the ledger."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def read_retry_after(retry_after: str | None) -> float | None:
    """Read the header ``Retry-After``: seconds from now; None if nothing can be read there."""
    text = (retry_after or "").strip()
    if text.isdecimal() and text.isascii():
        return float(text[:12])
    try:
        then = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return max(0.0, then - time.time())


def attach_raw_tensors(document: Any, raw: bytes) -> Any:
    """Make the raw bytes that follow the JSON the ``data`` of the outputs that they belong to."""
    outputs = document.get("outputs") if isinstance(document, dict) else None
    for output in outputs if isinstance(outputs, list) else []:
        parameters = output.get("parameters") if isinstance(output, dict) else None
        size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if type(size) is int and 0 <= size <= len(raw):
            output["data"], raw = raw[:size], raw[size:]
    if raw:
        raise RefusedError("raw bytes that belong to no output")
    return document


def read_rows(data: Any, count: int, width: int, datatype: str = "") -> np.ndarray:
    """Read float64 [count, width] of nested lists, or raw bytes; NaN where there is no number."""
    if isinstance(data, bytes):
        if datatype not in RAW:
            raise RefusedError("raw bytes where numbers are expected")
        if len(data) != count * width * RAW[datatype].itemsize:
            raise RefusedError(f"{len(data)} bytes in place of {count} x {width} of {datatype}")
        return np.frombuffer(data, RAW[datatype]).reshape(count, width).astype(np.float64)
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


def check_expression(text: str) -> bool:
    """Check an expression, and say whether it may skip what is null."""
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
    return any("projection" in node["type"] or node["type"] == "flatten" for node in nodes)
