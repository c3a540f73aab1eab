"""What a run's phylogeny tells: flows between classes, and ancestors that elites share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from .flows import count_flows
from .kinds import closest

if TYPE_CHECKING:
    from neatfool import Run


@dataclass(frozen=True)
class Lines:
    """The lineage of a run's elites.

    Attributes:
        run: The run.
        graph: Its phylogeny.
        flows: float64 [K, K], goal switches from the class of the row to that of the column.
        elites: int64 [N], the indices of the classes that have an elite.
        shared: float64 [N, N], the generation of the last ancestor that two elites share; the
            elite's own if one is an ancestor of the other, -1 if they share none.
        steps: int64 [N], the parents between each elite and generation 0, by the fitter one.
        founders: Individuals without a parent that some elite descends from.
        fruitful: The largest share of the elites that descend from one individual without a parent.
    """

    run: Run
    graph: nx.DiGraph
    flows: np.ndarray
    elites: np.ndarray
    shared: np.ndarray
    steps: np.ndarray
    founders: int
    fruitful: float

    @property
    def made(self) -> dict[str, int]:
        """How the individuals that ever were an elite were made: count by kind."""
        return dict(Counter(kind for _, kind in self.graph.nodes(data="kind")))


def read_lines(run: Run) -> Lines:
    """Read a run's phylogeny, and what follows from it."""
    graph = run.phylogeny()
    holders = [elite.candidate_id for elite in run]
    ages = dict(graph.nodes(data="generation"))
    founders = Counter(
        node
        for id_ in holders
        for node in (id_, *nx.ancestors(graph, id_))
        if not graph.in_degree(node)
    )
    return Lines(
        run,
        graph,
        count_flows(run, graph),
        np.array([elite.index for elite in run], np.int64),
        closest(graph, ages, holders),
        np.array([len(_line(graph, id_)) - 1 for id_ in holders], np.int64),
        len(founders),
        max(founders.values(), default=0) / max(1, len(holders)),
    )


def _line(graph: nx.DiGraph, id_: int) -> list[int]:
    line = [id_]
    while parents := [u for u, _, place in graph.in_edges(line[-1], "position") if place == 0]:
        line += parents
    return line
