"""The map of importance over an image, and the course of a network that is cut down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import level
from neatfool.report import LINE_COLOURS, draw_figure, label_ends, new_axes

from .hiding import edges_of_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from .ablation import Ablation
    from .graphs import GraphScores

SIDE: Final = 330
"""CSS pixels of a map's longer side."""
MOST_NUMBERS: Final = 12
"""Of more tiles side by side, numbers would be too small to be read."""
LEAST_RANGE: Final = 0.5
"""A drop in log-odds that counts as full colour at least, so that nothing is made to look like
something."""


def importance(item: Ablation, image: np.ndarray) -> bytes:
    """Draw what each tile is worth over an image: a PNG.

    The more orange a tile, the more log-odds are lost without it; blue tiles do harm. The number
    is the confidence that is left without the tile, in per cent, cut and at most 99.

    Args:
        item: What came out.
        image: uint8 [C, H, W].
    """
    tiles = len(item.tiles)
    height, width = image.shape[1:]
    scale = SIDE / max(height, width)
    drawn, axes = new_axes(width * scale, height * scale, left=0, right=0, top=0, bottom=0)
    grey = 255 - (255 - image.mean(0)) * 0.45
    axes.imshow(
        grey, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0), interpolation="nearest"
    )
    drops = np.array([[item.saved.log_odds - s.log_odds for s in row] for row in item.tiles])
    shares = np.clip(drops / max(drops.max(), -drops.min(), LEAST_RANGE), -1, 1)
    colours = np.zeros((tiles, tiles, 4))
    colours[..., :3] = np.where(shares[..., None] > 0, (0.90, 0.38, 0.04), (0.05, 0.42, 0.72))
    colours[..., 3] = 0.85 * np.abs(shares)
    rows, columns = edges_of_tiles(height, tiles), edges_of_tiles(width, tiles)
    for (row, column), score in np.ndenumerate(np.array(item.tiles, object)):
        left, right, top, bottom = *columns[column : column + 2], *rows[row : row + 2]
        axes.fill(
            [left, right, right, left],
            [top, top, bottom, bottom],
            color=colours[row, column],
            linewidth=0,
        )
        if tiles <= MOST_NUMBERS:
            _write(axes, (left + right) / 2, (top + bottom) / 2, score.confidence, tiles)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    return draw_figure(drawn, format="png", zoom=2)


def _write(axes: Axes, x: float, y: float, confidence: float, tiles: int) -> None:
    from matplotlib.patheffects import withStroke

    axes.text(
        x,
        y,
        f"{min(int(100 * confidence), 99)}",
        ha="center",
        va="center",
        fontsize=min(11.0, 80 / tiles),
        weight="bold",
        color="black",
        path_effects=[withStroke(linewidth=1.8, foreground="white")],
    )


def cutting_down(graphs: Sequence[GraphScores]) -> bytes:
    """Draw how much confidence stays as connections are cut: an SVG.

    Args:
        graphs: At least one network.
    """
    drawn, axes = new_axes(640, 270, right=150, left=58, bottom=50)
    places = np.linspace(0, 1, 21)
    lines = np.array([_course(scores, places) for scores in graphs])
    low, middle, high = np.quantile(lines, (0.25, 0.5, 0.75), axis=0)
    axes.fill_between(places, low, high, color=LINE_COLOURS[0], alpha=0.2, linewidth=0)
    axes.plot(places, middle, color=LINE_COLOURS[0], linewidth=2, marker="o", markersize=4)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.04)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set_yticks(ticks, [level(each) for each in ticks])
    axes.set_xticks(ticks, [level(each) for each in ticks])
    axes.set_xlabel(
        "connections that are cut, those that matter least first",
        fontsize=9.75,
        color=axes.xaxis.get_ticklabels()[0].get_color(),
        labelpad=8,
    )
    label_ends(axes, [(float(middle[-1]), f"median of {len(lines)}", LINE_COLOURS[0])])
    return draw_figure(drawn)


def _course(scores: GraphScores, places: np.ndarray) -> np.ndarray:
    """Give the share of the confidence that stays if parts of all connections are cut."""
    total = max(len(scores.connections), 1)
    cut = [0.0, *(1 - left / total for left, _ in scores.pruned)]
    stays = [1.0, *(1 - scores.drawn.lost(score) for _, score in scores.pruned)]
    course: np.ndarray = np.interp(places, cut, stays)
    return course
