"""Draws a CPPN, from its inputs on the left to the image's channels on the right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

import networkx as nx
import numpy as np

from neatfool.present.charts import figure
from neatfool.present.graph.layout import lay_out, reading_order
from neatfool.present.graph.pen import RADIUS, Pen
from neatfool.wording import share

if TYPE_CHECKING:
    Entry = tuple[Literal["activation", "faint", "positive", "negative", "disabled"], str]

ROW: Final = 41.0
"""Two nodes of a column are this many pixels apart; NOTED_ROW if each has a figure below it."""
NOTED_ROW: Final = 48.0
MARGIN: Final = 18.0
NARROWEST: Final = 420.0
LEGEND_ROW: Final = 24.0
LETTER: Final = 7.4
"""A letter of the legend takes this many pixels on average, in a wide typeface."""
FAINT: Final = 0.22
"""The opacity of an edge that does not influence the image; FAINT_NODE is a node's."""
FAINT_NODE: Final = 0.3
THINNEST, THICKEST = 0.7, 3.6


def draw_graph(
    graph: nx.DiGraph,
    *,
    format: Literal["svg", "png"] = "svg",  # noqa: A002 - the word for it
    width: int | None = None,
    background: str | None = "white",
    shade: str | None = None,
) -> bytes:
    """Draw a genome's graph; the same graph gives the same bytes.

    A node has its activation's colour and shows its curve. An edge's colour is the sign of its
    weight, its width the weight's square root. What does not influence an output is faint, and a
    disabled edge is dotted.

    Args:
        graph: Nodes with ``kind`` (``"input"``, ``"hidden"``, ``"output"``), ``label``, ``layer``,
            ``activation`` and ``aggregation``, edges with ``weight`` and ``enabled``. Each of
            these may be missing.
        format: ``"svg"`` or ``"png"``.
        width: Pixels across; by default the graph's size decides (and a PNG has twice that).
        background: A colour, or None for a transparent one.
        shade: An attribute of nodes and edges, from 0 to 1: the less of it they have, the fainter
            they are. It is then the width of an edge, too, and stands in per cent under a node.

    Returns:
        The file's content.
    """
    drawing = _Drawing(graph, background, shade)
    drawing.edges()
    drawing.nodes()
    drawing.legend()
    drawn = drawing.pen.figure
    if format == "png":
        return figure.draw_figure(drawn, format="png", zoom=width / drawing.width if width else 2.0)
    svg = figure.draw_figure(drawn)
    return _resize(svg, width, drawing.height / drawing.width) if width else svg


def influential(graph: nx.DiGraph) -> set[Any]:
    """Give the outputs, and the nodes from which an enabled path leads to one."""
    off = [(u, v) for u, v, on in graph.edges(data="enabled", default=True) if not on]
    enabled = nx.restricted_view(graph, [], off)
    outputs = [node for node, kind in graph.nodes(data="kind") if kind == "output"]
    return set(outputs).union(*(nx.ancestors(enabled, node) for node in outputs))


def _resize(svg: bytes, width: int, ratio: float) -> bytes:
    """Change an SVG's nominal size; its view box scales the drawing."""
    size = b'width="%dpx" height="%dpx" viewBox=' % (width, round(width * ratio))
    return re.sub(rb'width="[^"]*" height="[^"]*" viewBox=', size, svg, count=1)


