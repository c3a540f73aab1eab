"""What may become of a request, and the numbers and names in an answer."""

from __future__ import annotations

import sys
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import Scores, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDING: Final = 1e-3
"""How far from one a sum of probabilities may be, and a probability from [0, 1]."""
LONGEST_NAME: Final = 200
"""The most characters of the name of a class or a tensor, which stands in tables."""
RAW: Final[dict[str, np.dtype[Any]]] = {
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
"""The kinds of numbers that scores may come as in raw bytes."""
_DEEPEST: Final = 8
"""Lists within lists are read to this depth; a table needs two."""


class RefusedError(Exception):
    """An answer cannot be used, and would be no better the next time."""


class TransientError(Exception):
    """A request failed in a way that another one may not.

    Attributes:
        outcome: What became of it, in a word or two, for the ledger.
        retry_after: How many seconds the service wants to be left alone; None if it does not say.
    """

    def __init__(self, outcome: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.retry_after = retry_after


class NotJsonError(TransientError):
    """An answer came in whole and is no JSON; seldom is the next one better."""


class RejectedError(TargetError):
    """The service does not want the request, and would not want it the next time.

    Attributes:
        outcome: What became of it, for the ledger.
    """

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def read_wait(retry_after: str | None) -> float | None:
    """Read the header ``Retry-After``.

    Args:
        retry_after: Whole seconds, or a date as HTTP writes it; None if there is none.

    Returns:
        Seconds from now, at least 0; None if the header says nothing that can be read.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isdecimal() and text.isascii():
        return float(text[:12])
    try:
        then = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return max(0.0, then - time.time())


def attach_raw_tensors(document: Any, raw: bytes) -> Any:
    """Give the outputs of the Open Inference Protocol the raw bytes that follow the JSON.

    Args:
        document: The JSON; the bytes of an output become its ``data``.
        raw: The bytes of one output after another.

    Raises:
        RefusedError: There are not as many as the outputs say.
    """
    outputs = document.get("outputs") if isinstance(document, dict) else None
    for output in outputs if isinstance(outputs, list) else []:
        parameters = output.get("parameters") if isinstance(output, dict) else None
        size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if type(size) is int and 0 <= size <= len(raw):
            output["data"], raw = raw[:size], raw[size:]
    if raw:
        raise RefusedError("raw bytes that belong to no output")
    return document


def read_raw_rows(raw: bytes, datatype: str, count: int, width: int) -> np.ndarray:
    """Read a table of numbers from raw bytes: float64 [count, width].

    Raises:
        RefusedError: There are not as many.
    """
    kind = RAW[datatype]
    if len(raw) != count * width * kind.itemsize:
        raise RefusedError(f"{len(raw)} bytes in place of {count} x {width} of {datatype}")
    table: np.ndarray = np.frombuffer(raw, kind).reshape(count, width).astype(np.float64)
    return table


def read_rows(data: Any, count: int, width: int) -> np.ndarray:
    """Read a table of numbers.

    Args:
        data: A list of ``count * width`` numbers, or of lists of them, nested in any way; None
            stands for a missing number.
        count: The number of rows.
        width: The number of columns.

    Returns:
        float64 [count, width]; NaN where there was None, or a number beyond all floats.

    Raises:
        RefusedError: It is something else.
    """
    if not isinstance(data, list):
        raise RefusedError("no list of numbers")
    flat = data if not any(isinstance(each, list) for each in data) else list(_flatten(data, 0))
    if len(flat) != count * width:
        raise RefusedError(f"{len(flat)} numbers in place of {count} x {width}")
    if not {*map(type, flat)} <= {int, float, type(None)}:
        raise RefusedError("what should be numbers are not")
    try:
        return np.array(flat, dtype=np.float64).reshape(count, width)
    except OverflowError:
        # A whole number beyond all floats.
        flat = [None if type(n) is int and abs(n) > sys.float_info.max else n for n in flat]
        return np.array(flat, dtype=np.float64).reshape(count, width)


def _flatten(data: list[Any], depth: int) -> Iterator[Any]:
    if depth > _DEEPEST:
        raise RefusedError("nested too deeply")
    for each in data:
        if isinstance(each, list):
            yield from _flatten(each, depth + 1)
        else:
            yield each


def are_probabilities(probs: np.ndarray, *, sums_to_one: bool) -> np.ndarray:
    """Say which rows are probabilities: bools [N].

    Args:
        probs: float64 [N, K].
        sums_to_one: Whether each row must sum to one.
    """
    with np.errstate(invalid="ignore"):
        ok = np.isfinite(probs).all(1)
        ok &= (probs >= -ROUNDING).all(1) & (probs <= 1 + ROUNDING).all(1)
        if sums_to_one:
            ok &= np.abs(probs.sum(1) - 1) <= ROUNDING
    return np.asarray(ok, dtype=np.bool_)


def make_scores(
    *, sums_to_one: bool, probs: np.ndarray | None = None, logits: np.ndarray | None = None
) -> Scores:
    """Make scores of N images; those whose numbers cannot be used are not ``ok``.

    Args:
        sums_to_one: Whether classes exclude one another. If not, each has its own sigmoid.
        probs: Floats [N, K]. If None, they follow from the logits.
        logits: Floats [N, K].
    """
    if probs is None:
        assert logits is not None
        probs = _compute_probabilities(logits, sums_to_one=sums_to_one)
    ok = are_probabilities(probs, sums_to_one=sums_to_one)
    if logits is not None:
        ok &= np.isfinite(logits).all(1)
    return Scores(probs, logits, ok)


def _compute_probabilities(logits: np.ndarray, *, sums_to_one: bool) -> np.ndarray:
    """Turn logits into probabilities, floats [N, K]; rows that are not finite become NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        if not sums_to_one:
            return np.asarray(1 / (1 + np.exp(-logits)))
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(weights / weights.sum(1, keepdims=True))


def is_short_text(value: Any) -> bool:
    """Say whether a value is a text that can be shown, and stand as a name in a table."""
    return (
        isinstance(value, str)
        and bool(value.strip())
        and len(value) <= LONGEST_NAME
        and value.isprintable()
    )
