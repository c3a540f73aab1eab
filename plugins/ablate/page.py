"""The page of an ablation: one HTML file with maps, copies and networks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from neatfool import encode_png, percent
from neatfool.report import Picture, draw_graph, embed_image, embed_png, embed_svg, write_page

from . import wording
from .charts import cutting_down, importance
from .graphs import draw, draw_nodes, simplest, with_importance
from .hiding import hide_copies
from .periods import label_copies

if TYPE_CHECKING:
    import networkx as nx

    from neatfool import EliteView

    from .ablation import Ablation, Ablations
    from .asking import Score

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
