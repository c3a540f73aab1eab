"""Lays out a layered graph from left to right.

The method is that of Sugiyama, Tagawa and Toda (1981). An edge gets a bend in each column that it
passes. Each column is sorted by its neighbours' means (barycentres), so that fewer edges cross.
Then nodes move towards their neighbours as far as the distances allow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

import networkx as nx
import numpy as np

from neatfool.present.charts.spacing import spread

ORDER_SWEEPS: Final = 16
PLACE_SWEEPS: Final = 12
BEND_GAP: Final = 0.34
"""The distance between two bends; that between two nodes is 1."""
BEND_WEIGHT: Final = 4.0
"""A bend resists a move this many times as much as a node, which keeps long edges straight."""


class Layout(NamedTuple):
    """The place (column, row) of each node, and the places that each edge passes, ends included.

    ``rows`` is the distance from the highest node to the lowest.
    """

    places: Mapping[Hashable, tuple[float, float]]
    routes: Mapping[tuple[Hashable, Hashable], list[tuple[float, float]]]
    columns: int
    rows: float


def lay_out(graph: nx.DiGraph) -> Layout:
    """Lay out a graph whose nodes have ``kind`` and perhaps ``layer``.

    Inputs keep their order in the first column, outputs theirs in the last.
    """
    column = _columns(graph)
    chains = _chains(graph, column)
    links = [link for chain in chains.values() for link in pairwise(chain)]
    order = _fewest_crossings(_first_order(graph, column, chains), links)
    rows = _rows(order, links)
    place = {item: (float(i), rows[item]) for i, items in enumerate(order) for item in items}
    return Layout(
        places={node: place[node] for node in graph},
        routes={edge: [place[item] for item in chain] for edge, chain in chains.items()},
        columns=len(order),
        rows=max(rows.values(), default=0.0),
    )


def reading_order(graph: nx.DiGraph) -> list[Any]:
    """Sort nodes: inputs as neat-python numbers them (-1, -2, ...), then the others upwards."""
    return sorted(
        graph, key=lambda node: (0, abs(node), "") if isinstance(node, int) else (1, 0, str(node))
    )


def _columns(graph: nx.DiGraph) -> dict[Any, int]:
    """Number the columns without gaps: inputs alone in the first, outputs in the last."""
    layers = nx.get_node_attributes(graph, "layer")
    if len(layers) < len(graph):
        layers = _longest_paths(graph)
    kinds = nx.get_node_attributes(graph, "kind")
    last = max(layers.values(), default=0) + 1
    wanted = {}
    for node in graph:
        kind = kinds.get(node, "hidden")
        wanted[node] = {"input": 0, "output": last}.get(kind, max(1, layers[node]))
    number = {layer: i for i, layer in enumerate(sorted(set(wanted.values())))}
    return {node: number[layer] for node, layer in wanted.items()}


def _longest_paths(graph: nx.DiGraph) -> dict[Any, int]:
    """Give each node the length of the longest path to it; nodes of a cycle share theirs."""
    condensed = nx.condensation(graph)
    layers: dict[Any, int] = {}
    for component in nx.topological_sort(condensed):
        members = condensed.nodes[component]["members"]
        sources = {u for u, _ in graph.in_edges(members)} - members
        layers |= dict.fromkeys(members, max((layers[u] for u in sources), default=-1) + 1)
    return layers


def _chains(graph: nx.DiGraph, column: dict[Any, int]) -> dict[tuple[Any, Any], list[Any]]:
    """Give for each edge its source, a bend in each column between, and its target."""
    rank = {node: i for i, node in enumerate(reading_order(graph))}
    edges = sorted(graph.edges, key=lambda edge: (rank[edge[0]], rank[edge[1]]))
    return {
        (u, v): [u, *(("bend", u, v, c) for c in range(column[u] + 1, column[v])), v]
        for u, v in edges
    }


def _first_order(
    graph: nx.DiGraph, column: dict[Any, int], chains: dict[tuple[Any, Any], list[Any]]
) -> list[list[Any]]:
    """Fill the columns: nodes in reading order, then bends."""
    order: list[list[Any]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    bends = [bend for chain in chains.values() for bend in chain[1:-1]]
    for item in [*reading_order(graph), *bends]:
        order[item[3] if _is_bend(item) else column[item]].append(item)
    return order


def _fewest_crossings(order: list[list[Any]], links: list[tuple[Any, Any]]) -> list[list[Any]]:
    """Sort the inner columns by barycentres, forwards and backwards, and keep the best order."""
    before, after = _neighbours(order, links)
    best, fewest = order, _crossings(order, after)
    current = [list(items) for items in order]
    for sweep in range(ORDER_SWEEPS):
        forward = sweep % 2 == 0
        inner = range(1, len(current) - 1)
        for i in inner if forward else reversed(inner):
            fixed = current[i - 1] if forward else current[i + 1]
            at = {item: place for place, item in enumerate(fixed)}
            near = before if forward else after
            own = {
                item: place * len(fixed) / len(current[i]) for place, item in enumerate(current[i])
            }
            current[i].sort(key=lambda item: _mean([at[n] for n in near[item]], own[item]))
        crossings = _crossings(current, after)
        if crossings < fewest:
            best, fewest = [list(items) for items in current], crossings
    return best


def _neighbours(
    order: list[list[Any]], links: list[tuple[Any, Any]]
) -> tuple[dict[Any, list[Any]], dict[Any, list[Any]]]:
    """Give each item's linked items in the column before, and in the column after."""
    column = {item: i for i, items in enumerate(order) for item in items}
    before: dict[Any, list[Any]] = defaultdict(list)
    after: dict[Any, list[Any]] = defaultdict(list)
    for a, b in links:
        if column[b] == column[a] + 1:
            before[b].append(a)
            after[a].append(b)
    return before, after


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(order: list[list[Any]], after: dict[Any, list[Any]]) -> int:
    """Count the pairs of links between neighbouring columns that cross."""
    total = 0
    for left, right in pairwise(order):
        at = {item: place for place, item in enumerate(right)}
        ends = [at[b] for a in left for b in sorted(after[a], key=at.__getitem__)]
        targets = np.asarray(ends, dtype=np.int32)
        total += int(np.triu(targets[:, None] > targets[None, :]).sum())
    return total


def _rows(order: list[list[Any]], links: list[tuple[Any, Any]]) -> dict[Any, float]:
    """Place each column's items near their neighbours, in order and apart, from 0 downwards."""
    before, after = _neighbours(order, links)
    gap = (1.0, (1 + BEND_GAP) / 2, BEND_GAP)  # of two nodes, of a node and a bend, of two bends
    gaps = [[gap[_is_bend(a) + _is_bend(b)] for a, b in pairwise(items)] for items in order]
    weights = [[BEND_WEIGHT if _is_bend(item) else 1.0 for item in items] for items in order]
    row: dict[Any, float] = {}
    for items, apart in zip(order, gaps, strict=True):
        row |= zip(items, spread([-sum(apart) / 2] * len(items), apart), strict=True)
    columns = range(len(order))
    for sweep in range(PLACE_SWEEPS):
        for i in columns if sweep % 2 == 0 else reversed(columns):
            wanted = [
                _mean([row[n] for n in before[item] + after[item]], row[item]) for item in order[i]
            ]
            row.update(zip(order[i], spread(wanted, gaps[i], weights[i]), strict=True))
    top = min(row.values(), default=0.0)
    return {item: value - top for item, value in row.items()}


def _is_bend(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 4 and item[0] == "bend"
