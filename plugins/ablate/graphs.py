"""Taking parts of a CPPN away, and weighing what each is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from neatfool.cppn import Genome, compile_genomes, from_graph, render

from .asking import Score, ask, check_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import networkx as nx

    from neatfool import EliteView, Scorer

PRUNINGS: Final = 20
"""A network is cut down in so many steps, each of a twentieth of its connections."""
AT_A_TIME: Final = 64
"""Networks that are drawn together, so that their images fit into memory."""


@dataclass(frozen=True)
class GraphScores:
    """How sure the target is of the images that a network draws without one of its parts.

    Attributes:
        drawn: Of the whole network's image.
        nodes: (node, score without it), inputs and outputs too.
        connections: (from, to, score without it).
        pruned: (connections that are left, score): the connections that matter least are cut
            first, all at once and not weighed again in between.
    """

    drawn: Score
    nodes: list[tuple[int, Score]]
    connections: list[tuple[int, int, Score]]
    pruned: list[tuple[int, Score]]

    @property
    def suffice(self) -> int:
        """The fewest connections that still have half of the confidence."""
        enough = [left for left, score in self.pruned if self.drawn.lost(score) <= 0.5]
        return min(enough, default=len(self.connections))


def without_connection(graph: nx.DiGraph, source: Any, target: Any) -> nx.DiGraph:
    """Copy a genome's graph with one connection cut: its weight is 0.

    For a node that sums, as all do in the presets ``paper`` and ``patterns``, this is the same as
    if the connection were not there.
    """
    changed = graph.copy()
    changed.edges[source, target]["weight"] = 0.0
    return changed


def without_node(graph: nx.DiGraph, node: Any) -> nx.DiGraph:
    """Copy a genome's graph with one node silenced: its value is 0 everywhere.

    The weights of an input's connections become 0. Any other node loses the connections that lead
    to it, and becomes the tanh of their sum, which is 0.
    """
    changed = graph.copy()
    if changed.nodes[node].get("kind") == "input":
        for edge in changed.out_edges(node):
            changed.edges[edge]["weight"] = 0.0
        return changed
    changed.remove_edges_from(list(changed.in_edges(node)))
    changed.nodes[node].update(activation="tanh", aggregation="sum", bias=0.0)
    return changed


def weigh_graph(elite: EliteView, scorer: Scorer) -> nx.DiGraph:
    """Say how much each node and each connection of an elite's network is worth.

    Args:
        elite: An elite of a run whose encoding is ``cppn``.
        scorer: The target; see :func:`neatfool.open_scorer`.

    Returns:
        ``elite.graph()``, whose nodes and edges have three attributes more: ``importance``, the
        share of the confidence that is lost without it (1: all of it, 0: none, below 0: the target
        is surer without it), ``confidence_without``, and ``log_odds_lost``. The graph itself has
        the attributes ``class``, ``confidence`` and ``log_odds`` of the whole network's image.

    Raises:
        RunError: The encoding's genomes are not graphs.
        ExperimentError: The target does not know the elite's class.
        TargetError: The target failed.
    """
    graph = elite.graph()
    check_classes(scorer, [elite])
    return with_importance(graph, elite, score_graph(elite, scorer, pruned=False))


def with_importance(graph: nx.DiGraph, elite: EliteView, scores: GraphScores) -> nx.DiGraph:
    """Write scores into a copy of a graph; see :func:`weigh_graph`."""
    whole, weighed = scores.drawn, graph.copy()
    weighed.graph |= {"class": elite.name}
    weighed.graph |= {"confidence": whole.confidence, "log_odds": whole.log_odds}
    parts = [(weighed.nodes[node], score) for node, score in scores.nodes]
    of_edges = {(u, v): score for u, v, score in scores.connections}
    parts += [(data, of_edges.get((u, v), whole)) for u, v, data in weighed.edges(data=True)]
    for data, score in parts:
        data["importance"] = whole.lost(score)
        data["confidence_without"] = score.confidence
        data["log_odds_lost"] = whole.log_odds - score.log_odds
    return weighed


def is_cppn(elite: EliteView) -> bool:
    """Tell whether an elite's genome is a network that can be taken apart."""
    return isinstance(elite.genome, Genome)


