"""Curves of a run: each function draws its generations, or its elites, as one SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.present import (
    LINE_COLOURS,
    decimal_odds,
    draw_figure,
    evenly,
    label_confidences,
    label_counts,
    label_ends,
    new_axes,
)
from neatfool.wording import level, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from neatfool import EliteView, GenerationReport

MOST_POINTS: Final = 400
MOST_BARS: Final = 100
FEWEST_BARS: Final = 12
"""There is room for this many bars: the few of a short run stand in the middle, not too wide."""
FEWEST_OF_FIFTHS: Final = 50
"""Of fewer elites there are no medians."""
POINT: Final = 0.75
"""A CSS pixel in points, in which matplotlib measures lines and letters."""
MUTED: Final = "#626b78"
_BLUE, _ORANGE, _GREEN, _PURPLE = LINE_COLOURS[:4]


def confidence_curve(
    history: Sequence[GenerationReport], ranks: tuple[float, float] = (0.0, 0.0)
) -> bytes:
    """Draw median, quartiles, mean and minimum of the elites' confidences over images scored.

    The axis is in log-odds, so that 99 % and 99.99 % are as far apart as 1 % and 0.01 %. The last
    elites' median and lowest rank tell how near to 100 % the lines end.
    """
    shown = thin_out(history)
    drawn, axes = new_axes(1080, 430, right=195, left=84)
    x = [report.evaluations for report in shown]
    lower = decimal_odds([report.lower_quartile for report in shown])
    upper = decimal_odds([report.upper_quartile for report in shown])
    axes.fill_between(x, lower, upper, color=_BLUE, alpha=0.17, linewidth=0)
    middle, least = ranks
    lines = [
        ("minimum", _ORANGE, 1.6, least),
        ("mean", _GREEN, 1.6, least),
        ("median", _BLUE, 2.6, middle),
    ]
    ends = []
    lowest, highest = min(lower), max(upper)
    for name, colour, width, rank in lines:
        values = [getattr(report, name) for report in shown]
        odds = decimal_odds(values)
        _line(axes, x, odds, colour, width)
        label = odds[-1], f"{name}  {percent(values[-1])}", colour
        ends.append((values[-1], rank, label))
        lowest, highest = min(lowest, *odds), max(highest, *odds)
    label_confidences(axes, lowest, highest)
    label_counts(axes, x)
    # Where lines end at the edge of the axis, labels keep this order.
    labels = [label for *_, label in sorted(ends, key=lambda end: end[:2])]
    label_ends(axes, [*labels, ((lower[-1] + upper[-1]) / 2, "middle half", MUTED)])
    return draw_figure(drawn)


def threshold_curve(history: Sequence[GenerationReport], classes: int) -> bytes:
    """Draw how many of the searched classes have reached each confidence, over images scored."""
    shown = thin_out(history)
    drawn, axes = new_axes(520, 330, right=96)
    x = [report.evaluations for report in shown]
    labels = []
    for i, colour in ((3, _BLUE), (2, _GREEN), (1, _PURPLE), (0, _ORANGE)):
        counts = [report.classes_ge[i] for report in shown]
        _line(axes, x, counts, colour, drawstyle="steps-post")
        labels.append((float(counts[-1]), f"≥ {level(shown[-1].thresholds[i])}", colour))
    _mark_counts(axes, classes, whole=True)
    label_counts(axes, x)
    label_ends(axes, labels)
    return draw_figure(drawn)


def replacement_curve(history: Sequence[GenerationReport]) -> bytes:
    """Draw each generation's replacements, and the goal switches among them."""
    drawn, axes = new_axes(520, 330, right=24)
    edges = np.unique(np.linspace(0, len(history), min(len(history), MOST_BARS) + 1).round())
    starts = edges[:-1].astype(int)
    for name, colour, text in (
        ("replacements", _BLUE, "replacements"),
        ("goal_switches", _ORANGE, "of them goal switches"),
    ):
        counts = np.array([getattr(report, name) for report in history], dtype=float)
        means = np.add.reduceat(counts, starts) / np.diff(edges)
        axes.stairs(means, edges + history[0].generation - 0.5, fill=True, color=colour, label=text)
    _mark_counts(axes, 1.2 * axes.get_ylim()[1], whole=True)
    first, last = history[0].generation, history[-1].generation
    label_counts(axes, [first, last], "generation")
    if (room := (FEWEST_BARS - len(history)) / 2) > 0:
        axes.set_xlim(first - 0.5 - room, last + 0.5 + room)
        axes.set_xticks(range(first, last + 1))
    look: Any = {"fontsize": 13 * POINT, "labelcolor": MUTED, "frameon": False}
    look |= {"handlelength": 1.1, "handleheight": 0.9, "borderaxespad": 0.1}
    axes.legend(loc="upper right", **look)
    return draw_figure(drawn)


