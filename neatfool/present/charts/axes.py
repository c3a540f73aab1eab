"""Axes of the report's curves: their looks, the confidence scale, and labels at the lines' ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.present.charts import figure
from neatfool.present.charts.spacing import spread
from neatfool.wording import level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

LOWEST, HIGHEST = 1e-4, 1 - 1e-7
"""Confidences outside are drawn at the edge, because an axis of log-odds has no end."""
TICKS: Final = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
FEWEST_TICKS: Final = 4
FINE_TICKS: Final = (
    *(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.997),
    *(0.999, 0.9997, 0.9999, 0.99997, 0.99999, 0.999997, 0.999999),
)
"""Used if fewer than FEWEST_TICKS of the coarse ticks are in sight. Both are almost even."""


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
    drawn = figure.new_figure(width, height, figure.SURFACE)
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


def decimal_odds(confidences: ArrayLike) -> np.ndarray:
    """Turn confidences into decimal log-odds within the axis; NaN stays NaN."""
    p = np.clip(np.asarray(confidences, dtype=float), LOWEST, HIGHEST)
    odds: np.ndarray = np.log10(p / (1 - p))
    return odds


def label_confidences(axes: Axes, lowest: float, highest: float) -> None:
    """Label decimal log-odds, from the lowest to the highest, with confidences in per cent."""
    ticks = ticks_around(TICKS, lowest, highest)
    if len(ticks) < FEWEST_TICKS:
        ticks = ticks_around(FINE_TICKS, lowest, highest)
    at = decimal_odds(ticks)
    axes.set_yticks(at, [level(p) for p in ticks])
    room = 0.05 * max(1.0, highest - lowest)
    axes.set_ylim(min(at[0], lowest - room), max(at[-1], highest + room))


def ticks_around(ticks: Sequence[float], lowest: float, highest: float) -> Sequence[float]:
    """Choose ticks around two decimal log-odds, with the next below and above: at least two."""
    at = decimal_odds(ticks)
    last = min(len(at) - 1, int(np.searchsorted(at, highest)))
    first = max(0, min(int(np.searchsorted(at, lowest, side="right")), last) - 1)
    return ticks[first : last + 1]


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
    axes.set_xlabel(name, fontsize=13 * figure.POINT, color=figure.MUTED, labelpad=8)


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write a text at the end of each curve, without overlaps.

    Args:
        axes: The axes, with their final limits.
        labels: (value at the end, text, colour) of each curve.
    """
    low, high = axes.get_ylim()
    pixels = axes.bbox.height / axes.figure.dpi * figure.PIXELS_PER_INCH
    gap = 19 * (high - low) / pixels
    ordered = sorted(labels, key=lambda label: label[0])
    places = spread([value for value, _, _ in ordered], [gap] * (len(ordered) - 1))
    # If labels would leave the axes, all move together.
    move = max(0.0, low + gap / 2 - places[0]) + min(0.0, high - places[-1])
    for place, (_, text, colour) in zip(places, ordered, strict=True):
        weight = "bold" if colour != figure.MUTED else "normal"
        look: Any = {"color": colour, "fontsize": 13 * figure.POINT, "weight": weight}
        right: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        look |= right | {"xytext": (7, 0), "va": "center_baseline", "annotation_clip": False}
        axes.annotate(text, (1, place + move), **look)
