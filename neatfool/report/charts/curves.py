"""Curves of a run: each function draws its generations as one SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.report.charts import figure
from neatfool.report.charts.axes import (
    decimal_odds,
    label_confidences,
    label_counts,
    label_ends,
    legend_in,
    marker_for,
    new_axes,
)
from neatfool.run.statistics import CONFIDENCE_THRESHOLDS
from neatfool.wording import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.run.statistics import GenerationReport

MOST_POINTS: Final = 400
MOST_BARS: Final = 100
FEWEST_BARS: Final = 12
"""There is room for this many bars: the few of a short run stand in the middle, not too wide."""
_BLUE, _ORANGE, _GREEN, _PURPLE = figure.LINE_COLOURS


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
    lower, upper = (
        decimal_odds([getattr(report, name) for report in shown])
        for name in ("lower_quartile", "upper_quartile")
    )
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
        axes.plot(
            x,
            odds,
            color=colour,
            linewidth=width * figure.POINT,
            marker=marker_for(x),
            clip_on=False,
        )
        label = odds[-1], f"{name}  {percent(values[-1], rank)}", colour
        ends.append((values[-1], rank, label))
        lowest, highest = min(lowest, *odds), max(highest, *odds)
    label_confidences(axes, lowest, highest)
    label_counts(axes, x)
    # Where lines end at the edge of the axis, labels keep this order.
    labels = [label for *_, label in sorted(ends, key=lambda end: end[:2])]
    label_ends(axes, [*labels, ((lower[-1] + upper[-1]) / 2, "middle half", figure.MUTED)])
    return figure.draw_figure(drawn)


def threshold_curve(history: Sequence[GenerationReport], classes: int) -> bytes:
    """Draw how many of the searched classes have reached each confidence, over images scored."""
    from matplotlib.ticker import MaxNLocator

    shown = thin_out(history)
    drawn, axes = new_axes(520, 330, right=96)
    x = [report.evaluations for report in shown]
    labels = []
    for i, colour in reversed(list(enumerate((_ORANGE, _PURPLE, _GREEN, _BLUE)))):
        threshold = CONFIDENCE_THRESHOLDS[i]
        counts = [report.classes_ge[i] for report in shown]
        axes.step(
            x,
            counts,
            where="post",
            color=colour,
            linewidth=2 * figure.POINT,
            marker=marker_for(x),
            clip_on=False,
        )
        labels.append((float(counts[-1]), f"≥ {threshold * 100:g} %", colour))
    axes.set_ylim(0, classes * 1.04)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    label_counts(axes, x)
    label_ends(axes, labels)
    return figure.draw_figure(drawn)


def replacement_curve(history: Sequence[GenerationReport]) -> bytes:
    """Draw each generation's replacements, and the goal switches among them."""
    from matplotlib.ticker import MaxNLocator

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
    axes.set_ylim(0, 1.2 * max(1.0, axes.get_ylim()[1]))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    first, last = history[0].generation, history[-1].generation
    label_counts(axes, [first, last], "generation")
    if (room := (FEWEST_BARS - len(history)) / 2) > 0:
        axes.set_xlim(first - 0.5 - room, last + 0.5 + room)
        axes.set_xticks(range(first, last + 1))
    legend_in(axes)
    return figure.draw_figure(drawn)


def size_curve(history: Sequence[GenerationReport]) -> bytes:
    """Draw the mean size of the elites' genomes over images scored."""
    from matplotlib.ticker import MaxNLocator

    shown = thin_out(history)
    drawn, axes = new_axes(520, 330, right=110)
    x = [report.evaluations for report in shown]
    labels = []
    for name, colour in (("connections", _BLUE), ("nodes", _ORANGE)):
        values = [getattr(report, name) for report in shown]
        axes.plot(
            x, values, color=colour, linewidth=2 * figure.POINT, marker=marker_for(x), clip_on=False
        )
        labels.append((values[-1], name, colour))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    label_counts(axes, x)
    label_ends(axes, labels)
    return figure.draw_figure(drawn)


def thin_out(history: Sequence[GenerationReport]) -> list[GenerationReport]:
    """Keep at most MOST_POINTS generations, evenly chosen, the last included."""
    if len(history) <= MOST_POINTS:
        return list(history)
    chosen = np.unique(np.linspace(0, len(history) - 1, MOST_POINTS).round().astype(int))
    return [history[i] for i in chosen]
