"""The numbers of a request, checked in the text, before anything is made of them."""

import math
import mmap
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import orjson

LONGEST_REST: Final = 2**16
"""Bytes of JSON besides the numbers, at most: Python's objects take thirty times as many."""
PIECE: Final = 2**16
"""Numbers are read in pieces of so many bytes."""
LONGEST_NUMBER: Final = 2**12
"""A number and the space around it have at most so many bytes."""
_LISTS_OR_TEXT: Final = re.compile(
    rb'"data"\s*+:\s*+(\[[\d\s,.eE+\[\]-]*+)|"(?:[^"\\]++|\\.)*+"?+', re.DOTALL
)
"""Matches whatever a quote begins, so that no byte is looked at twice."""
_SPACES: Final = bytes.maketrans(b"[]", b"  ")
_ALIKE: Final = bytes.maketrans(b"123456789+-.eE", b"0" * 14)


def find_lists(text: mmap.mmap, end: int) -> tuple[int, int]:
    """Find the lists of numbers that are the value of ``data``: where they begin and end.

    Raises:
        ValueError: Too much lies around them, or they are given twice.
    """
    found, length = (0, 0), 0
    for match in _LISTS_OR_TEXT.finditer(text, 0, end):
        if match.start() - length > LONGEST_REST:
            break
        first, last = match.span(1)
        last = text.rfind(b"]", max(0, first), last) + 1 if first >= 0 else 0
        if last > 0:
            if length:
                raise ValueError("data is given twice")
            found, length = (first, last), last - first
    if end - length > LONGEST_REST:
        raise ValueError(
            f"more than {LONGEST_REST} bytes are no numbers of data; give nothing else in lists"
        )
    return found


def read_lists(text: mmap.mmap, begin: int, end: int, shape: Sequence[int]) -> Iterator[np.ndarray]:
    """Read lists of numbers, nested as ``shape`` says or flat, in pieces of float64.

    Raises:
        ValueError: They are nested otherwise, or are no numbers of JSON.
    """
    if 2 * math.prod(shape) > end - begin:
        raise ValueError
    period, most = b",", PIECE + LONGEST_NUMBER
    if text[begin + 1 : begin + LONGEST_NUMBER].lstrip(b" \t\r\n").startswith(b"["):
        for length in reversed(shape[1:]):
            period = b"[" + period * (length - 1) + period[:-1] + b"],"
    window = period * (1 + most // len(period)) + period[:most]
    place, begin, end = 0, begin + 1, end - 1
    while begin <= end:
        stop = end
        if end - begin > most:
            stop = text.find(b",", begin + PIECE, begin + most)
        piece = text[begin : max(stop, begin)]
        alike = piece.translate(_ALIKE, b" \t\r\n")
        brackets = alike.translate(None, b"0") + b","
        fits = window[place : place + len(brackets)] == brackets
        if stop < 0 or not fits or b"0[" in alike or b"]0" in alike:
            raise ValueError
        yield np.array(orjson.loads(b"[%b]" % piece.translate(_SPACES)), np.float64)
        place, begin = (place + len(brackets)) % len(period), stop + 1
    if place:
        raise ValueError


def fill(levels: np.ndarray, numbers: Iterable[np.ndarray]) -> bool:
    """Fill uint8 [N] with all of the numbers; False if that changes one of them.

    Raises:
        ValueError: There are more numbers, or fewer.
    """
    filled = 0
    for piece in numbers:
        if len(piece) > len(levels) - filled:
            raise ValueError
        with np.errstate(invalid="ignore"):
            part = piece.astype(np.uint8)
        if not np.array_equal(part, piece):
            return False
        levels[filled : filled + len(piece)] = part
        filled += len(piece)
    if filled < len(levels):
        raise ValueError
    return True


def make_levels(count: int) -> np.ndarray:
    """Make uint8 [N] in pages of its own, which go back to the system at once."""
    return np.frombuffer(mmap.mmap(-1, count), np.uint8)
