"""Writes the networks of a run's elites and of their ancestors, each once."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np

from neatfool import cppn
from neatfool.present import evenly
from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool import Ancestor, EliteView, Run

    Write = Callable[[int, list[dict[str, Any]]], None]

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
    colour = given.get("colour") or ("grey" if run.spec.channels == 1 else preset.colour)
    return {
        "inputs": given.get("inputs") or preset.inputs,
        "colour": colour,
        "labels": [*cppn.COLOUR_MAPS[colour].labels],
        "band_limit": given.get("band_limit") or 0.0,
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


class Networks:
    """Numbers a run's networks, and writes them in parts.

    Elites share most of their ancestors. So each network has a number, and a line is a list of
    numbers. The elites' networks come first, in the elites' order: neighbours are read together.

    So many are ``together`` in a part; ``write`` is given its number and its networks. Of each
    elite's ancestors, so many ``steps`` are written, itself included; 0: none.
    """

    def __init__(
        self, run: Run, elites: Sequence[EliteView], *, together: int, steps: int, write: Write
    ) -> None:
        self._run, self._steps = run, steps
        self._together, self._write = together, write
        own = dict.fromkeys(elite.candidate_id for elite in elites)
        self._numbers = {candidate: number for number, candidate in enumerate(own)}
        self._next = -(-len(own) // together) * together
        self._added = 0
        self._parts: dict[int, list[dict[str, Any]]] = {}

    def number_of(self, elite: EliteView) -> int:
        """Give the number of an elite's network."""
        return self._numbers[elite.candidate_id]

    def add(self, elite: EliteView) -> None:
        """Write an elite's network and its line, in the order in which elites are given."""
        if self.number_of(elite) < self._added:
            return  # one network may be the elite of several classes
        # From the random network of generation 0 to the elite's own.
        whole = self._run.lineage(elite.index)[::-1] if self._steps else []
        line = [whole[place] for place in evenly(len(whole), self._steps)] if whole else []
        numbers = [self._add_ancestor(ancestor) for ancestor in line]
        description = _describe(line[-1]) if line else {"generation": elite.generation}
        line_of = {"line": numbers} if numbers else {}
        self._put(self._added, description | formula(elite.graph()) | line_of)
        self._added += 1

    def finish(self) -> None:
        """Write what is left."""
        for part in sorted(self._parts):
            self._write(part, self._parts[part])

    def _add_ancestor(self, ancestor: Ancestor) -> int:
        if ancestor.candidate_id not in self._numbers:
            self._numbers[ancestor.candidate_id] = self._next
            self._put(self._next, _describe(ancestor) | formula(ancestor.graph()))
            self._next += 1
        return self._numbers[ancestor.candidate_id]

    def _put(self, number: int, network: dict[str, Any]) -> None:
        """Add a network to its part, and write that when it is full."""
        part = number // self._together
        networks = self._parts.setdefault(part, [])
        networks.append(network)
        if len(networks) == self._together:
            self._write(part, self._parts.pop(part))


def _describe(ancestor: Ancestor) -> dict[str, Any]:
    description: dict[str, Any] = {"generation": ancestor.generation}
    if ancestor.name is not None and ancestor.confidence is not None:
        description["name"] = ancestor.name
        description["sure"] = percent(ancestor.confidence, ancestor.rank or 0.0)
    return description
