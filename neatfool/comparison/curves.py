"""Curves of a comparison: the groups' medians and quartiles over the images scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neatfool.comparison.series import CONFIDENCES, THRESHOLDS
from neatfool.comparison.wording import value_in_words
from neatfool.report.charts import figure
from neatfool.report.charts.axes import confidence_axis, count_axis, label_ends, log_odds, new_axes
from neatfool.report.charts.keys import colour_of, key_of, stroke_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from neatfool.comparison.comparison import Comparison


def confidence_course(comparison: Comparison, measure: str) -> bytes:
    """Draw a confidence over the images scored, on a scale of log-odds, large.

    The line is the median over seeds, the band reaches from quartile to quartile, and a thin line
    is a run.

    Args:
        comparison: The groups.
        measure: One of :data:`~neatfool.comparison.series.CONFIDENCES`.
    """
    drawn, axes = new_axes(1080, 440, right=130, left=84)
    ends = _draw(comparison, measure, axes, width=2.6)
    shown = np.concatenate([line.get_ydata() for line in axes.lines])
    confidence_axis(axes, float(np.nanmin(shown)), float(np.nanmax(shown)))
    count_axis(axes, comparison.grid.tolist())
    label_ends(axes, ends)
    return figure.to_bytes(drawn, "svg")


def course(comparison: Comparison, measure: str) -> bytes:
    """Draw a count or a size over the images scored; lines and bands as in the large figure.

    Args:
        comparison: The groups.
        measure: One of :data:`~neatfool.comparison.series.MEASURES` that is no confidence.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    drawn, axes = new_axes(520, 300, right=88)
    ends = _draw(comparison, measure, axes, width=2)
    if measure in THRESHOLDS:
        classes = max(len(group.first.classes) for group in comparison.groups)
        highest = max(
            1.0, *(float(np.nanmax(np.asarray(line.get_ydata(), float))) for line in axes.lines)
        )
        axes.set_ylim(0, min(classes, 1.2 * highest) * 1.04)
    else:
        axes.set_ylim(0, max(1.0, axes.get_ylim()[1]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    count_axis(axes, comparison.grid.tolist())
    label_ends(axes, ends)
    return figure.to_bytes(drawn, "svg")


def _draw(
    comparison: Comparison, measure: str, axes: Axes, *, width: float
) -> list[tuple[float, str, str]]:
    """Draw the groups; give what is to be written at the ends of their lines."""
    ends = []
    for place, group in enumerate(comparison.groups):
        colour = colour_of(place)
        runs = group.at(measure, comparison.grid)
        summary = group.summary(measure, comparison.grid)
        here = np.isfinite(summary.median)
        if measure in CONFIDENCES:
            # Nothing is scored before the first generation: no confidence to draw.
            here &= comparison.grid >= min(run.evaluations[0] for run in group.runs)
        x = comparison.grid[here]
        if not len(x):
            continue
        median, lower, upper = (
            _scaled(measure, values[here])
            for values in (summary.median, summary.lower, summary.upper)
        )
        if len(group.runs) > 1:
            axes.fill_between(x, lower, upper, step="post", color=colour, alpha=0.2, linewidth=0)
            for values in runs:
                there = here & np.isfinite(values)
                line = _scaled(measure, values[there])
                axes.step(
                    comparison.grid[there],
                    line,
                    where="post",
                    color=colour,
                    alpha=0.45,
                    linewidth=0.9 * figure.POINT,
                    clip_on=False,
                )
        axes.step(
            x,
            median,
            where="post",
            color=colour,
            linestyle=stroke_of(place),
            linewidth=width * figure.POINT,
            marker="o" if len(x) < 3 else "",
            clip_on=False,
        )
        end = value_in_words(measure, float(summary.median[here][-1]))
        ends.append((float(median[-1]), f"{key_of(place)}  {end}", colour))
    return ends


def _scaled(measure: str, values: np.ndarray) -> np.ndarray:
    return np.array(log_odds(values.tolist())) if measure in CONFIDENCES else values
