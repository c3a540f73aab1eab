"""Numbers as people read them."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Decimal


def percent(confidence: float) -> str:
    """Write a confidence so that near-certainties can be told apart.

    Args:
        confidence: A probability in [0, 1].

    Returns:
        For example ``"63.2 %"``, ``"99.4 %"`` or ``"99.9998 %"``: a digit more than its nines,
        cut, not rounded up, so that only certainty reads ``"100 %"``.
    """
    if confidence >= 1:
        return "100 %"
    nines = int(-math.log10(max(1 - confidence, 1e-16)) + 1e-9)
    digit = Decimal(1).scaleb(-max(nines - 1, 1))
    return f"{(100 * Decimal(repr(float(confidence)))).quantize(digit, ROUND_FLOOR)} %"


def duration(seconds: float) -> str:
    """Write a time: ``"8 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
