"""Axes that look alike, the confidence scale, and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.figure import (
    LINE_COLOURS,
    MUTED,
    PIXELS_PER_INCH,
    POINT,
    RULE,
    SURFACE,
    draw_figure,
    new_figure,
    spread,
)
from neatfool.wording import four_digits, level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["LINE_COLOURS", "MUTED", "SURFACE", "draw_figure"]  # which plugins have from here

LOWEST, HIGHEST = 1e-4, 1 - 1e-7
"""Confidences outside are drawn at the edge, because an axis of log-odds has no end."""
TICKS: Final = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
MOST_TICKS: Final = 16
TOP_OF_FEW: Final = 100 / np.log(10)
"""From these decimal log-odds on there are half as many."""
SUREST_TICKS: Final = (
    *(16, 20, 25, 30, 40, 50, 60, 80, *range(100, 1000, 50)),
    *(digit * 10**power for power in (3, 4, 5) for digit in range(1, 10)),
)
"""Log-odds, which follow the ticks: nobody can count so many nines of a percentage."""


def new_axes(
    width: float,
    height: float,
    *,
    right: float,
    left: float = 62,
    top: float = 16,
    bottom: float = 50,
) -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes that look like the report's.

    Args:
        width: CSS pixels of the figure.
        height: CSS pixels of the figure.
        right: CSS pixels right of the axes, where :func:`label_ends` writes.
        left: CSS pixels left of the axes, for the labels of the ticks.
        top: CSS pixels above the axes.
        bottom: CSS pixels below the axes.
    """
    drawn = new_figure(width, height, SURFACE)
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    axes = drawn.add_axes(box, facecolor=SURFACE)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(axis="both", labelsize=13 * POINT, labelcolor=MUTED, length=0, pad=6)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    return drawn, axes


def decimal_odds(confidences: ArrayLike) -> np.ndarray:
    """Turn confidences into decimal log-odds within the axis; NaN stays NaN."""
    p = np.clip(np.asarray(confidences, dtype=float), LOWEST, HIGHEST)
    odds: np.ndarray = np.log10(p / (1 - p))
    return odds


def label_confidences(axes: Axes, lowest: float, highest: float) -> None:
    """Label decimal log-odds, from the lowest to the highest, with confidences in per cent."""
    at, names = ticks_around(lowest, highest)
    axes.set_yticks(at, names)
    margin = 0.05 * max(1.0, highest - lowest)
    axes.set_ylim(min(at[0], lowest - margin), max(at[-1], highest + margin))


def ticks_around(lowest: float, highest: float) -> tuple[list[float], list[str]]:
    """Choose ticks around two decimal log-odds, with the next below and above: at least two.

    Args:
        lowest: The lowest decimal log-odds that are shown.
        highest: The highest ones. Above what a confidence in float32 can tell, ticks are log-odds.

    Returns:
        Their decimal log-odds, and their labels: ``"99.99 %"``, ``"log-odds 20"``.
    """
    at, names, most = decimal_odds(TICKS), [*map(level, TICKS)], MOST_TICKS
    if highest > decimal_odds(1):
        at = np.append(at, np.array(SUREST_TICKS) / np.log(10))
        names += [f"log-odds {odds}" for odds in SUREST_TICKS]
        if highest > TOP_OF_FEW:
            most = MOST_TICKS // 2  # whose labels are wide
    last = min(len(at) - 1, int(np.searchsorted(at, highest)))
    first = max(0, min(int(np.searchsorted(at, lowest, side="right")), last) - 1)
    chosen = [first]
    for place in range(first + 1, last + 1):
        if at[place] - at[chosen[-1]] >= (at[last] - at[first]) / most:
            chosen.append(place)
    return at[chosen].tolist(), [names[place] for place in chosen]


def label_counts(axes: Axes, values: Sequence[float], name: str = "images scored") -> None:
    """Let the x axis cover some counts, with a few round numbers.

    Args:
        axes: The axes.
        values: The counts.
        name: What is counted.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    first, last = min(values), max(values)
    axes.set_xlim(
        min(first, 0) if name == "images scored" else first - 0.5,
        last + 0.5 if name == "generation" else max(last, 1),
    )
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value + 0:,.0f}"))
    axes.set_xlabel(name, fontsize=13 * POINT, color=MUTED, labelpad=8)


def mark_counts(axes: Axes, most: float, *, whole: bool = False) -> None:
    """Let the y axis go from 0 to an even step that is not below the most."""
    from matplotlib.ticker import MaxNLocator

    steps = [1, 2, 2.5, 5, 10] if most >= 100 or not whole else [1, 2, 5, 10]
    marks = MaxNLocator(5, integer=whole, steps=steps).tick_values(0, max(most, 1))
    axes.set_ylim(0, marks[-1])
    axes.set_yticks(marks, [f"{mark:,.3g}" if mark < 1000 else f"{mark:,.0f}" for mark in marks])


def mark_numbers(axes: Axes, lowest: float, highest: float) -> None:
    """Let the y axis go from a round number below the lowest to one above the highest."""
    from matplotlib.ticker import MaxNLocator

    least = 0.01 * max(abs(lowest), abs(highest))  # ticks that are nearer would have equal names
    if highest - lowest < least:
        lowest, highest = lowest - least, highest + least
    marks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(lowest, highest)
    axes.set_ylim(marks[0], marks[-1])
    axes.set_yticks(marks, [four_digits(mark) for mark in marks])


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write a text at the end of each curve, without overlaps.

    Args:
        axes: The axes, with their final limits.
        labels: (value at the end, text, colour) of each curve.
    """
    low, high = axes.get_ylim()
    pixels = axes.bbox.height / axes.figure.dpi * PIXELS_PER_INCH
    gap = 19 * (high - low) / pixels
    ordered = sorted(labels, key=lambda label: label[0])
    places = spread([value for value, _, _ in ordered], [gap] * (len(ordered) - 1))
    # If labels would leave the axes, all move together.
    move = max(0.0, low + gap / 2 - places[0]) + min(0.0, high - places[-1])
    for place, (_, text, colour) in zip(places, ordered, strict=True):
        weight = "bold" if colour != MUTED else "normal"
        look: Any = {"color": colour, "fontsize": 13 * POINT, "weight": weight}
        right: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        look |= right | {"xytext": (7, 0), "va": "center_baseline", "annotation_clip": False}
        axes.annotate(text, (1, place + move), **look)


def evenly(count: int, most: int) -> list[int]:
    """Choose at most so many places of a line, at equal distances, the first and last included."""
    places = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return [*dict.fromkeys(places.tolist())]
