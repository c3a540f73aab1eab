"""Weighing parts: how sure a target still is without them, and what a network's parts are worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
import torch
from pydantic import Field
from scipy.special import logit

from neatfool import fit_images, rank
from neatfool.cppn import from_graph
from neatfool.measure import batch_slices, check_classes, find_class
from neatfool.present import Facts
from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool import EliteView, Scorer

LARGEST_ODDS: Final = 100.0
"""Log-odds are cut off here, so that they are always numbers: no network is as sure as that."""
SUREST: Final = 1e-12
"""Where a target gives no logits, confidences nearer to 0 or 1 than this count as this."""


class Score(Facts):
    """How sure the target is of an image's class."""

    confidence: float = Field(description="from 0 to 1")
    log_odds: float = Field(description="of the confidence; they differ where that rounds to 1")
    lost: float = Field(
        description="the share of the whole's confidence that this one has not: 1 if nothing is "
        "left, 0 for the whole itself, below 0 if the target is surer of this one"
    )

    @property
    def words(self) -> str:
        """The confidence: ``"97.1 %"``, ``"> 99.99 % (log-odds 12.3)"``."""
        return percent(self.confidence, self.log_odds)


class ConnectionScore(Score):
    """How sure it is without a connection."""

    source: int = Field(description="the node where the connection begins")
    target: int = Field(description="the node where it ends")


class NetworkScores(Facts):
    """How sure the target is of the images that a network draws without one of its parts."""

    drawn: Score = Field(description="of the whole network's image")
    nodes: dict[int, Score] = Field(description="without each node, inputs and outputs too")
    connections: tuple[ConnectionScore, ...] = Field(description="without each enabled connection")


def score_images(
    scorer: Scorer, elite: EliteView, images: torch.Tensor, whole: Score | None = None
) -> list[Score]:
    """Score images of a class, uint8 [N, C, H, W]; compare them with the first or ``whole``."""
    fitted = fit_images(images, scorer.spec)  # of equal images, one is scored
    keys = [image.tobytes() for image in fitted.cpu().numpy()]
    rows = {key: row for row, key in enumerate(keys)}
    scores = scorer.score(fitted[list(rows.values())])
    probs = np.asarray(scores.probs, np.float64)
    column = find_class(elite, scorer.spec.classes)
    known = 0 <= column < probs.shape[1]  # else an open target may yet meet it
    confidences = probs[:, column] if known else np.zeros(len(rows))
    odds = logit(np.clip(confidences, SUREST, 1 - SUREST))
    if scores.logits is not None and known:
        usable = probs.sum(1) > 0
        odds[usable] = rank(scores.part(usable))[:, column]
    odds = np.clip(odds, -LARGEST_ODDS, LARGEST_ODDS)
    sure = whole.confidence if whole else confidences[0]
    lost = 1 - confidences / sure if sure else np.zeros(len(rows))
    found = {
        key: Score(confidence=confidences[place], log_odds=odds[place], lost=lost[place])
        for place, key in enumerate(rows)
    }
    return [found[key] for key in keys]


def without_connection(graph: nx.DiGraph, source: Any, target: Any) -> nx.DiGraph:
    """Copy a genome's graph with one connection cut: its weight is 0.

    For a node that sums, as all do in the presets ``paper`` and ``patterns``, this is the same as
    if the connection were not there.
    """
    return _cut(graph, [(source, target)])


def without_node(graph: nx.DiGraph, node: Any) -> nx.DiGraph:
    """Copy a genome's graph with one node silenced: its value is 0 everywhere.

    The weights of an input's connections become 0. Any other node loses the connections that lead
    to it, and becomes the tanh of their sum, which is 0.
    """
    if graph.nodes[node].get("kind") == "input":
        return _cut(graph, graph.out_edges(node))
    changed = graph.copy()
    changed.remove_edges_from(list(changed.in_edges(node)))
    changed.nodes[node].update(activation="tanh", aggregation="sum", bias=0.0)
    return changed


def _cut(graph: nx.DiGraph, edges: Iterable[tuple[Any, Any]]) -> nx.DiGraph:
    changed = graph.copy()
    for edge in edges:
        changed.edges[edge]["weight"] = 0.0
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
    check_classes(scorer, [elite])
    return with_importance(elite, score_network(elite, scorer))


def with_importance(elite: EliteView, scores: NetworkScores) -> nx.DiGraph:
    """Write scores into an elite's graph; see :func:`weigh_graph`."""
    whole, graph = scores.drawn, elite.graph()
    graph.graph |= {"class": elite.name}
    graph.graph |= {"confidence": whole.confidence, "log_odds": whole.log_odds}
    of_edges: dict[tuple[int, int], Score]
    of_edges = {(each.source, each.target): each for each in scores.connections}
    parts = [(graph.nodes[node], score) for node, score in scores.nodes.items()]
    parts += [(data, of_edges.get((u, v), whole)) for u, v, data in graph.edges(data=True)]
    for data, score in parts:
        data["importance"] = score.lost
        data["confidence_without"] = score.confidence
        data["log_odds_lost"] = whole.log_odds - score.log_odds
    return graph


def score_network(elite: EliteView, scorer: Scorer) -> NetworkScores:
    """Score what an elite's CPPN draws without each part."""
    graph = elite.graph()
    nodes = [*graph]
    edges = [(u, v) for u, v, on in graph.edges(data="enabled", default=True) if on]
    graphs = [graph, *(without_node(graph, node) for node in nodes)]
    graphs += [without_connection(graph, *edge) for edge in edges]
    scores: list[Score] = []
    for some in batch_slices(len(graphs), scorer):
        images = elite.run.encoding.render([from_graph(each) for each in graphs[some]]).cpu()
        scores += score_images(scorer, elite, images, next(iter(scores), None))
    drawn, *without = scores
    return NetworkScores(
        drawn=drawn,
        nodes=dict(zip(nodes, without, strict=False)),
        connections=tuple(
            ConnectionScore(source=u, target=v, **each.model_dump())
            for (u, v), each in zip(edges, without[len(nodes) :], strict=True)
        ),
    )
