"""The page of a comparison: one HTML file with all figures and tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import level
from neatfool.present import (
    decimal_odds,
    draw_figure,
    embed_svg,
    label_confidences,
    label_counts,
    label_ends,
    new_axes,
    write_page,
)

from . import wording
from .keys import colour_of, key_of, stroke_of
from .measures import MEASURES, TESTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from .comparison import Comparison
    from .wording import Rows

MOST_CLASSES: Final = 24
"""All classes are listed up to this number; of more the easiest, the hardest, the most unlike."""
SOME_CLASSES: Final = 8
WIDE, NARROW = 1080, 520
"""CSS pixels across the page, and across one of two columns."""
MOST_NAMES: Final = 40
"""A heat map names its rows up to this number of classes; there is no room for more names."""
LONGEST_NAME: Final = 20
THIN, USUAL, THICK = 0.675, 1.5, 1.95
"""Widths of lines, in points."""
SHARPNESS: Final = 2
"""Pixels of a heat map for a CSS pixel, so that it is sharp on screens with fine pixels."""
_COLOUR_TICKS: Final = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
"""The confidences at the scale of colours. The first and the last are its ends."""


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write a comparison: one HTML file that needs nothing beside it, and no network.

    Raises:
        StorageError: The file cannot be written.
    """
    return write_page(path, Path(__file__).with_name("page.html.j2"), _content(comparison))


def _content(comparison: Comparison) -> dict[str, Any]:
    drawn = ["median", *(key for key, each in MEASURES.items() if each.kind != "confidence")]
    return {
        "words": wording,
        "comparison": comparison,
        "title": " · ".join(dict.fromkeys(group.label for group in comparison.groups)),
        "keys": wording.keys_of(comparison),
        "tested": TESTED,
        "curves": {key: embed_svg(course(comparison, key)) for key in drawn},
        "thresholds": [measure for measure in MEASURES.values() if measure.kind == "classes"],
        "maps": _maps(comparison),
        "scale": embed_svg(heat_scale()),
        "classes": _classes(comparison),
    }


def _maps(comparison: Comparison) -> list[str]:
    """Draw each group's heat map."""
    width = WIDE if len(comparison.groups) == 1 else NARROW
    return [
        embed_svg(
            heat_map(
                known[order],
                comparison.grid,
                [group.classes[index] for index in order],
                width=width,
            )
        )
        for group, known, order in zip(
            comparison.groups, comparison.maps, comparison.orders, strict=True
        )
    ]


def _classes(comparison: Comparison) -> dict[str, Rows]:
    """List the classes, or some of them, at the last point; none where groups have other ones."""
    if not comparison.same_classes:
        return {}
    here = np.array([comparison.points[-1]])
    confidences = np.concatenate([group.by_class(here) for group in comparison.groups], axis=1)
    order = comparison.orders[0]
    chosen = {"All classes, the easiest first": order}
    if len(order) > MOST_CLASSES:
        chosen = {"The easiest": order[:SOME_CLASSES], "The hardest": order[::-1][:SOME_CLASSES]}
        if len(comparison.groups) > 1:
            apart = np.ptp(decimal_odds(np.nan_to_num(confidences)), axis=1)
            chosen["The most different"] = np.argsort(-apart, kind="stable")[:SOME_CLASSES]
    names, in_words = comparison.groups[0].classes, MEASURES["median"].in_words
    return {
        title: [(names[index], list(map(in_words, confidences[index]))) for index in places]
        for title, places in chosen.items()
    }


