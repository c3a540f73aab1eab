"""The page of an ablation: one HTML file with maps, copies and networks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from neatfool import encode_png, level, percent
from neatfool.present import (
    LINE_COLOURS,
    Picture,
    draw_figure,
    draw_graph,
    embed_image,
    embed_png,
    embed_svg,
    label_ends,
    new_axes,
    write_page,
)

from . import wording
from .graphs import draw, draw_nodes, simplest, with_importance
from .hiding import edges_of_tiles, hide_copies
from .periods import label_copies

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx
    from matplotlib.axes import Axes

    from neatfool import EliteView

    from .ablation import Ablation, Ablations
    from .asking import Score
    from .graphs import GraphScores

SHOWN: Final = 10
"""The page shows so many elites at most, so that it stays below a few MB."""
NODES: Final = 5
"""Of each network, so many hidden nodes are shown with what they draw."""
LARGEST: Final = 224
"""Pixels of a picture's longer side."""
SMALL: Final = 64
"""Images up to this many pixels are shown with their pixels."""
SURFACE: Final = "#fffffe"
"""The colour of a panel, which follows the reader's scheme."""
SIDE: Final = 330
"""CSS pixels of a map's longer side."""
MOST_NUMBERS: Final = 12
"""Of more tiles side by side, numbers would be too small to be read."""
LEAST_RANGE: Final = 0.5
"""A drop in log-odds that counts as full colour at least, so that nothing is made to look like
something."""


@dataclass(frozen=True)
class Shown:
    """A picture with a few words.

    Attributes:
        picture: The picture.
        what: What it is.
        figure: What the target says of it.
        about: The whole of it in words, for those who do not see it.
        pixelated: Whether its pixels are to be seen.
    """

    picture: Picture
    what: str
    figure: str
    about: str
    pixelated: bool


def write_ablation(told: Ablations, path: Path) -> Path:
    """Write which parts of images fool: one HTML file that needs no network.

    Raises:
        StorageError: The file cannot be written.
    """
    return write_page(path, Path(__file__).with_name("page.html.j2"), _content(told))


def _content(told: Ablations) -> dict[str, Any]:
    graphs = [item.graph for item in told.items if item.graph and item.graph.pruned]
    return {
        "words": wording,
        "told": told,
        "title": told.run.name,
        "figures": [
            (name, len(values), wording.quartiles(values)) for name, values in wording.figures(told)
        ],
        "curve": embed_svg(cutting_down(graphs)) if graphs else None,
        "panels": [_panel(told.elites[place], told.items[place]) for place in _choose(told)],
    }


def _choose(told: Ablations) -> list[int]:
    """Choose elites to show: evenly from the surest to the least sure."""
    order = np.argsort([-item.saved.log_odds for item in told.items], kind="stable")
    some = np.rint(np.linspace(0, len(order) - 1, min(SHOWN, len(order)))).astype(int)
    return [int(order[place]) for place in some]


def _panel(elite: EliteView, item: Ablation) -> dict[str, Any]:
    image = elite.saved_pixels()
    small = max(image.shape[1:]) <= SMALL

    def show(pixels: np.ndarray, what: str, score: Score, about: str) -> Shown:
        picture = embed_png(encode_png(pixels), LARGEST)
        said = percent(score.confidence, score.log_odds)
        return Shown(picture, what, said, f"{item.name}, {about}: {said}", small)

    strip = [show(image, "as saved", item.saved, "as saved")]
    worst = percent(item.worst_tile.confidence, item.worst_tile.log_odds)
    drawn = Image.open(io.BytesIO(importance(item, image))).convert("RGB")
    map_of = embed_image(drawn, 2 * LARGEST)
    about = f"{item.name}: what confidence is left without each tile, at least {worst}"
    strip.append(Shown(map_of, "without a tile", f"at least {worst}", about, pixelated=False))
    if item.repeats:
        hidden = hide_copies(image, label_copies(image.shape[1:], item.repeats.repetition))
        best = item.repeats.best_alone
        half, alone = item.repeats.half, item.repeats.best
        if item.repeats.copies > 2:
            strip.append(show(hidden.half, "half of the copies", half, "half of its copies"))
        strip.append(show(hidden.alone[best], "one copy", alone, "one copy of it"))
    panel: dict[str, Any] = {"item": item, "strip": strip, "graph": None, "nodes": []}
    if item.graph:
        graph = with_importance(elite.graph(), elite, item.graph)
        (simple,) = draw(elite, [simplest(elite, item.graph)]).numpy()
        kept = dict(item.graph.pruned).get(item.graph.suffice, item.graph.drawn)
        what = f"{item.graph.suffice} of {len(item.graph.connections)} connections"
        strip.append(show(simple, what, kept, f"drawn by {what}"))
        panel["graph"] = embed_svg(draw_graph(graph, background=SURFACE, shade="importance"))
        panel["nodes"] = _nodes(elite, graph, small=small)
    return panel


def _nodes(elite: EliteView, graph: nx.DiGraph, *, small: bool) -> list[Shown]:
    """Show what the hidden nodes draw that matter most."""
    hidden = [node for node, kind in graph.nodes(data="kind") if kind == "hidden"]
    hidden.sort(key=lambda node: graph.nodes[node]["log_odds_lost"], reverse=True)
    chosen = hidden[:NODES]
    if not chosen:
        return []
    shown = []
    for node, pixels in zip(chosen, draw_nodes(elite, chosen), strict=True):
        data = graph.nodes[node]
        what = str(data["activation"])
        figure = f"without it {percent(data['confidence_without'])}"
        picture = embed_png(encode_png(pixels[None]), LARGEST // 2)
        shown.append(Shown(picture, what, figure, f"node {node}: {what}, {figure}", small))
    return shown


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
