"""Reads a genome out of a networkx graph."""

from collections.abc import Iterable
from typing import Any

import networkx as nx
from pydantic import BaseModel, ValidationError

from neatfool.cppn.genome.genes import INPUTS, ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import Genome, check_genome
from neatfool.cppn.genome.serial import first_problem
from neatfool.errors import GenomeError


def from_graph(graph: nx.DiGraph) -> Genome:
    """Turn a graph back into a genome.

    Args:
        graph: A graph of :meth:`NeatNetwork.graph`, perhaps changed, or written and read (ids may
            be text). Each hidden node and output needs an ``activation``, each edge a ``weight``.
            Without ``order`` the graph's own order counts. ``enabled`` is True by default, and
            ``innovation`` does not matter, as it follows from the two nodes.

    Raises:
        GenomeError: The graph is not a genome's; the message names the wrong node or edge.
    """
    if not graph.is_directed() or graph.is_multigraph():
        raise GenomeError("not a directed graph with one edge from a node to another")
    nodes = [(_key(name), data) for name, data in graph.nodes(data=True)]
    outputs = [key for key, data in nodes if data.get("kind") == "output"] or [0]
    if sorted(outputs) != [*range(len(outputs))] or all(key for key, _ in nodes):
        raise GenomeError(f"the outputs {outputs}: a genome's are the nodes 0, 1, …")
    edges = [((_key(a), _key(b)), data) for a, b, data in graph.edges(data=True)]
    genome = Genome.of(
        [
            NodeGene(key, **_read(_NodeData, data, f"node {key}"))
            for key, data in _in_order(nodes)
            if key >= 0 and data.get("kind") != "input"
        ],
        [
            ConnectionGene(edge, **_read(_EdgeData, data, f"edge {edge[0]} -> {edge[1]}"))
            for edge, data in _in_order(edges)
        ],
    )
    check_genome(genome, INPUTS)
    return genome


class _NodeData(BaseModel, title="activation='sin'"):
    activation: str
    aggregation: str = "sum"
    bias: float = 0.0
    response: float = 1.0


class _EdgeData(BaseModel, title="weight=1.0"):
    weight: float
    enabled: bool = True


def _read(kind: type[BaseModel], data: dict[str, Any], where: str) -> dict[str, Any]:
    try:
        return kind.model_validate(data).model_dump()
    except ValidationError as error:
        (key, *_), example = error.errors()[0]["loc"], kind.model_config["title"]
        if key not in data:
            raise GenomeError(f"{where}: has no {key}; give it one, such as {example}") from error
        raise GenomeError(f"{where}: {first_problem(error)}") from error


def _key(name: object) -> int:
    try:
        return int(name)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError) as error:
        raise GenomeError(f"node {name!r}: a genome's ids are integers") from error


def _in_order(items: Iterable[tuple[Any, dict[str, Any]]]) -> list[tuple[Any, dict[str, Any]]]:
    return sorted(items, key=lambda item: item[1].get("order", 0))
