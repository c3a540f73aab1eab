"""The page of a detection: one HTML file with a table and a histogram for each detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import level
from neatfool.present import LINE_COLOURS, draw_figure, embed_svg, new_axes, write_page

from . import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.ood import Row

    from .seen import Seen

SIZE: Final = (520, 230)
"""CSS pixels of a chart."""
BINS: Final = 36
EDGE: Final = 1
"""This percentage of either kind of images at each end may lie outside of the chart."""


def write_detection(seen: Sequence[Seen], path: Path) -> Path:
    """Write what detectors would have caught: one HTML file that needs no network.

    Raises:
        StorageError: The file cannot be written.
    """
    content: dict[str, Any] = {
        "words": wording,
        "title": " · ".join(dict.fromkeys(each.run.name for each in seen)),
        "seen": [
            {
                "what": each,
                "levels": wording.levels(each.detection),
                "rows": [
                    (row, embed_svg(histograms(row, wording.levels(each.detection))))
                    for row in each.detection.rows
                ],
            }
            for each in seen
        ],
    }
    return write_page(path, Path(__file__).with_name("page.html.j2"), content)


def histograms(row: Row, levels: Sequence[float]) -> bytes:
    """Draw the scores of in-distribution and fooling images, and the thresholds.

    What lies outside of the chart is drawn at its edge.

    Args:
        row: The scores.
        levels: For each threshold the share of in-distribution images that are to pass; one or two.
    """
    drawn, axes = new_axes(*SIZE, right=16, left=52, bottom=34, top=26)
    ends = [np.percentile(each, (EDGE, 100 - EDGE)) for each in (row.in_distribution, row.fooling)]
    low, high = float(np.min(ends)), float(np.max(ends))
    thresholds = [row.threshold(kept) for kept in levels]
    low, high = min(low, *thresholds), max(high, *thresholds)
    room = 0.03 * (high - low or 1)
    bins = np.linspace(low - room, high + room, BINS + 1)
    for values, colour in zip((row.in_distribution, row.fooling), LINE_COLOURS, strict=False):
        inside = values.clip(bins[0], bins[-1])
        axes.hist(
            inside,
            bins=bins.tolist(),
            weights=np.full(len(values), 1 / len(values)),
            color=colour,
            alpha=0.55,
            edgecolor=colour,
            linewidth=0.6,
        )
    for threshold, kept, dashes in zip(thresholds, levels, ((5, 2), (1.5, 1.5)), strict=False):
        axes.axvline(threshold, color="#626b78", linewidth=1.2, linestyle=(0, dashes))
        axes.annotate(
            level(kept),
            (threshold, 1.01),
            xycoords=("data", "axes fraction"),
            ha="right" if kept == levels[0] else "left",
            va="bottom",
            color="#626b78",
            fontsize=8.5,
        )
    axes.yaxis.set_major_formatter(lambda value, _: level(value))
    axes.set_xlim(float(bins[0]), float(bins[-1]))
    return draw_figure(drawn)
