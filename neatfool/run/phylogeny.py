"""Who descends from whom: the graph of a run's elites and their ancestors."""

from collections.abc import Iterator
from typing import Final

import networkx as nx

from neatfool.run.sqlite import damaged
from neatfool.run.store import RunStore

MUCH: Final = 1 / 12
"""Gradient refinement changes more than this share of a genome's fields."""


def make_phylogeny(
    store: RunStore, last: int, now: set[int], learns: bool, elites: bool
) -> nx.DiGraph:
    """Make the graph of who descends from whom, up to a generation; see ``Run.phylogeny``."""
    graph, classes = nx.DiGraph(), store.classes()
    for id_, generation in store.rows("candidate", names="id, generation"):
        if generation <= last:
            graph.add_node(id_, generation=generation, kind="first", held={}, elite=id_ in now)
    for child, position, parent in store.rows("parent"):
        if child in graph:
            # Ids are given as candidates are bred, so nobody descends from itself.
            if parent not in graph or parent >= child:
                raise damaged(store.path, f"candidate {child} has no parent {parent}")
            graph.nodes[child]["kind"] = "bred"
            graph.add_edge(parent, child, position=position)
    rows = store.rows("replacement", "WHERE generation <= ? ORDER BY rank DESC", (last,))
    for _, _, number, id_, _, score, *_ in rows:
        if id_ not in graph:
            raise damaged(store.path, f"candidate {id_} is missing")
        graph.nodes[id_]["held"][classes[number]] = score
    for elite in now:
        if elite not in graph or not graph.nodes[elite]["held"]:
            raise damaged(store.path, f"how candidate {elite} became an elite is missing")
    for id_ in _find_learned(store, graph) if learns else ():
        graph.nodes[id_]["kind"] = "learned"
    kept = now.union(*(nx.ancestors(graph, each) for each in now if elites))
    return graph.subgraph(kept).copy() if elites else graph


def _find_learned(store: RunStore, graph: nx.DiGraph) -> Iterator[int]:
    """Find candidates with many changed weights: a mutation moves few, refinement nearly all."""
    sizes, genomes = {}, {}
    for id_, nodes, connections, genome in store.rows(
        "candidate", names="id, nodes, connections, genome"
    ):
        sizes[id_], genomes[id_] = (nodes, connections), genome
    for id_ in graph:
        parents = [*graph.predecessors(id_)]
        if len(parents) != 1 or sizes[id_] != sizes[parents[0]]:
            continue
        # A genome's text has commas between its fields; only a weight has a point or exponent.
        texts = (store.text_of(each, genomes[each]) for each in (parents[0], id_))
        parent, child = (text.split(",") for text in texts)
        if len(parent) == len(child):
            changed = [new for old, new in zip(parent, child, strict=True) if old != new]
            weights_only = all("." in each or "e-" in each for each in changed)
            if weights_only and len(changed) > MUCH * len(parent):
                yield id_
