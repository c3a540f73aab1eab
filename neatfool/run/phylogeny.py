"""The phylogeny of a run: who descends from whom; see :meth:`neatfool.Run.phylogeny`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import networkx as nx

from neatfool.run.sqlite import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.run.store import RunStore

MUCH: Final = 1 / 12
"""A lesson changes more than this share of a genome's fields."""


def phylogeny(store: RunStore, last: int, now: set[int], learns: bool, elites: bool) -> nx.DiGraph:
    """Make the graph up to a generation."""
    graph, classes = nx.DiGraph(), store.classes()
    for id_, generation in store.rows("SELECT id, generation FROM candidate"):
        if not isinstance(generation, int):
            raise damaged(store.path, f"candidate {id_} has no generation")
        if generation <= last:
            graph.add_node(id_, generation=generation, kind="first", held={}, elite=id_ in now)
    for child, position, parent in store.rows("SELECT candidate, position, parent FROM parent"):
        if child in graph:
            if parent not in graph or not isinstance(position, int):
                raise damaged(store.path, f"parent {parent} of candidate {child} is missing")
            graph.nodes[child]["kind"] = "bred"
            graph.add_edge(parent, child, position=position)
    won = "SELECT candidate, class, confidence FROM replacement ORDER BY rank DESC"
    for id_, number, confidence in store.rows(won):
        if id_ in graph:
            graph.nodes[id_]["held"][classes[number]] = confidence
    for id_ in _find_learned(store) if learns else ():
        if id_ in graph and graph.in_degree(id_) == 1:
            graph.nodes[id_]["kind"] = "learned"
    kept = now.union(*(nx.ancestors(graph, each) for each in now if elites))
    return graph.subgraph(kept).copy() if elites else graph


def _find_learned(store: RunStore) -> Iterator[int]:
    """Find the candidates that differ from a parent in many weights and in nothing else.

    A lesson moves nearly all weights at once, a mutation few. The run does not record which it was.
    """
    pairs = "SELECT c.id, unpack(p.genome), unpack(c.genome) FROM parent JOIN candidate c "
    alike = (
        "ON c.id = candidate JOIN candidate p ON p.id = parent "
        "WHERE (c.nodes, c.connections) = (p.nodes, p.connections)"
    )
    for id_, *genomes in store.rows(pairs + alike):
        # A genome's text has commas between its fields; only a weight has a point or exponent.
        parent, child = (genome.split(",") for genome in genomes)
        if len(parent) == len(child):
            changed = [new for old, new in zip(parent, child, strict=True) if old != new]
            weights_only = all("." in each or "e-" in each for each in changed)
            if weights_only and len(changed) > MUCH * len(parent):
                yield id_
