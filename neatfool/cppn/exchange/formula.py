"""The part of a genome that its picture depends on, in the order of computation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from neatfool.cppn.functions.aggregations import WEIGHTED_SUMS
from neatfool.cppn.genome.validity import layers

INPUT_KEYS: Final = (-1, -2, -3, -4)
"""The keys of the inputs x, y, d and 1."""


@dataclass(frozen=True)
class Node:
    """A node: ``activation(bias + response * aggregation(terms))``."""

    key: int
    """Its key in the genome."""
    activation: str
    """The name of its activation."""
    aggregation: str
    """The name of its aggregation."""
    bias: float
    """The number added."""
    response: float
    """The factor of the aggregate."""
    terms: tuple[tuple[int, float], ...]
    """The sources (keys of nodes or inputs) and their weights."""

    @property
    def joins(self) -> Literal["sum", "product", "max", "min", "maxabs", "median"]:
        """How terms are joined: means are sums of :attr:`scaled` terms, and so is nothing."""
        if self.aggregation in WEIGHTED_SUMS or not (self.terms or self.aggregation == "product"):
            return "sum"
        return self.aggregation  # type: ignore[return-value]

    @property
    def scaled(self) -> tuple[tuple[int, float], ...]:
        """The terms of a sum, whose weights hold the response and the divisor of a mean."""
        scale = self.response
        if self.aggregation == "mean":
            scale /= max(len(self.terms), 1)
        return tuple((source, weight * scale) for source, weight in self.terms)


@dataclass(frozen=True)
class Formula:
    """What a picture's outputs are computed by."""

    nodes: tuple[Node, ...]
    """The nodes, each after those that it depends on."""
    outputs: tuple[int, ...]
    """The keys of the outputs."""


def read_formula(genome: Any, outputs: int) -> Formula:
    """Read the nodes that a genome's outputs depend on.

    Args:
        genome: A genome that can be compiled; see :func:`~neatfool.cppn.compile_genomes`.
        outputs: The number of outputs, whose keys are 0, 1, …
    """
    live = {edge: gene.weight for edge, gene in genome.connections.items() if gene.enabled}
    terms: dict[int, list[tuple[int, float]]] = {key: [] for key in genome.nodes}
    for (source, target), weight in live.items():
        terms[target].append((source, weight))
    needed, waiting = set(range(outputs)), [*range(outputs)]
    for key in waiting:
        more = {source for source, _ in terms[key] if source >= 0} - needed
        needed |= more
        waiting += sorted(more)
    layer = layers(live)
    keys = [key for key in genome.nodes if key in needed]
    keys.sort(key=lambda key: layer.get(key, 1))
    nodes = (genome.nodes[key] for key in keys)
    return Formula(
        nodes=tuple(
            Node(
                node.key,
                node.activation,
                node.aggregation,
                node.bias,
                node.response,
                tuple(terms[node.key]),
            )
            for node in nodes
        ),
        outputs=tuple(range(outputs)),
    )
