"""Writes confidences, times and counts for people."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALLEST: Final = 1e-6
"""A smaller confidence is written as 0.0 %: it says nothing about an image."""
LARGEST_LOG_ODDS: Final = 27.7
"""Log-odds of twelve nines; a larger confidence is written like this one."""


def percent(confidence: float, rank: float = 0.0) -> str:
    """Write a confidence so that near-certainties differ, and so do very small ones.

    Args:
        confidence: A probability in [0, 1].
        rank: Its rank, if known. If the confidence was rounded to 1, its log-odds (above 1) still
            give its nines.

    Returns:
        ``"63.2 %"``, ``"99.4 %"`` or ``"99.9998 %"``: one digit more than its nines, cut and not
        rounded up, so that only certainty reads ``"100 %"``. Below 1 %, two digits: ``"0.21 %"``,
        ``"0.0034 %"``. Below 0.0001 %: ``"0.0 %"``.
    """
    if confidence >= 1:
        if rank <= 1:
            return "100 %"
        miss = math.exp(-min(rank, LARGEST_LOG_ODDS))
        return _cut(1 - Decimal(miss), max(int(-math.log10(miss)) - 1, 1))
    if confidence < SMALLEST:
        return "0.0 %"
    if confidence < 0.01:
        places = 1 - math.floor(math.log10(100 * confidence))
    else:
        nines = int(-math.log10(max(1 - confidence, 1e-16)) + 1e-9)
        places = max(nines - 1, 1)
    return _cut(Decimal(repr(float(confidence))), places)


def _cut(confidence: Decimal, places: int) -> str:
    digit = Decimal(1).scaleb(-places)
    return f"{(100 * confidence).quantize(digit, ROUND_FLOOR)} %"


def duration(seconds: float) -> str:
    """Write a time: ``"8 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(count: int, one: str, many: str) -> str:
    """Write a number with its noun: ``"1 query"``, ``"1,200 queries"``."""
    return f"{count:,} {one if count == 1 else many}"


def left_out(refused: int) -> str:
    """Say how many images have no score: ``"3 images got no usable score and were left out"``."""
    were = "was" if refused == 1 else "were"
    return f"{counted(refused, 'image', 'images')} got no usable score and {were} left out"


def spending(requests: Mapping[str, tuple[int, int]]) -> str:
    """Write what a target with a budget was asked, from (requests, images) by outcome.

    For example: ``"988 queries in 45 requests (42 answered, 2 429, 1 timed out)"``.
    """
    sent = sum(count for count, _ in requests.values())
    queries = sum(images for _, images in requests.values())
    parts = ", ".join(f"{count:,} {outcome}" for outcome, (count, _) in requests.items())
    asked, how = counted(queries, "query", "queries"), counted(sent, "request", "requests")
    return f"{asked} in {how} ({parts})"