def score_graph(
    elite: EliteView,
    scorer: Scorer,
    *,
    pruned: bool = True,
    note: Callable[[int], None] = lambda images: None,
) -> GraphScores:
    """Score what an elite's network draws without each of its parts.

    Args:
        elite: The elite; its encoding is ``cppn``.
        scorer: The target.
        pruned: Whether to cut the network down, too.
        note: Told how many images have been scored since it was last told.
    """
    graph = elite.graph()
    nodes = [*graph]
    edges = [(u, v) for u, v, on in graph.edges(data="enabled", default=True) if on]
    graphs = [
        graph,
        *(without_node(graph, node) for node in nodes),
        *(without_connection(graph, *edge) for edge in edges),
    ]
    drawn, *scores = _score(elite, scorer, graphs, note)
    of_nodes, of_edges = scores[: len(nodes)], scores[len(nodes) :]
    left = {}
    if pruned and edges:
        cut_first = sorted(range(len(edges)), key=lambda place: -of_edges[place].log_odds)
        counts = np.unique(np.rint(np.linspace(0, len(edges), PRUNINGS + 1)[1:]).astype(int))
        cut_down = [prune(graph, [edges[place] for place in cut_first[:cut]]) for cut in counts]
        told = _score(elite, scorer, cut_down, note)
        left = {len(edges) - int(cut): score for cut, score in zip(counts, told, strict=True)}
    return GraphScores(
        drawn,
        list(zip(nodes, of_nodes, strict=True)),
        [(*edge, score) for edge, score in zip(edges, of_edges, strict=True)],
        list(left.items()),
    )


def prune(graph: nx.DiGraph, edges: Sequence[tuple[Any, Any]]) -> nx.DiGraph:
    """Copy a genome's graph with some connections cut."""
    changed = graph.copy()
    for edge in edges:
        changed.edges[edge]["weight"] = 0.0
    return changed


def simplest(elite: EliteView, scores: GraphScores) -> nx.DiGraph:
    """Give the network that still has half of the confidence with the fewest connections."""
    order = sorted(scores.connections, key=lambda connection: -connection[2].log_odds)
    cut = order[: len(order) - scores.suffice]
    return prune(elite.graph(), [(u, v) for u, v, _ in cut])


def draw(elite: EliteView, graphs: Sequence[nx.DiGraph]) -> torch.Tensor:
    """Draw graphs as the run draws its genomes: uint8 [N, C, H, W]."""
    drawn: torch.Tensor = elite.run.encoding.render([from_graph(graph) for graph in graphs])
    return drawn.cpu()


def draw_nodes(elite: EliteView, nodes: Sequence[int]) -> np.ndarray:
    """Draw what nodes of an elite's network say of each point of its image.

    Returns:
        uint8 [N, H, W]: black where a node is 0, white where it is 1 or -1.
    """
    options, spec = elite.run.experiment["encoding"], elite.run.spec
    inputs = [node for node, kind in elite.graph().nodes(data="kind") if kind == "input"]
    kind: Any = options.get("inputs") or (
        "raw" if options.get("preset") == "paper" else "normalised"
    )
    pictures = [
        render(
            compile_genomes([elite.genome], inputs, [node]),
            height=spec.height,
            width=spec.width,
            inputs=kind,
            blur=options.get("blur") or 0.0,
            samples=options.get("samples") or 2,
        )[0, 0]
        for node in nodes
    ]
    found: np.ndarray = torch.stack(pictures).numpy()
    return found


def _score(
    elite: EliteView,
    scorer: Scorer,
    graphs: Sequence[nx.DiGraph],
    note: Callable[[int], None],
) -> list[Score]:
    scores: list[Score] = []
    step = -(-AT_A_TIME // scorer.batch_size) * scorer.batch_size
    for start in range(0, len(graphs), step):
        some = graphs[start : start + step]
        scores += ask(scorer, elite, draw(elite, some))
        note(len(some))
    return scores