def course(comparison: Comparison, measure: str) -> bytes:
    """Draw a measure over the images scored: confidences large, on a scale of log-odds.

    The line is the median over seeds, the band reaches from quartile to quartile, and a thin line
    is a run.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    large = MEASURES[measure].kind == "confidence"
    width, height, right, left = (1080, 440, 130, 84) if large else (520, 300, 88, 62)
    drawn, axes = new_axes(width, height, right=right, left=left)
    ends = [
        end
        for place in range(len(comparison.groups))
        for end in _draw_group(comparison, place, measure, axes)
    ]
    shown = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])
    if large:
        label_confidences(axes, float(np.nanmin(shown)), float(np.nanmax(shown)))
    else:
        axes.set_ylim(0, 1.1 * max(1.0, float(np.nanmax(shown))))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    label_counts(axes, comparison.grid.tolist())
    label_ends(axes, ends)
    return draw_figure(drawn)


def _draw_group(
    comparison: Comparison, place: int, measure: str, axes: Axes
) -> list[tuple[float, str, str]]:
    """Draw a group; give what is to be written at the end of its line."""
    group, grid, colour = comparison.groups[place], comparison.grid, colour_of(place)
    quartiles = group.quartiles(measure, grid)
    here = np.isfinite(quartiles[1])
    if large := MEASURES[measure].kind == "confidence":
        # Nothing is scored before the first generation: no confidence to draw.
        here &= grid >= min(run.evaluations[0] for run in group.runs)
    if not here.any():
        return []
    scaled = decimal_odds if large else np.asarray
    x = grid[here]
    lower, median, upper = (scaled(values[here]) for values in quartiles)
    if len(group.runs) > 1:
        axes.fill_between(x, lower, upper, step="post", color=colour, alpha=0.2, linewidth=0)
        runs = scaled(group.at(measure, x)).T
        axes.step(x, runs, where="post", color=colour, alpha=0.45, linewidth=THIN, clip_on=False)
    axes.step(
        x,
        median,
        where="post",
        color=colour,
        linestyle=stroke_of(place),
        linewidth=THICK if large else USUAL,
        marker="o" if len(x) < 3 else "",  # too short to be seen as a line
        clip_on=False,
    )
    words = MEASURES[measure].in_words(float(quartiles[1, here][-1]))
    return [(float(median[-1]), f"{key_of(place)}  {words}", colour)]


def heat_map(
    confidences: np.ndarray, grid: np.ndarray, names: Sequence[str], *, width: float = 520
) -> bytes:
    """Draw a row for each class, its colour the confidence in log-odds.

    Args:
        confidences: float64 [C, N], NaN where nothing is known.
        grid: int64 [N], images scored, rising evenly.
        names: C names.
        width: CSS pixels.
    """
    named = len(names) <= MOST_NAMES
    height = 66 + (max(22 * len(names), 110) if named else 560)
    short = [f"{name[: LONGEST_NAME - 1]}…" if len(name) > LONGEST_NAME else name for name in names]
    left = min(30 + 7.2 * max(map(len, short)), 180) if named else 62
    drawn, axes = new_axes(width, height, right=34, left=left)
    # A value holds from its number of images on, so a cell is what was known at its left edge.
    known = confidences[:, :-1] if len(grid) > 1 else confidences
    _paint(axes, decimal_odds(known), (0, float(grid[-1]), len(names), 0))
    axes.grid(visible=False)
    label_counts(axes, grid.tolist())
    if named:
        axes.set_yticks([row + 0.5 for row in range(len(names))], short, parse_math=False)
    else:
        ranks = sorted({1, *(round(len(names) * part / 5) for part in range(1, 6))})
        axes.set_yticks([rank - 0.5 for rank in ranks], [f"{rank:,}" for rank in ranks])
    return draw_figure(drawn, zoom=SHARPNESS)


def heat_scale() -> bytes:
    """Draw what the colours mean."""
    drawn, axes = new_axes(520, 58, right=31.2, left=31.2, top=8.7, bottom=31.9)
    ticks = decimal_odds(_COLOUR_TICKS)
    low, high = float(ticks[0]), float(ticks[-1])
    _paint(axes, np.linspace(low, high, 512)[None], (low, high, 0, 1))
    axes.set_yticks([])
    axes.set_xticks(ticks, [level(p) for p in _COLOUR_TICKS])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return draw_figure(drawn, zoom=SHARPNESS)


def _paint(axes: Axes, odds: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    """Paint decimal log-odds; what is NaN stays transparent."""
    low, high = decimal_odds([_COLOUR_TICKS[0], _COLOUR_TICKS[-1]])
    axes.imshow(odds, cmap="viridis", vmin=low, vmax=high, extent=extent, aspect="auto")
