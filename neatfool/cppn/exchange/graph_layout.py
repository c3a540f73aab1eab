"""Lays out a layered graph from left to right (Sugiyama, Tagawa and Toda, 1981)."""

from collections.abc import Hashable, Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

import networkx as nx
import numpy as np

from neatfool.figure import spread

BEND_GAP: Final = 0.34
"""The distance between two bends; that between two nodes is 1."""
BEND_WEIGHT: Final = 4.0
"""A bend resists a move this many times as much as a node, which keeps long edges straight."""


class GraphLayout(NamedTuple):
    """The place (column, row) of each node, and those that each edge passes, ends included."""

    places: Mapping[Hashable, tuple[float, float]]
    routes: Mapping[tuple[Hashable, Hashable], list[tuple[float, float]]]
    columns: int
    rows: float


def lay_out(graph: nx.DiGraph) -> GraphLayout:
    """Lay out a graph whose nodes have ``kind`` and perhaps ``layer``; inputs keep their order."""
    column = _columns(graph)
    rank = {node: i for i, node in enumerate(reading_order(graph))}
    routes = {}
    for u, v in sorted(graph.edges, key=lambda edge: (rank[edge[0]], rank[edge[1]])):
        bends = {("bend", u, v, between): between for between in range(column[u] + 1, column[v])}
        routes[u, v] = [u, *bends, v]
        column |= bends
    order: list[list[Any]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for item in [*rank, *(item for item in column if item not in rank)]:
        order[column[item]].append(item)
    links = nx.DiGraph()
    links.add_nodes_from(column)
    pieces = (piece for route in routes.values() for piece in pairwise(route))
    links.add_edges_from((a, b) for a, b in pieces if column[b] == column[a] + 1)
    order = _fewest_crossings(order, links)
    rows = _rows(order, links, graph)
    place = {item: (float(column[item]), rows[item]) for item in column}
    return GraphLayout(
        places={node: place[node] for node in graph},
        routes={edge: [place[item] for item in route] for edge, route in routes.items()},
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
    if len(layers) < len(graph):  # The nodes of a cycle share a column.
        whole = nx.condensation(graph)
        for layer, parts in enumerate(nx.topological_generations(whole)):
            for part in parts:
                layers |= dict.fromkeys(whole.nodes[part]["members"], layer)
    last = max(layers.values(), default=0) + 1
    wanted = {
        node: {"input": 0, "output": last}.get(kind, max(1, layers[node]))
        for node, kind in graph.nodes(data="kind", default="hidden")
    }
    number = {layer: i for i, layer in enumerate(sorted(set(wanted.values())))}
    return {node: number[layer] for node, layer in wanted.items()}


def _fewest_crossings(order: list[list[Any]], links: nx.DiGraph) -> list[list[Any]]:
    """Sort the inner columns by barycentres, forwards and backwards, and keep the best order."""
    best, fewest = order, _crossings(order, links)
    current = [list(items) for items in order]
    for sweep in range(16):
        forward = sweep % 2 == 0
        near = links.pred if forward else links.succ
        inner = range(1, len(current) - 1)
        for i in inner if forward else reversed(inner):
            fixed = current[i - 1 if forward else i + 1]
            at = {item: place for place, item in enumerate(fixed)}
            scale = len(fixed) / len(current[i])
            own = {item: place * scale for place, item in enumerate(current[i])}
            current[i].sort(key=lambda item: _mean((at[n] for n in near[item]), own[item]))
        crossings = _crossings(current, links)
        if crossings < fewest:
            best, fewest = [list(items) for items in current], crossings
    return best


def _mean(values: Iterable[float], default: float) -> float:
    numbers = [*values]
    return sum(numbers) / len(numbers) if numbers else default


def _crossings(order: list[list[Any]], links: nx.DiGraph) -> int:
    """Count the pairs of links between neighbouring columns that cross."""
    total = 0
    for left, right in pairwise(order):
        at = {item: place for place, item in enumerate(right)}
        targets = np.array([place for a in left for place in sorted(at[b] for b in links[a])])
        total += int(np.triu(targets[:, None] > targets[None, :]).sum())
    return total


def _rows(order: list[list[Any]], links: nx.DiGraph, graph: nx.DiGraph) -> dict[Any, float]:
    """Place each column's items near their neighbours, in order and apart, from 0 downwards."""
    # How high a node or a bend is: half of it lies on either side.
    height = {item: 1.0 if item in graph else BEND_GAP for item in links}
    weight = {item: 1.0 if item in graph else BEND_WEIGHT for item in links}
    gaps = [[(height[a] + height[b]) / 2 for a, b in pairwise(items)] for items in order]
    row: dict[Any, float] = {}
    for items, apart in zip(order, gaps, strict=True):
        row |= zip(items, spread([-sum(apart) / 2] * len(items), apart), strict=True)
    for sweep in range(12):
        for items, apart in [*zip(order, gaps, strict=True)][:: -1 if sweep % 2 else 1]:
            wanted = [
                _mean((row[n] for n in (*links.pred[item], *links.succ[item])), row[item])
                for item in items
            ]
            placed = spread(wanted, apart, [weight[item] for item in items])
            row.update(zip(items, placed, strict=True))
    top = min(row.values(), default=0.0)
    return {item: value - top for item, value in row.items()}
