"""The course of each class: its confidence over the images scored, as a small line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from neatfool.present import decimal_odds
from neatfool.wording import level, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import EliteView, Run

WIDTH, HEIGHT = 240, 72
"""The place of a line, in its own units. A line has at most a step for each unit of its width."""
TICKS: Final = (0.0001, 0.01, 0.5, 0.99, 0.9999, 0.999999)
"""Lines across; they are two decades of the odds apart."""


class Course(NamedTuple):
    """The confidence of a class in its elites: a line as an SVG path, and the same in words."""

    path: str
    text: str


def read_courses(
    run: Run, elites: Sequence[EliteView]
) -> tuple[dict[int, Course], list[tuple[float, str]]]:
    """Read how the confidence of each class rose, up to that of its elite.

    Returns:
        The course of each class that ever had an elite, by its index; and the lines across: their
        height, and the confidence in words.
    """
    scored = {report.generation: report.evaluations for report in run.history}
    steps: dict[int, list[tuple[int, float]]] = {}
    for generation, index, confidence in run.replacements:
        steps.setdefault(index, []).append((scored[generation], confidence))
    if not steps:
        return {}, []
    odds = {index: decimal_odds([sure for _, sure in each]) for index, each in steps.items()}
    shown = _ticks_around(np.concatenate([*odds.values()]))
    high, low = decimal_odds([shown[-1], shown[0]]).tolist()
    heights = {i: HEIGHT * (high - values) / (high - low) for i, values in odds.items()}
    last, ends = run.evaluations, {e.index: percent(e.confidence, e.rank) for e in elites}
    across = HEIGHT * (high - decimal_odds(shown)) / (high - low)
    ticks = [(round(y, 1), level(p)) for y, p in zip(across.tolist(), shown, strict=True)]
    courses = {
        i: Course(_path(each, heights[i].round().astype(int), last), _say(each, ends[i]))
        for i, each in steps.items()
        if i in ends
    }
    return courses, ticks


def _ticks_around(odds: np.ndarray) -> Sequence[float]:
    """Choose the ticks between the least and the most, with one below and one above."""
    at = decimal_odds(TICKS)
    first = int(np.searchsorted(at, odds.min(), side="right")) - 1
    last = min(int(np.searchsorted(at, odds.max())), len(TICKS) - 1)
    first = max(0, min(first, last - 1))
    return TICKS[first : last + 1]


def _path(steps: Sequence[tuple[int, float]], heights: np.ndarray, last: int) -> str:
    """Draw steps; of those in the same column only the last is kept."""
    at = (round(WIDTH * scored / last) for scored, _ in steps)
    columns = dict(zip(at, heights.tolist(), strict=True))
    path, before = "", -1
    for x, y in columns.items():
        if y != before:
            path += f"H{x}V{y}" if path else f"M{x} {y}"
            before = y
    return f"{path}H{WIDTH}"


def _say(steps: Sequence[tuple[int, float]], end: str) -> str:
    (begun, first), (ended, _) = steps[0], steps[-1]
    if len(steps) == 1:
        return f"{end} after {begun:,} images"
    text = f"{percent(first)} after {begun:,} images"
    taken = f"{len(steps) - 1} replacement{'s' * (len(steps) > 2)}"
    return f"{text}, {end} after {ended:,}, by {taken}"
