"""Curves of a run: each function turns its generations into one SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.generation_report import CONFIDENCE_THRESHOLDS
from neatfool.report import figure
from neatfool.report.spacing import spread
from neatfool.wording import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neatfool.generation_report import GenerationReport

MOST_POINTS: Final = 400
MOST_BARS: Final = 100
LOWEST, HIGHEST = 1e-4, 1 - 1e-7
"""Confidences outside are drawn at the edge: the axis of log-odds has no end of its own."""
_TICKS: Final = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
_BLUE, _ORANGE, _GREEN, _PURPLE = figure.LINES


def confidence_curve(history: Sequence[GenerationReport]) -> bytes:
    """Draw median, quartiles, mean and minimum of the elites' confidences over images scored.

    The axis is in log-odds, so that 99 % and 99.99 % are as far apart as 1 % and 0.01 %.
    """
    shown = _thinned(history)
    drawn, axes = _axes(1080, 430, right=165, left=84)
    x = [report.evaluations for report in shown]
    lower, upper = (
        _log_odds([getattr(report, name) for report in shown])
        for name in ("lower_quartile", "upper_quartile")
    )
    axes.fill_between(x, lower, upper, color=_BLUE, alpha=0.17, linewidth=0)
    lines = [("median", _BLUE, 2.6), ("mean", _GREEN, 1.6), ("minimum", _ORANGE, 1.6)]
    labels = []
    lowest, highest = min(lower), max(upper)
    for name, colour, width in lines:
        values = [getattr(report, name) for report in shown]
        odds = _log_odds(values)
        axes.plot(
            x, odds, color=colour, linewidth=width * figure.POINT, marker=_marker(x), clip_on=False
        )
        labels.append((odds[-1], f"{name}  {percent(values[-1])}", colour))
        lowest, highest = min(lowest, *odds), max(highest, *odds)
    _confidence_axis(axes, lowest, highest)
    _count_axis(axes, x)
    _label_ends(axes, [*labels, ((lower[-1] + upper[-1]) / 2, "middle half", figure.MUTED)])
    return figure.to_bytes(drawn, "svg")


def threshold_curve(history: Sequence[GenerationReport], classes: int) -> bytes:
    """Draw how many classes have reached each confidence, over images scored.

    Args:
        history: The run's generations.
        classes: How many classes are searched.
    """
    shown = _thinned(history)
    drawn, axes = _axes(520, 330, right=96)
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
            marker=_marker(x),
            clip_on=False,
        )
        labels.append((float(counts[-1]), f"≥ {threshold * 100:g} %", colour))
    axes.set_ylim(0, classes * 1.04)
    axes.set_yticks(sorted({round(classes * part / 4) for part in range(5)}))
    _count_axis(axes, x)
    _label_ends(axes, labels)
    return figure.to_bytes(drawn, "svg")


def replacement_curve(history: Sequence[GenerationReport]) -> bytes:
    """Draw elites replaced in each generation and the goal switches among them."""
    from matplotlib.ticker import MaxNLocator

    drawn, axes = _axes(520, 330, right=24)
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
    _count_axis(axes, [history[0].generation, history[-1].generation], "generation")
    _legend(axes)
    return figure.to_bytes(drawn, "svg")


def size_curve(history: Sequence[GenerationReport]) -> bytes:
    """Draw the mean size of the elites' genomes over images scored."""
    from matplotlib.ticker import MaxNLocator

    shown = _thinned(history)
    drawn, axes = _axes(520, 330, right=110)
    x = [report.evaluations for report in shown]
    labels = []
    for name, colour in (("connections", _BLUE), ("nodes", _ORANGE)):
        values = [getattr(report, name) for report in shown]
        axes.plot(
            x, values, color=colour, linewidth=2 * figure.POINT, marker=_marker(x), clip_on=False
        )
        labels.append((values[-1], name, colour))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    _count_axis(axes, x)
    _label_ends(axes, labels)
    return figure.to_bytes(drawn, "svg")


def _thinned(history: Sequence[GenerationReport]) -> list[GenerationReport]:
    """Leave out generations that lie closer together than a curve can show, never the last."""
    if len(history) <= MOST_POINTS:
        return list(history)
    chosen = np.unique(np.linspace(0, len(history) - 1, MOST_POINTS).round().astype(int))
    return [history[i] for i in chosen]


def _axes(width: float, height: float, *, right: float, left: float = 62) -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes; lengths in CSS pixels."""
    drawn = figure.new_figure(width, height, figure.SURFACE)
    bottom, top = 50, 16
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    axes = drawn.add_axes(box, facecolor=figure.SURFACE)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(figure.RULE)
    axes.tick_params(
        axis="both", labelsize=13 * figure.POINT, labelcolor=figure.MUTED, length=0, pad=6
    )
    axes.grid(axis="y", color=figure.RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    return drawn, axes


def _log_odds(confidences: Sequence[float]) -> list[float]:
    """Turn confidences into decimal log-odds, kept within what the axis shows."""
    p = np.clip(np.asarray(confidences, dtype=float), LOWEST, HIGHEST)
    return list(np.log10(p / (1 - p)))


def _confidence_axis(axes: Axes, lowest: float, highest: float) -> None:
    """Label log-odds with the confidences that people know."""
    at = np.array(_log_odds(_TICKS))
    first = max(0, int(np.searchsorted(at, lowest, side="right")) - 1)
    last = min(len(at) - 1, int(np.searchsorted(at, highest)))
    axes.set_yticks(at[first : last + 1], [f"{p * 100:.8g} %" for p in _TICKS[first : last + 1]])
    room = 0.05 * max(1.0, highest - lowest)
    axes.set_ylim(min(at[first], lowest - room), max(at[last], highest + room))


def _count_axis(axes: Axes, values: Sequence[float], name: str = "images scored") -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    first, last = min(values), max(values)
    axes.set_xlim(
        min(first, 0) if name == "images scored" else first - 0.5,
        last + 0.5 if name == "generation" else max(last, 1),
    )
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value + 0:,.0f}"))
    axes.set_xlabel(name, fontsize=13 * figure.POINT, color=figure.MUTED, labelpad=8)


def _marker(points: Sequence[float]) -> str:
    """Mark the points of a curve that is too short to be seen as a line."""
    return "o" if len(points) < 3 else ""


def _label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write each curve's name (value, text, colour) at its end, apart from the others'."""
    low, high = axes.get_ylim()
    pixels = axes.bbox.height / axes.figure.dpi * figure.PIXELS_PER_INCH
    gap = 19 * (high - low) / pixels
    ordered = sorted(labels, key=lambda label: label[0])
    places = spread([value for value, _, _ in ordered], [gap] * (len(ordered) - 1))
    # Where they would leave the axes at an end they are moved back as one.
    move = max(0.0, low + gap / 2 - places[0]) + min(0.0, high - places[-1])
    for place, (_, text, colour) in zip(places, ordered, strict=True):
        axes.annotate(
            text,
            (1, place + move),
            xycoords=("axes fraction", "data"),
            xytext=(7, 0),
            textcoords="offset points",
            va="center_baseline",
            color=colour,
            fontsize=13 * figure.POINT,
            annotation_clip=False,
            weight="bold" if colour != figure.MUTED else "normal",
        )


def _legend(axes: Axes) -> None:
    legend: Any = axes.legend(
        frameon=False,
        fontsize=13 * figure.POINT,
        handlelength=1.1,
        handleheight=0.9,
        loc="upper right",
        borderaxespad=0.1,
    )
    for text in legend.get_texts():
        text.set_color(figure.MUTED)
