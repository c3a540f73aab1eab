"""Writes the networks of a run's elites and of their ancestors, each once."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np

from neatfool import cppn
from neatfool.present import evenly
from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool import Ancestor, EliteView, Run

FUNCTIONS: Final = {"activations": [*cppn.ACTIVATIONS], "aggregations": [*cppn.AGGREGATIONS]}
"""The functions that a formula's numbers count."""
FIRST_NODE: Final = 4
"""The sources before this one are the inputs x, y, d and 1."""


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


def write_networks(
    run: Run,
    elites: Sequence[EliteView],
    *,
    together: int,
    steps: int,
    write: Callable[[int, list[dict[str, Any]]], None],
) -> Iterator[int]:
    """Write a run's networks in parts, each once; give the number of each elite's network.

    Elites share most of their ancestors, so a line of ancestors is a list of numbers: up to so many
    ``steps``, the elite included; 0: none. The elites' networks come first, in the elites' order:
    neighbours are read together. So many are ``together`` in a part; ``write`` is given its number
    and its networks.
    """
    own = dict.fromkeys(elite.candidate_id for elite in elites)
    numbers = {candidate: number for number, candidate in enumerate(own)}
    added, following = 0, -(-len(own) // together) * together
    parts: dict[int, list[dict[str, Any]]] = {}

    def put(number: int, network: dict[str, Any]) -> None:
        part = number // together
        parts.setdefault(part, []).append(network)
        if len(parts[part]) == together:
            write(part, parts.pop(part))

    for elite in elites:
        number = numbers[elite.candidate_id]
        if number == added:  # one network may be the elite of several classes
            added += 1
            # From the random network of generation 0 to the elite's own.
            whole = run.lineage(elite.index)[::-1] if steps else []
            line = [whole[place] for place in evenly(len(whole), steps)] if whole else []
            for ancestor in line:
                if ancestor.candidate_id not in numbers:
                    numbers[ancestor.candidate_id] = following
                    put(following, _describe(ancestor) | formula(ancestor.graph()))
                    following += 1
            network: dict[str, Any] = {"generation": elite.generation}
            if line:
                named = {"line": [numbers[ancestor.candidate_id] for ancestor in line]}
                network = _describe(line[-1]) | named
            put(number, network | formula(elite.graph()))
        yield number
    for part in sorted(parts):
        write(part, parts[part])


def _describe(ancestor: Ancestor) -> dict[str, Any]:
    description: dict[str, Any] = {"generation": ancestor.generation}
    if ancestor.name is not None and ancestor.confidence is not None:
        description["name"] = ancestor.name
        description["sure"] = percent(ancestor.confidence, ancestor.rank or 0.0)
    return description
