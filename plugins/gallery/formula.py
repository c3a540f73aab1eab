"""Turns a genome's graph into the few numbers that a browser draws it from."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np

from neatfool import cppn

if TYPE_CHECKING:
    from neatfool import Run

FUNCTIONS: Final = {"activations": [*cppn.ACTIVATIONS], "aggregations": [*cppn.AGGREGATIONS]}
"""The functions that a formula's numbers count."""

FIRST_NODE: Final = 4
"""The sources before this one are the inputs x, y, d and 1."""


def glyphs() -> dict[str, Any]:
    """Give the picture of each activation: a colour, and the points of a curve."""
    return {
        name: {"colour": each.glyph.colour, "points": each.glyph.points().round(3).tolist()}
        for name, each in cppn.ACTIVATIONS.items()
    }


def settings_of(run: Run) -> dict[str, Any] | None:
    """Say how a browser draws a run's formulas; None if its genomes are no CPPNs."""
    given = run.experiment["encoding"]
    if given.get("plugin") != "cppn":
        return None
    preset = cppn.PRESETS[given["preset"]]
    colour = "grey" if run.spec.channels == 1 else preset.colour
    colour = given.get("colour") or colour
    return {
        "inputs": given.get("inputs") or preset.inputs,
        "colour": colour,
        "labels": [*cppn.COLOUR_MAPS[colour].labels],
        "blur": given.get("blur") or 0.0,
        "samples": given.get("samples", 2),
    }


def formula(graph: nx.DiGraph) -> dict[str, Any]:
    """Give the nodes that a picture depends on, each after those that it depends on.

    Args:
        graph: A graph of :func:`neatfool.cppn.to_graph`.

    Returns:
        ``n``, for each node ``[activation, aggregation, source, source, ...]``, the functions as
        places in ``FUNCTIONS``; sources 0 to 3 are the inputs, and 4 + i is node i. ``w``, for each
        node its bias, its response and the weights of its sources: numbers of single precision, in
        which pictures are drawn, as their bytes in base64. ``o``, the places of the outputs.
    """
    live = graph.edge_subgraph(edge for edge in graph.edges if graph.edges[edge]["enabled"])
    outputs = sorted(key for key, kind in graph.nodes(data="kind") if kind == "output")
    needed = {*outputs}.union(*(nx.ancestors(live, key) for key in outputs if key in live))
    keys = [key for key in needed if graph.nodes[key]["kind"] != "input"]
    keys.sort(key=lambda key: (graph.nodes[key]["layer"], graph.nodes[key]["order"]))
    places = {-1 - place: place for place in range(FIRST_NODE)}
    places |= {key: FIRST_NODE + place for place, key in enumerate(keys)}
    rows: list[list[int]] = []
    numbers: list[float] = []
    for key in keys:
        node = graph.nodes[key]
        edges = live.in_edges(key, data=True) if key in live else ()
        terms = sorted(edges, key=lambda edge: edge[2]["order"])
        functions = (
            FUNCTIONS["activations"].index(node["activation"]),
            FUNCTIONS["aggregations"].index(node["aggregation"]),
        )
        rows.append([*functions, *(places[source] for source, _, _ in terms)])
        numbers += [node["bias"], node["response"], *(data["weight"] for _, _, data in terms)]
    return {
        "n": rows,
        "w": b64encode(np.array(numbers, "<f4").tobytes()).decode("ascii"),
        "o": [places[key] - FIRST_NODE for key in outputs],
    }