def size_curve(history: Sequence[GenerationReport]) -> bytes:
    """Draw the mean size of the elites' genomes over images scored."""
    shown = thin_out(history)
    drawn, axes = new_axes(520, 330, right=110)
    x = [report.evaluations for report in shown]
    labels = []
    for name, colour in (("connections", _BLUE), ("nodes", _ORANGE)):
        values = [getattr(report, name) for report in shown]
        _line(axes, x, values, colour)
        labels.append((values[-1], name, colour))
    _mark_counts(axes, axes.get_ylim()[1])
    label_counts(axes, x)
    label_ends(axes, labels)
    return draw_figure(drawn)


def size_scatter(elites: Sequence[EliteView]) -> bytes:
    """Draw each elite's confidence over its connections, with the medians of five equal parts."""
    drawn, axes = new_axes(1080, 430, right=195, left=84)
    sizes = np.array([elite.size.connections for elite in elites])
    odds = decimal_odds([elite.confidence for elite in elites])
    few = len(sizes) < FEWEST_OF_FIFTHS
    size, alpha = (7, 0.9) if few else (3, 0.45)
    look: dict[str, Any] = {"markersize": size, "alpha": alpha, "markeredgewidth": 0}
    axes.plot(sizes, odds, "o", color=_BLUE, clip_on=False, **look)
    ends = []
    if not few:
        parts = np.array_split(np.argsort(sizes, kind="stable"), 5)
        x, y = zip(*((np.median(sizes[at]), np.median(odds[at])) for at in parts), strict=True)
        axes.plot(x, y, "o-", color=_ORANGE, linewidth=2 * POINT, markersize=5)
        ends.append((float(y[-1]), "median of a fifth", _ORANGE))
    label_confidences(axes, float(odds.min()), float(odds.max()))
    label_counts(axes, sizes.tolist(), "connections")
    if ends:
        label_ends(axes, ends)
    return draw_figure(drawn)


def thin_out(history: Sequence[GenerationReport]) -> list[GenerationReport]:
    """Keep at most MOST_POINTS generations, evenly chosen, the last included."""
    return [history[place] for place in evenly(len(history), MOST_POINTS)]


def _mark_counts(axes: Axes, most: float, *, whole: bool = False) -> None:
    """Let the y axis go from 0 to an even step that is not below the most."""
    from matplotlib.ticker import MaxNLocator

    steps = [1, 2, 2.5, 5, 10] if most >= 100 or not whole else [1, 2, 5, 10]
    marks = MaxNLocator(5, integer=whole, steps=steps).tick_values(0, max(most, 1))
    axes.set_ylim(0, marks[-1])
    axes.set_yticks(marks, [f"{mark:,.3g}" if mark < 1000 else f"{mark:,.0f}" for mark in marks])


def _line(
    axes: Axes, x: Sequence[float], y: ArrayLike, colour: str, width: float = 2, **look: Any
) -> None:
    """Draw a line; if it is too short to be seen as one, its points are marked."""
    look |= {"marker": "o" if len(x) < 3 else "", "clip_on": False}
    axes.plot(x, y, color=colour, linewidth=width * POINT, **look)
