"""The heat map: each class's confidence over the images scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.report.charts import figure
from neatfool.report.charts.axes import count_axis, log_odds, new_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

MOST_NAMES: Final = 40
"""Up to so many classes are named at their rows; more are counted."""
LONGEST_NAME: Final = 20
COLOURS: Final = "viridis"
LEAST, MOST = 0.001, 0.9999
"""The confidences at the ends of the scale of colours."""
_SCALE: Final = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
_SHARPNESS: Final = 2
"""Pixels of the raster for a CSS pixel."""


def heat_map(
    confidences: np.ndarray, grid: np.ndarray, names: Sequence[str], *, width: float = 520
) -> bytes:
    """Draw a row for each class, in the order given, its colour the confidence in log-odds.

    Args:
        confidences: float64 [C, N], NaN where nothing is known.
        grid: int64 [N], images scored, rising evenly.
        names: C names.
        width: CSS pixels.
    """
    named = len(names) <= MOST_NAMES
    height = 66 + (max(22 * len(names), 110) if named else 560)
    left = 30 + 7.2 * max(len(_short(name)) for name in names) if named else 62
    drawn, axes = new_axes(width, height, right=34, left=min(left, 180))
    pixels = axes.bbox.width / drawn.dpi * figure.PIXELS_PER_INCH * _SHARPNESS
    rows = axes.bbox.height / drawn.dpi * figure.PIXELS_PER_INCH * _SHARPNESS
    axes.imshow(
        _raster(confidences, int(rows), int(pixels)),
        extent=(0, float(grid[-1]), len(names), 0),
        aspect="auto",
        interpolation="none",
    )
    axes.grid(visible=False)
    count_axis(axes, grid.tolist())
    _name_rows(axes, names, named=named)
    return figure.to_bytes(drawn, "svg")


def heat_scale() -> bytes:
    """Draw what the colours mean."""
    drawn = figure.new_figure(520, 58, figure.SURFACE)
    axes = drawn.add_axes((0.06, 0.55, 0.88, 0.3))
    low, high = _span()
    axes.imshow(
        _colours(np.linspace(low, high, 512)[None]),
        extent=(low, high, 0, 1),
        aspect="auto",
        interpolation="none",
    )
    axes.set_yticks([])
    axes.set_xticks(log_odds(_SCALE), [f"{100 * p:g} %" for p in _SCALE])
    axes.tick_params(
        axis="x", labelsize=13 * figure.POINT, labelcolor=figure.MUTED, length=0, pad=5
    )
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure.to_bytes(drawn, "svg")


def _span() -> tuple[float, float]:
    low, high = log_odds((LEAST, MOST))
    return low, high


def _colours(odds: np.ndarray) -> np.ndarray:
    """Give uint8 [R, N, 4]; what is NaN stays transparent."""
    from matplotlib import colormaps

    low, high = _span()
    scaled = np.clip((odds - low) / (high - low), 0, 1)
    colours: Any = colormaps[COLOURS](np.ma.masked_invalid(scaled), bytes=True)
    colours[~np.isfinite(odds), 3] = 0
    return np.asarray(colours)


def _raster(confidences: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Colour the classes, as many to a row of the raster as must be, for about its own pixels."""
    odds = np.log10(np.clip(confidences, 1e-6, 1 - 1e-6))
    odds -= np.log10(1 - np.clip(confidences, 1e-6, 1 - 1e-6))
    if len(odds) > rows:
        edges = np.linspace(0, len(odds), rows + 1).astype(int)
        odds = np.add.reduceat(odds, edges[:-1]) / np.diff(edges)[:, None]
    # A value holds from its number of images on, so a cell is what was known at its left edge.
    colours = _colours(odds[:, :-1] if odds.shape[1] > 1 else odds)
    down, across = max(1, rows // len(colours)), max(1, columns // colours.shape[1])
    return colours.repeat(down, 0).repeat(across, 1)


def _name_rows(axes: Axes, names: Sequence[str], *, named: bool) -> None:
    if named:
        places = [row + 0.5 for row in range(len(names))]
        axes.set_yticks(places, [_short(name) for name in names], parse_math=False)
        return
    ranks = sorted({1, *(round(len(names) * part / 5) for part in range(1, 6))})
    axes.set_yticks([rank - 0.5 for rank in ranks], [f"{rank:,}" for rank in ranks])


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
