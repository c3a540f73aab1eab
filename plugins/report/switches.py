"""Who took whose niche: the goal switches of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.analysis import goal_switches
from neatfool.present import draw_figure, embed_svg, new_axes

if TYPE_CHECKING:
    import networkx as nx

    from neatfool import Run

MOST_ROWS: Final = 8
MOST_BINS: Final = 250
"""Classes of a larger map share a cell: a pixel each could not be seen."""
MUTED: Final = "#626b78"


def read_switches(run: Run, phylogeny: nx.DiGraph) -> dict[str, Any] | None:
    """Give what the page shows of the goal switches between classes; None if there were none."""
    found = goal_switches(run, phylogeny)
    if not found.total:
        return None
    flows, grouped = found.between_classes, len(found.groups) < len(run.searched)
    return {
        "total": found.total,
        "matrix": embed_svg(draw_figure(found.draw_matrix())),
        "grouped": grouped,
        "map": embed_svg(_map(flows[np.ix_(run.searched, run.searched)])) if grouped else None,
        "givers": _most(run, flows.sum(1)),
        "takers": _most(run, flows.sum(0)),
        "pairs": found.largest(MOST_ROWS),
    }


def _most(run: Run, counts: np.ndarray) -> list[tuple[str, str]]:
    order = np.argsort(-counts, kind="stable")[:MOST_ROWS].tolist()
    return [(run.classes[index], f"{counts[index]:,.0f}") for index in order if counts[index]]


def _map(flows: np.ndarray) -> bytes:
    """Draw the flows between all classes, in their order; a dark cell has many switches."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    count = len(flows)
    size = -(-count // MOST_BINS)
    bins = -(-count // size)
    padded = np.zeros((bins * size, bins * size))
    padded[:count, :count] = flows
    summed = padded.reshape(bins, size, bins, size).sum((1, 3))
    drawn, axes = new_axes(620, 620, left=64, right=16, top=16, bottom=54)
    axes.grid(visible=False)
    axes.set_facecolor("white")  # in the dark, too: dark cells would vanish
    end = bins * size
    axes.imshow(
        np.ma.masked_less_equal(summed, 0),
        cmap=LinearSegmentedColormap.from_list("", ["#9cc3e0", "#08306b"]),
        norm=LogNorm(vmin=min(0.2, summed.max() / 2), vmax=summed.max()),
        interpolation="nearest",
        extent=(0, end, end, 0),
        aspect="auto",
    )
    for side in ("left", "right", "top", "bottom"):
        axes.spines[side].set_visible(True)
        axes.spines[side].set_color(MUTED)
    axes.set_xlabel("number of the class whose niche was taken", color=MUTED, fontsize=9.75)
    axes.set_ylabel("number of the parent's class", color=MUTED, fontsize=9.75)
    return draw_figure(drawn, zoom=2.0)
