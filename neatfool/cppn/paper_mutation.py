"""The mutation of the preset ``paper``: what the paper's own code does to a CPPN, in its order.

1. Each weight, with probability 0.1: polynomial mutation, eta 15, on [-10, 10].
2. Each node's activation, with probability 0.1: any of the options.
3. With probability 0.5: a new connection.
4. With probability 0.3: a connection goes.
5. With probability 0.5: a node in place of a connection, whose weight both new ones take.
6. With probability 0.2: a hidden node goes, and its connections.

Attributes that the paper's CPPNs do not have (bias, response, aggregation, disabled connections)
mutate along with the activations as in neat-python, at rates that the preset sets to 0.
"""

# ruff: noqa: S311 - evolution needs no secrets
from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from neatfool.cppn.genome import ConnectionGene, Edge, Genome, NodeGene, split_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from neatfool.cppn.genome import GenomeConfig

TRIES = 20
"""How many random pairs of nodes are looked at for a new connection."""


def polynomial_step(r: float, eta: float) -> float:
    """Turn a uniform number into a step of polynomial mutation.

    Args:
        r: A number in [0, 1).
        eta: The distribution's index; the larger, the smaller most steps.

    Returns:
        A step in [-1, 1), of which the value's range is the unit: (2r)^(1/(eta+1)) - 1 below one
        half and 1 - (2(1-r))^(1/(eta+1)) from there on.
    """
    power = 1.0 / (eta + 1.0)
    if r < 0.5:
        return math.pow(2.0 * r, power) - 1.0
    return 1.0 - math.pow(2.0 * (1.0 - r), power)


def closes_cycle(edges: Iterable[Edge], new: Edge) -> bool:
    """Tell whether a new connection would close a cycle among acyclic ones.

    Args:
        edges: The connections there are, disabled ones too.
        new: The connection that would join them.
    """
    source, target = new
    if source < 0:
        return False
    successors: dict[int, list[int]] = {}
    for a, b in edges:
        successors.setdefault(a, []).append(b)
    seen, to_visit = {target}, [target]
    while to_visit:
        node = to_visit.pop()
        if node == source:
            return True
        for successor in successors.get(node, ()):
            if successor not in seen:
                seen.add(successor)
                to_visit.append(successor)
    return False


class PaperMutation:
    """Makes a child of one parent.

    The child shares with its parent the genes that did not change.
    """

    def __init__(self, config: GenomeConfig) -> None:
        self._config = config
        self._outputs = frozenset(config.output_keys)
        self._range = config.weight_max_value - config.weight_min_value
        self._node_attributes = _mutable(NodeGene, config, but="activation")
        self._connection_attributes = _mutable(ConnectionGene, config, but="weight")

    def __call__(self, parent: Genome) -> Genome:
        """Draw a child, by the global random generator."""
        config, draw = self._config, random.random
        child = Genome()
        child.nodes, child.connections = dict(parent.nodes), dict(parent.connections)
        self._mutate_weights(child)
        self._mutate_activations(child)
        if self._node_attributes or self._connection_attributes:
            self._mutate_other_attributes(child)
        if draw() < config.conn_add_prob:
            self._add_connection(child)
        if draw() < config.conn_delete_prob and child.connections:
            del child.connections[random.choice(list(child.connections))]
        if draw() < config.node_add_prob and child.connections:
            self._add_node(child)
        if draw() < config.node_delete_prob:
            self._delete_node(child)
        return child

    def _mutate_weights(self, child: Genome) -> None:
        config, draw, rate = self._config, random.random, self._config.weight_mutate_rate
        connections = child.connections
        for edge in [edge for edge in connections if draw() < rate]:
            gene = connections[edge]
            weight = gene.weight + polynomial_step(draw(), config.weight_mutate_eta) * self._range
            weight = min(max(weight, config.weight_min_value), config.weight_max_value)
            connections[edge] = ConnectionGene.make(edge, weight, gene.enabled)

    def _mutate_activations(self, child: Genome) -> None:
        config, draw, rate = self._config, random.random, self._config.activation_mutate_rate
        for key in [key for key in child.nodes if draw() < rate]:
            child.nodes[key] = child.nodes[key].copy()
            child.nodes[key].activation = random.choice(config.activation_options)

    def _mutate_other_attributes(self, child: Genome) -> None:
        both: tuple[tuple[dict[Any, Any], list[Any]], ...] = (
            (child.nodes, self._node_attributes),
            (child.connections, self._connection_attributes),
        )
        for genes, attributes in both:
            for key in genes if attributes else ():
                genes[key] = genes[key].copy()
                for attribute in attributes:
                    old = getattr(genes[key], attribute.name)
                    setattr(genes[key], attribute.name, attribute.mutate_value(old, self._config))

    def _add_connection(self, child: Genome) -> None:
        """Add a random one of the connections that are absent and close no cycle.

        Each is equally likely, because pairs are drawn until one will do. In a genome where hardly
        one is left, `TRIES` draws may find none.
        """
        sources = self._config.input_keys + self._hidden(child)
        targets = list(child.nodes)
        for _ in range(TRIES):
            edge = random.choice(sources), random.choice(targets)
            if edge not in child.connections and not closes_cycle(child.connections, edge):
                child.connections[edge] = child.create_connection(self._config, *edge, None)
                return

    def _add_node(self, child: Genome) -> None:
        edge = source, target = random.choice(list(child.connections))
        weight = child.connections.pop(edge).weight
        node = child.create_node(self._config, split_key(edge, child.nodes))
        child.nodes[node.key] = node
        for half in ((source, node.key), (node.key, target)):
            child.connections[half] = ConnectionGene.make(half, weight)

    def _delete_node(self, child: Genome) -> None:
        if hidden := self._hidden(child):
            gone = random.choice(hidden)
            del child.nodes[gone]
            child.connections = {
                edge: gene for edge, gene in child.connections.items() if gone not in edge
            }

    def _hidden(self, genome: Genome) -> list[int]:
        outputs: Collection[int] = self._outputs
        return [key for key in genome.nodes if key not in outputs]


def _mutable(gene: type[Any], config: GenomeConfig, *, but: str) -> list[Any]:
    """List the attributes of a gene, but one, that any rate of the configuration lets change."""
    rates = ("mutate_rate", "replace_rate", "rate_to_true_add", "rate_to_false_add")
    return [
        attribute
        for attribute in gene._gene_attributes
        if attribute.name != but
        and any(getattr(config, f"{attribute.name}_{rate}", 0.0) for rate in rates)
    ]
