"""The phylogeny of a run: who descends from whom; see :meth:`neatfool.Run.phylogeny`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from neatfool.run.store import RunStore


def phylogeny(store: RunStore, last: int, now: set[int], learns: bool, elites: bool) -> nx.DiGraph:
    """Make the graph up to a generation. Learning changes nearly all numbers, mutation few."""
    graph, classes = nx.DiGraph(), store.classes()
    for id_, generation in store.rows("SELECT id, generation FROM candidate"):
        if generation <= last:
            graph.add_node(id_, generation=generation, kind="first", held={}, elite=id_ in now)
    for child, position, parent in store.rows("SELECT candidate, position, parent FROM parent"):
        if child in graph:
            graph.nodes[child]["kind"] = "bred"
            graph.add_edge(parent, child, position=position)
    won = "SELECT candidate, class, confidence FROM replacement ORDER BY rank DESC"
    for id_, number, confidence in store.rows(won):
        if id_ in graph:
            graph.nodes[id_]["held"][classes[number]] = confidence
    pairs = "SELECT c.id, p.genome, c.genome FROM parent JOIN candidate c ON c.id = candidate JOIN "
    alike = "candidate p ON p.id = parent WHERE (c.nodes, c.connections) = (p.nodes, p.connections)"
    for id_, *genomes in store.rows(pairs + alike) if learns else ():
        old, new = (genome.split(",") for genome in genomes)
        changed = [b for a, b in zip(old, new, strict=False) if a != b]
        numbers = len(old) == len(new) and all("." in each or "e-" in each for each in changed)
        if id_ in graph and numbers and graph.in_degree(id_) == 1 and len(changed) > len(old) / 12:
            graph.nodes[id_]["kind"] = "learned"
    kept = now.union(*(nx.ancestors(graph, each) for each in now if elites))
    return graph.subgraph(kept).copy() if elites else graph
