"""The mutation of the preset ``paper``: the steps of the paper's own code, in its order.

1. Each weight, with probability 0.1: polynomial mutation, eta 15, on [-10, 10].
2. Each node's activation, with probability 0.1: any of the options.
3. With probability 0.5: add a connection.
4. With probability 0.3: delete a connection.
5. With probability 0.5: replace a connection by a node and two connections of the same weight.
6. With probability 0.2: delete a hidden node and its connections.

Attributes that the paper's CPPNs do not have (bias, response, aggregation, disabled connections)
mutate with the activations as in neat-python, at rates that the preset sets to 0.
"""

from __future__ import annotations

from math import pow as power_of
from typing import TYPE_CHECKING

from neatfool.cppn.breeding.attributes import NewGenes, changes
from neatfool.cppn.breeding.streams import EachWithProbability, one_of
from neatfool.cppn.breeding.structure import (
    closes_cycle,
    delete_connection,
    delete_node,
    hidden_nodes,
)
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import Genome
from neatfool.cppn.genome.markings import split_key

if TYPE_CHECKING:
    from neatfool.cppn.breeding.streams import Draw
    from neatfool.cppn.genome.genome import GenomeConfig
    from neatfool.cppn.genome.markings import Edge

TRIES = 20
"""The most random pairs of nodes to try for a new connection, as in a full genome none may fit."""


def polynomial_step(r: float, power: float) -> float:
    """Turn a uniform number into a step of polynomial mutation.

    Args:
        r: A number in [0, 1).
        power: 1 / (eta + 1), with the distribution's index eta. A small power makes small steps.

    Returns:
        A step in [-1, 1), in units of the value's range: (2r)^power - 1 for r below one half, else
        1 - (2(1-r))^power.
    """
    if r < 0.5:
        return power_of(2.0 * r, power) - 1.0
    return 1.0 - power_of(2.0 * (1.0 - r), power)


class PaperMutation:
    """Makes a child of one parent, which share the unchanged genes."""

    def __init__(self, config: GenomeConfig) -> None:
        self._config = config
        self._outputs = frozenset(config.output_keys)
        self._new = NewGenes(config)
        self._of_nodes = changes(NodeGene, config)
        self._of_connections = [
            PolynomialWeightChange(config),
            *changes(ConnectionGene, config, but=["weight"]),
        ]

    def expected_draws(self, nodes: float, connections: float) -> int:
        """Give a number of random numbers that a child rarely exceeds."""
        usual = sum(change.expected_draws(nodes) for change in self._of_nodes)
        usual += sum(change.expected_draws(connections) for change in self._of_connections)
        return int(usual + 2.0 * usual**0.5) + 16

    def __call__(self, draw: Draw, parent: Genome) -> Genome:
        """Breed a child."""
        child = Genome.born(parent.nodes.copy(), parent.connections.copy())
        self.mutate(child, draw)
        return child

    def mutate(self, child: Genome, draw: Draw) -> None:
        """Mutate a genome that shares no dict with others."""
        config = self._config
        for change in self._of_connections:
            change.mutate(child.connections, draw)
        for change in self._of_nodes:
            change.mutate(child.nodes, draw)
        if draw() < config.conn_add_prob:
            self._add_connection(child, draw)
        if draw() < config.conn_delete_prob:
            delete_connection(child, draw)
        if draw() < config.node_add_prob:
            self._add_node(child, draw)
        if draw() < config.node_delete_prob:
            delete_node(child, self._outputs, draw)

    def grow(self, child: Genome, draw: Draw) -> None:
        """Add a node and a connection to a genome that shares no dict with others."""
        self._add_node(child, draw)
        self._add_connection(child, draw)

    def _add_connection(self, child: Genome, draw: Draw) -> None:
        """Add a random connection that is absent and closes no cycle; all are equally likely.

        If hardly any is left, ``TRIES`` draws may find none.
        """
        sources = self._config.input_keys + hidden_nodes(child, self._outputs)
        targets = list(child.nodes)
        for _ in range(TRIES):
            edge = one_of(sources, draw), one_of(targets, draw)
            if edge not in child.connections and not closes_cycle(child.connections, edge):
                child.connections[edge] = self._new.connection(edge, draw)
                return

    def _add_node(self, child: Genome, draw: Draw) -> None:
        if not child.connections:
            return
        edge = source, target = one_of(list(child.connections), draw)
        weight = child.connections.pop(edge).weight
        key = split_key(edge, child.nodes)
        child.nodes[key] = self._new.node(key, draw)
        for half in ((source, key), (key, target)):
            child.connections[half] = ConnectionGene.make(half, weight)


class PolynomialWeightChange:
    """Weights change by polynomial mutation."""

    name = "weight"

    def __init__(self, config: GenomeConfig) -> None:
        self._chosen = EachWithProbability(config.weight_mutate_rate)
        self._low, self._high = config.weight_min_value, config.weight_max_value
        self._power = 1.0 / (config.weight_mutate_eta + 1.0)

    def mutate(self, genes: dict[Edge, ConnectionGene], draw: Draw) -> None:
        """Replace the connections whose weight changes."""
        low, high, power = self._low, self._high, self._power
        unit = high - low
        for gene in self._chosen.of(list(genes.values()), draw):
            weight = gene.weight + unit * polynomial_step(draw(), power)
            weight = low if weight < low else high if weight > high else weight
            if weight != gene.weight:
                genes[gene.key] = gene.with_weight(weight)

    def expected_draws(self, genes: float) -> float:
        """Give the mean number of random numbers for a number of genes."""
        return 2.0 * genes * self._chosen.probability
