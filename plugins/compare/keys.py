"""A letter, a colour and a stroke for each group of a comparison."""

from __future__ import annotations

from typing import Final

from neatfool.present import LINE_COLOURS

_STROKES: Final = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6)))
Stroke = str | tuple[int, tuple[float, ...]]


def key_of(place: int) -> str:
    """Give a group's letter: A to Z, then A2 and so on."""
    letter = chr(ord("A") + place % 26)
    return letter if place < 26 else f"{letter}{place // 26 + 1}"


def colour_of(place: int) -> str:
    """Give a group's colour; the fifth group has that of the first, in another stroke."""
    return LINE_COLOURS[place % len(LINE_COLOURS)]


def stroke_of(place: int) -> Stroke:
    """Give a group's stroke, as matplotlib calls it."""
    return _STROKES[place // len(LINE_COLOURS) % len(_STROKES)]
