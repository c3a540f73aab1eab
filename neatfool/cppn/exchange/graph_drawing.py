"""Draws a CPPN, from its inputs on the left to the image's channels on the right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

import networkx as nx
import numpy as np

from neatfool import figure
from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.exchange.graph_layout import lay_out, reading_order

if TYPE_CHECKING:
    from matplotlib.path import Path as Curve

    Point = tuple[float, float]

RADIUS: Final = 15.0
"""The radius of a node, in CSS pixels as all lengths here; y is downwards."""
ROW: Final = 41.0
"""Two nodes of a column are this many pixels apart."""
MARGIN: Final = 18.0
LEGEND_ROW: Final = 24.0
LETTER: Final = 7.4
"""A letter of the legend takes this many pixels on average, in a wide typeface."""
FAINT: Final = 0.22
"""The opacity of an edge that does not influence the image; FAINT_NODE is a node's."""
FAINT_NODE: Final = 0.3
THINNEST, THICKEST = 0.7, 3.6
LEVEL: Final = 0.42
"""A curve keeps its direction at each end for this share of the way between two points."""
_WHITE: Final = "#ffffff"
"""The colour of curves on discs, on a dark page too."""


def draw_graph(
    graph: nx.DiGraph,
    *,
    format: Literal["svg", "png"] = "svg",  # noqa: A002 - the word for it
    background: str | None = "white",
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
        background: A colour, or None for a transparent one.

    Returns:
        The file's content.
    """
    drawing = _GraphFigure(graph, background)
    drawing.edges()
    drawing.nodes()
    drawing.legend()
    return figure.draw_figure(drawing.figure, format=format, zoom=2.0 if format == "png" else 1.0)


def influential(graph: nx.DiGraph) -> set[Any]:
    """Give the outputs, and the nodes from which an enabled path leads to one."""
    off = [(u, v) for u, v, on in graph.edges(data="enabled", default=True) if not on]
    enabled = nx.restricted_view(graph, [], off)
    outputs = [node for node, kind in graph.nodes(data="kind") if kind == "output"]
    return set(outputs).union(*(nx.ancestors(enabled, node) for node in outputs))


class _GraphFigure:
    """Draws one graph on a figure of its own."""

    def __init__(self, graph: nx.DiGraph, background: str | None) -> None:
        self.graph, self.layout = graph, lay_out(graph)
        self.influential = influential(graph)
        weights = (abs(weight) for *_, weight in graph.edges(data="weight", default=1.0))
        self.heaviest = max(weights, default=0.0)
        steps = max(1, self.layout.columns - 1)
        # Steep bundles of long edges are easier to follow in a wider drawing.
        steep = self.layout.rows * ROW / steps / 2
        self.pitch = max(float(np.clip(760 / steps, 62, 150)), min(110.0, steep))
        outputs = [node for node, kind in graph.nodes(data="kind") if kind == "output"]
        longest = max((len(self._label(node)) for node in outputs), default=0)
        natural = 2 * (MARGIN + RADIUS) + self.pitch * steps + 8 + 1.1 * LETTER * longest
        self.width = max(420.0, natural)
        self.left = MARGIN + RADIUS + (self.width - natural) / 2
        self.top = MARGIN + RADIUS + 2
        self.legend_top = self.top + self.layout.rows * ROW + RADIUS + 16
        self.entries = self._legend_entries()
        self.legend_width = 50 + LETTER * max((len(text) for _, text in self.entries), default=0)
        self.legend_columns = max(1, int((self.width - MARGIN) // self.legend_width))
        legend_rows = -(-len(self.entries) // self.legend_columns)
        self.height = self.legend_top + LEGEND_ROW * legend_rows + MARGIN - 6
        self.figure = figure.new_figure(self.width, self.height, background)
        limits: Any = {"xlim": (0, self.width), "ylim": (self.height, 0)}
        self.axes = self.figure.add_axes((0, 0, 1, 1), **limits)
        self.axes.set_axis_off()

    def _label(self, node: Any) -> str:
        return str(self.graph.nodes[node].get("label", node))

    def _place(self, place: Point) -> Point:
        return self.left + place[0] * self.pitch, self.top + place[1] * ROW

    def edges(self) -> None:
        """Draw faint edges below others, and wide below thin ones."""

        def depth(edge: tuple[Any, Any, dict[str, Any]]) -> tuple[bool, float, str]:
            u, v, data = edge
            matters = data.get("enabled", True) and v in self.influential
            return bool(matters), -abs(data.get("weight", 1.0)), f"{u} {v}"

        for u, v, data in sorted(self.graph.edges(data=True), key=depth):
            points = [*map(self._place, self.layout.routes[u, v])]
            if not data.get("enabled", True):
                self._line(points, figure.DISABLED, 1.2, 0.9, dotted=True)
                continue
            weight = data.get("weight", 1.0)
            strength = (abs(weight) / self.heaviest) ** 0.5 if self.heaviest else 0.0
            wide = THINNEST + (THICKEST - THINNEST) * strength
            opacity = 0.85 if v in self.influential else FAINT
            colour = figure.POSITIVE if weight >= 0 else figure.NEGATIVE
            self._line(points, colour, wide, opacity)

    def nodes(self) -> None:
        """Draw the nodes above the edges, with their labels."""
        for node in reading_order(self.graph):
            data = self.graph.nodes[node]
            x, y = self._place(self.layout.places[node])
            opacity = 1.0 if node in self.influential else FAINT_NODE
            if (aggregation := str(data.get("aggregation", "sum"))) != "sum":
                self._write((x, y + RADIUS + 8), aggregation, 9.5, color=figure.MUTED)
            if data.get("kind") == "input":
                self._box((x, y), self._label(node), opacity)
                continue
            self._disc((x, y), str(data.get("activation", "")), RADIUS, opacity)
            if data.get("kind") == "output":
                ring = {"markerfacecolor": "none", "markeredgecolor": figure.INK}
                self._mark((x, y), RADIUS + 2.5, zorder=4, markeredgewidth=1.3, **ring)
                self._write((x + RADIUS + 9, y), self._label(node), 13.5, ha="left", weight="bold")

    def _legend_entries(self) -> list[tuple[str, str]]:
        """List what the legend explains: activations, and what else there is."""
        names = {str(name) for _, name in self.graph.nodes(data="activation") if name}
        edges = [data for *_, data in self.graph.edges(data=True)]
        live = [data.get("weight", 1.0) for data in edges if data.get("enabled", True)]
        others = {
            ("positive", "weight > 0"): any(weight >= 0 for weight in live),
            ("negative", "weight < 0"): any(weight < 0 for weight in live),
            ("disabled", "disabled"): len(live) < len(edges),
            ("faint", "without influence"): bool(set(self.graph) - self.influential),
        }
        entries = [("activation", name) for name in sorted(names)]
        return entries + [entry for entry, is_there in others.items() if is_there]

    def legend(self) -> None:
        """Draw the legend under the graph, in columns of one width."""
        colours = {"positive": figure.POSITIVE, "negative": figure.NEGATIVE}
        for place, (kind, text) in enumerate(self.entries):
            row, column = divmod(place, self.legend_columns)
            x = MARGIN + column * self.legend_width
            y = self.legend_top + LEGEND_ROW * (row + 0.5)
            if kind in {"activation", "faint"}:
                is_faint = kind == "faint"
                self._disc((x + 11, y), "" if is_faint else text, 8, FAINT_NODE if is_faint else 1)
            else:
                ends, off = [(x, y), (x + 22, y)], kind == "disabled"
                colour = colours.get(kind, figure.DISABLED)
                self._line(ends, colour, 1.6 if off else 3.0, 1.0, dotted=off)
            self._write((x + 29, y), text, 12, color=figure.MUTED, ha="left")

    def _add(self, artist: Any) -> None:
        self.axes.add_artist(artist)  # add_patch would compute limits, as long as drawing takes
        artist.set_clip_on(False)

    def _line(
        self, points: Sequence[Point], colour: str, width: float, opacity: float, *,
        dotted: bool = False,
    ) -> None:  # fmt: skip
        """Draw a smooth curve below all other marks."""
        from matplotlib.patches import PathPatch

        look: Any = {"edgecolor": colour, "linewidth": width * figure.POINT, "alpha": opacity}
        look |= {"linestyle": (0, (0.6, 3.2)) if dotted else "-", "capstyle": "round", "zorder": 1}
        self._add(PathPatch(_smooth(points), facecolor="none", **look))

    def _mark(self, place: Point, radius: float, **look: Any) -> None:
        """Draw a disc, or another marker; an SVG holds its shape once for all of its look."""
        from matplotlib.lines import Line2D

        x, y = place
        size = 2 * radius * figure.POINT
        self._add(Line2D([x], [y], linestyle="", markersize=size, **{"marker": "o"} | look))

    def _disc(self, place: Point, name: str, radius: float, opacity: float = 1.0) -> None:
        """Draw a disc in an activation's colour, with its curve or its first letters."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path as Curve

        activation = ACTIVATIONS.get(name)
        colour = activation.colour if activation else "#747d8a"
        self._mark(place, radius + 2, zorder=3, color=figure.SURFACE, markeredgewidth=0)
        self._mark(place, radius, zorder=3, color=colour, alpha=opacity, markeredgewidth=0)
        if activation is None:
            self._write(place, name[:2], radius * 0.85, color=_WHITE, weight="bold")
            return
        look: Any = {"edgecolor": _WHITE, "linewidth": max(1.0, radius / 9), "facecolor": "none"}
        curve = Curve(np.asarray(place) + activation.curve() * np.array([0.6, -0.42]) * radius)
        self._add(PathPatch(curve, zorder=4, capstyle="round", joinstyle="round", **look))

    def _box(self, place: Point, label: str, opacity: float) -> None:
        """Draw a box of a node's size with a short label."""
        look: Any = {"marker": "s", "color": figure.SURFACE, "markeredgewidth": 1.1, "zorder": 3}
        self._mark(place, RADIUS - 2, markeredgecolor=(figure.INK, opacity), **look)
        colour = figure.INK if opacity > 0.7 else figure.MUTED  # a fainter text could not be read
        self._write(place, label, 14 if len(label) < 3 else 10, weight="bold", color=colour)

    def _write(self, place: Point, text: str, size: float, **look: Any) -> None:
        """Write text as it is, without mathematics; its size is in pixels."""
        usual: Any = {"color": figure.INK, "ha": "center", "va": "center_baseline", "zorder": 5}
        usual |= {"fontsize": size * figure.POINT, "parse_math": False}
        self.axes.text(*place, text, **usual | look)


def _smooth(points: Sequence[Point]) -> Curve:
    """Make a curve through points that is level at both ends and never overshoots."""
    from matplotlib.path import Path as Curve

    vertices: list[Point] = [points[0]]
    (x0, y0), (x1, y1) = points[0], points[-1]
    if len(points) == 2 and x1 <= x0:  # around the right of both
        side = 3 * RADIUS
        vertices += [(x0 + side, y0 - RADIUS), (x1 + side, y1 + RADIUS), (x1, y1)]
    else:
        steps = [(d[1] - c[1]) / (d[0] - c[0]) for c, d in pairwise(points)]
        # The harmonic mean of two slopes of one sign, else 0 (Fritsch and Butland, 1984).
        inner = [2 * a * b / (a + b) if a * b > 0 else 0.0 for a, b in pairwise(steps)]
        slopes = pairwise([0.0, *inner, 0.0])
        for ((x0, y0), (x1, y1)), (before, after) in zip(pairwise(points), slopes, strict=True):
            reach = (x1 - x0) * LEVEL
            vertices += [(x0 + reach, y0 + before * reach), (x1 - reach, y1 - after * reach)]
            vertices.append((x1, y1))
    return Curve(vertices, [Curve.MOVETO] + [Curve.CURVE4] * (len(vertices) - 1))