class _Drawing:
    """Draws one graph; lengths are CSS pixels."""

    def __init__(self, graph: nx.DiGraph, background: str | None, shade: str | None) -> None:
        self.graph, self.shade = graph, shade
        self.row = NOTED_ROW if shade else ROW
        self.layout = lay_out(graph)
        self.influential = influential(graph)
        weights = (abs(weight) for *_, weight in graph.edges(data="weight", default=1.0))
        self.heaviest = max(weights, default=0.0)
        steps = max(1, self.layout.columns - 1)
        # Steep bundles of long edges are easier to follow in a wider drawing.
        self.pitch = max(
            float(np.clip(760 / steps, 62, 150)),
            min(110.0, self.layout.rows * self.row / steps / 2),
        )
        outputs = [node for node, kind in graph.nodes(data="kind") if kind == "output"]
        longest = max((len(self._label(node)) for node in outputs), default=0)
        natural = 2 * (MARGIN + RADIUS) + self.pitch * steps + 8 + 1.1 * LETTER * longest
        self.width = max(NARROWEST, natural)
        self.left = MARGIN + RADIUS + (self.width - natural) / 2
        self.top = MARGIN + RADIUS + 2
        self.legend_top = self.top + self.layout.rows * self.row + RADIUS + 16
        self.legend_rows = self._legend_rows()
        self.height = self.legend_top + LEGEND_ROW * len(self.legend_rows) + MARGIN - 6
        self.pen = Pen(self.width, self.height, background)

    def _label(self, node: Any) -> str:
        return str(self.graph.nodes[node].get("label", node))

    def _at(self, place: tuple[float, float]) -> tuple[float, float]:
        return self.left + place[0] * self.pitch, self.top + place[1] * self.row

    def edges(self) -> None:
        """Draw faint edges below others, and wide below thin ones."""
        for u, v, data in sorted(self.graph.edges(data=True), key=self._edge_order):
            points = [self._at(place) for place in self.layout.routes[u, v]]
            self.pen.curve(points, **self._edge_style(v, data))

    def _edge_order(self, edge: tuple[Any, Any, dict[str, Any]]) -> tuple[bool, float, str]:
        u, v, data = edge
        matters = data.get("enabled", True) and v in self.influential
        # In a shaded drawing what matters most is drawn last.
        depth = self._share(data) if self.shade else -abs(data.get("weight", 1.0))
        return bool(matters), depth, f"{u} {v}"

    def _share(self, data: dict[str, Any]) -> float:
        """Give how much something has of what shades the drawing, from 0 to 1."""
        return float(np.clip(data.get(self.shade, 0.0), 0, 1)) if self.shade else 1.0

    def _edge_style(self, target: Any, data: dict[str, Any]) -> dict[str, Any]:
        if not data.get("enabled", True):
            return {"colour": figure.DISABLED, "width": 1.2, "dotted": True, "opacity": 0.9}
        weight = data.get("weight", 1.0)
        strength = (abs(weight) / self.heaviest) ** 0.5 if self.heaviest else 0.0
        strength = self._share(data) if self.shade else strength
        return {
            "colour": figure.POSITIVE if weight >= 0 else figure.NEGATIVE,
            "width": THINNEST + (THICKEST - THINNEST) * strength,
            "dotted": False,
            "opacity": FAINT + (0.85 - FAINT) * self._share(data) * (target in self.influential),
        }

    def nodes(self) -> None:
        """Draw the nodes above the edges, with their labels."""
        for node in reading_order(self.graph):
            data = self.graph.nodes[node]
            x, y = self._at(self.layout.places[node])
            strength = self._share(data) * (node in self.influential)
            opacity = FAINT_NODE + (1.0 - FAINT_NODE) * strength
            notes = [share(data.get(self.shade, 0.0))] if self.shade else []
            if (aggregation := str(data.get("aggregation", "sum"))) != "sum":
                notes.insert(0, aggregation)
            if notes:
                below = (x, y + RADIUS + 8)
                self.pen.write(below, " ".join(notes), size=9.5, colour=figure.MUTED)
            if data.get("kind") == "input":
                self.pen.box((x, y), self._label(node), opacity=opacity)
                continue
            name = str(data.get("activation", ""))
            self.pen.activation((x, y), name, radius=RADIUS, opacity=opacity)
            if data.get("kind") == "output":
                self.pen.ring((x, y))
                beside = (x + RADIUS + 9, y)
                self.pen.write(beside, self._label(node), size=13.5, align="left", bold=True)

    def _legend_entries(self) -> list[Entry]:
        names = {str(name) for _, name in self.graph.nodes(data="activation") if name}
        edges = [data for *_, data in self.graph.edges(data=True)]
        live = [data.get("weight", 1.0) for data in edges if data.get("enabled", True)]
        others: dict[Entry, bool] = {
            ("positive", "weight > 0"): any(weight >= 0 for weight in live),
            ("negative", "weight < 0"): any(weight < 0 for weight in live),
            ("disabled", "disabled"): len(live) < len(edges),
            ("faint", "without influence"): bool(set(self.graph) - self.influential),
            ("faint", f"faint, thin: little {self.shade}"): bool(self.shade),
        }
        activations: list[Entry] = [("activation", name) for name in sorted(names)]
        return activations + [entry for entry, is_there in others.items() if is_there]

    def _legend_rows(self) -> list[list[Entry]]:
        """Break the legend into rows that fit."""
        rows: list[list[Entry]] = []
        used = float("inf")
        for entry in self._legend_entries():
            used += _entry_width(entry)
            if used > self.width - 2 * MARGIN:
                rows.append([])
                used = _entry_width(entry)
            rows[-1].append(entry)
        return rows

    def legend(self) -> None:
        """Draw the legend under the graph, with centred rows."""
        for number, row in enumerate(self.legend_rows):
            y = self.legend_top + LEGEND_ROW * (number + 0.5)
            x = (self.width - sum(_entry_width(entry) for entry in row)) / 2
            for entry in row:
                self._legend_mark(entry, x, y)
                text_at = (x + _mark_width(entry) + 5, y)
                self.pen.write(text_at, entry[1], size=12, colour=figure.MUTED, align="left")
                x += _entry_width(entry)

    def _legend_mark(self, entry: Entry, x: float, y: float) -> None:
        kind, text = entry
        if kind in ("activation", "faint"):
            name, opacity = (text, 1.0) if kind == "activation" else ("", FAINT_NODE)
            self.pen.activation((x + 8, y), name, radius=8, opacity=opacity)
            return
        colours = {"positive": figure.POSITIVE, "negative": figure.NEGATIVE}
        self.pen.curve(
            [(x, y), (x + 22, y)],
            colour=colours.get(kind, figure.DISABLED),
            width=1.6 if kind == "disabled" else 3.0,
            dotted=kind == "disabled",
            opacity=1.0,
        )


def _mark_width(entry: Entry) -> float:
    return 16 if entry[0] in ("activation", "faint") else 24


def _entry_width(entry: Entry) -> float:
    return _mark_width(entry) + 21 + LETTER * len(entry[1])
