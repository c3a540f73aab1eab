"""Charts over images scored: courses of numbers, and maps of many courses in colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from neatfool.present.charts.axes import (
    decimal_odds,
    label_confidences,
    label_counts,
    label_ends,
    new_axes,
)
from neatfool.present.charts.figure import draw_figure
from neatfool.present.charts.lines import colour_of, short, stroke_of
from neatfool.wording import level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, NARROW = 1080, 520
"""CSS pixels across the page, and across one of two columns."""
THIN, USUAL, THICK = 0.675, 1.5, 1.95
"""Widths of lines, in points."""
MOST_NAMES: Final = 40
"""A heat map names its rows up to this number; there is no room for more names."""
SHARPNESS: Final = 2
"""Pixels of a heat map for a CSS pixel, so that it is sharp on screens with fine pixels."""
SHADES: Final = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
"""The confidences at the scale of colours. The first and the last are its ends."""


class Steps(NamedTuple):
    """A line that keeps each value until the next."""

    counts: np.ndarray
    values: np.ndarray
    end: str
    place: int
    """Chooses its colour and stroke."""
    band: np.ndarray | None = None
    """A lower and an upper value at each of N counts, [2, N]."""
    single: np.ndarray | None = None
    """The lines of which it is the median, [M, N]."""


def steps(
    lines: Sequence[Steps],
    scale: Literal["confidences", "counts"],
    counts: Sequence[float] | np.ndarray,
    *,
    wide: bool = False,
) -> Figure:
    """Draw lines over images scored, whose axis covers ``counts``; confidences in log-odds."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    width, height = (WIDE, 440) if wide else (NARROW, 300)
    right = 26 + 7.4 * max((len(line.end) for line in lines), default=0)
    left = 84 if scale == "confidences" else 62
    drawn, axes = new_axes(width, height, right=right, left=left)
    scaled = decimal_odds if scale == "confidences" else np.asarray
    ends, shown = [], [np.zeros(0)]
    look: dict[str, Any]
    for line in lines:
        colour, x, values = colour_of(line.place), line.counts, scaled(line.values)
        if line.band is not None:
            lower, upper = band = scaled(line.band)
            axes.fill_between(x, lower, upper, step="post", color=colour, alpha=0.2, linewidth=0)
            shown.append(band.ravel())
        if line.single is not None:
            single = scaled(line.single)
            look = {"color": colour, "alpha": 0.45, "linewidth": THIN}
            axes.step(x, single.T, where="post", clip_on=False, **look)
            shown.append(single.ravel())
        look = {"color": colour, "linestyle": stroke_of(line.place)}
        look["linewidth"] = THICK if wide or line.single is None else USUAL
        look["marker"] = "o" if len(x) < 3 else ""  # too short to be seen as a line
        axes.step(x, values, where="post", clip_on=False, **look)
        shown.append(values)
        ends.append((float(values[-1]), line.end, colour))
    # All values are in sight.
    known = np.concatenate(shown)
    known = known[np.isfinite(known)]
    if scale == "confidences" and len(known):
        label_confidences(axes, float(known.min()), float(known.max()))
    else:
        axes.set_ylim(0, 1.1 * max(1.0, *known))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    label_counts(axes, np.asarray(counts).tolist())
    label_ends(axes, ends)
    return drawn


def heat_map(
    confidences: np.ndarray, grid: np.ndarray, names: Sequence[str], *, wide: bool = False
) -> bytes:
    """Draw a row for each course, its colour the confidence in log-odds, as an SVG.

    The confidences, float64 [C, N], are NaN where nothing is known; the grid, int64 [N], is even.
    """
    named = len(names) <= MOST_NAMES
    height = 66 + (max(22 * len(names), 110) if named else 560)
    texts = [*map(short, names)]
    left = min(30 + 7.2 * max(map(len, texts)), 205) if named else 62
    drawn, axes = new_axes(WIDE if wide else NARROW, height, right=34, left=left)
    # A value holds from its number of images on, so a cell is what was known at its left edge.
    known = confidences[:, :-1] if len(grid) > 1 else confidences
    _paint(axes, decimal_odds(known), (0, float(grid[-1]), len(names), 0))
    axes.grid(visible=False)
    label_counts(axes, grid.tolist())
    if named:
        axes.set_yticks([row + 0.5 for row in range(len(names))], texts, parse_math=False)
    else:
        ranks = sorted({1, *(round(len(names) * part / 5) for part in range(1, 6))})
        axes.set_yticks([rank - 0.5 for rank in ranks], [f"{rank:,}" for rank in ranks])
    return draw_figure(drawn, zoom=SHARPNESS)


def heat_scale() -> bytes:
    """Draw what the colours mean, as an SVG."""
    drawn, axes = new_axes(WIDE, 58, right=31.2, left=31.2, top=8.7, bottom=31.9)
    ticks = decimal_odds(SHADES)
    low, high = float(ticks[0]), float(ticks[-1])
    _paint(axes, np.linspace(low, high, 512)[None], (low, high, 0, 1))
    axes.set_yticks([])
    axes.set_xticks(ticks, [level(p) for p in SHADES])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return draw_figure(drawn, zoom=SHARPNESS)


def _paint(axes: Axes, odds: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    """Paint decimal log-odds; what is NaN stays transparent."""
    low, high = decimal_odds([SHADES[0], SHADES[-1]])
    axes.imshow(odds, cmap="viridis", vmin=low, vmax=high, extent=extent, aspect="auto")
