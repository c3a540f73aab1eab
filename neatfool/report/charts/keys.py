"""A letter, a colour and a stroke for each group of a comparison."""

from __future__ import annotations

from typing import Final

from neatfool.report.charts.figure import LINES

_STROKES: Final = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6)))
Stroke = str | tuple[int, tuple[float, ...]]


def key_of(place: int) -> str:
    """Give a group's letter: A to Z, then A2 and so on."""
    letter = chr(ord("A") + place % 26)
    return letter if place < 26 else f"{letter}{place // 26 + 1}"


def colour_of(place: int) -> str:
    """Give a group's colour; the fifth group has the first one's, with another stroke."""
    return LINES[place % len(LINES)]


def stroke_of(place: int) -> Stroke:
    """Give a group's stroke as a matplotlib line style."""
    return _STROKES[place // len(LINES) % len(_STROKES)]
