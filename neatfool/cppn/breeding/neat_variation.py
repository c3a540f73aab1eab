"""The crossover and mutation of the preset ``neat``: neat-python's, but faster.

Children change in the same ways and as often as by neat-python's ``configure_crossover`` and
``mutate``; the tests compare the two. But a child shares unchanged genes with its parents, cycles
are searched only where they can be, and random numbers are drawn only for genes that change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.cppn.breeding.attributes import NewGenes, changes
from neatfool.cppn.breeding.streams import one_of
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

DISABLED_STAYS = 0.75
"""The probability that a connection disabled in a parent stays so (Stanley & Miikkulainen 2002)."""


class NeatVariation:
    """Makes a child of one parent, or of two, of which the first is the fitter."""

    parents = 2

    def __init__(self, config: GenomeConfig) -> None:
        self._config = config
        self._outputs = frozenset(config.output_keys)
        self._new = NewGenes(config)
        self._of_nodes = changes(NodeGene, config)
        self._of_connections = changes(ConnectionGene, config)
        self._surer = config.check_structural_mutation_surer()
        self._structural = [
            (config.node_add_prob, self._add_node),
            (config.node_delete_prob, lambda child, draw: delete_node(child, self._outputs, draw)),
            (config.conn_add_prob, self._add_connection),
            (config.conn_delete_prob, delete_connection),
        ]

    def in_generation(self, generation: int) -> NeatVariation:
        """Give the variation for a generation of a run: always the same."""
        return self

    def litter_size(self, draw: Draw) -> int:
        """Give the number of parents of a child: always two."""
        return self.parents

    def grow(self, genome: Genome, draw: Draw) -> None:
        """Leave a random genome as it is."""

    def expected_draws(self, nodes: float, connections: float) -> int:
        """Give a number of random numbers that a child rarely exceeds."""
        usual = nodes + sum(change.expected_draws(nodes) for change in self._of_nodes)
        usual += connections
        usual += sum(change.expected_draws(connections) for change in self._of_connections)
        return int(usual + 2.0 * usual**0.5) + 16

    def __call__(self, draw: Draw, fitter: Genome, other: Genome | None = None) -> Genome:
        """Breed a child."""
        child = Genome.born(fitter.nodes.copy(), fitter.connections.copy())
        if other is not None:
            _cross(child, other, draw)
        self._mutate_structure(child, draw)
        for change in self._of_connections:
            change.mutate(child.connections, draw)
        for change in self._of_nodes:
            change.mutate(child.nodes, draw)
        return child

    def _mutate_structure(self, child: Genome, draw: Draw) -> None:
        if not self._config.single_structural_mutation:
            for probability, mutate in self._structural:
                if draw() < probability:
                    mutate(child, draw)
            return
        place = draw() * max(1.0, sum(probability for probability, _ in self._structural))
        for probability, mutate in self._structural:
            if place < probability:
                mutate(child, draw)
                return
            place -= probability

    def _add_node(self, child: Genome, draw: Draw) -> None:
        """Split a connection and disable it, so that the signal changes little."""
        if not child.connections:
            if self._surer:
                self._add_connection(child, draw)
            return
        split = one_of(list(child.connections.values()), draw)
        source, target = split.key
        key = split_key(split.key, child.nodes)
        node = child.nodes[key] = self._new.node(key, draw)
        node.bias = 0.0
        if split.enabled:
            child.connections[split.key] = split.having("enabled", False)
        for edge, weight in (((source, key), 1.0), ((key, target), split.weight)):
            child.connections[edge] = ConnectionGene.make(edge, weight)

    def _add_connection(self, child: Genome, draw: Draw) -> None:
        """Draw one pair of nodes, and join them if possible."""
        target = one_of(list(child.nodes), draw)
        source = one_of(self._config.input_keys + hidden_nodes(child, self._outputs), draw)
        edge = source, target
        if gene := child.connections.get(edge):
            if self._surer and not gene.enabled:
                child.connections[edge] = gene.having("enabled", True)
        elif not closes_cycle(child.connections, edge):
            child.connections[edge] = self._new.connection(edge, draw)


def _cross(child: Genome, other: Genome, draw: Draw) -> None:
    """Cross a copy of the fitter parent with the other.

    A gene that both have takes each attribute from either; other genes are the fitter's. Sharing a
    gene and having equal genes draw the same numbers, so that genomes that were stored and read
    again have the same children.
    """
    connections, nodes = child.connections, child.nodes
    theirs = other.connections.get
    for edge, mine in connections.items():
        gene = theirs(edge)
        if gene is None:
            continue
        if not (mine.enabled and gene.enabled):
            connections[edge] = _cross_disabled(mine, gene, draw)
        elif draw() < 0.5:
            connections[edge] = gene
    for key, node in nodes.items():
        match = other.nodes.get(key)
        if match is not None:
            # One bit for each attribute.
            bits = int(32.0 * draw())
            if match is not node:
                nodes[key] = _cross_nodes(node, match, bits)


def _cross_disabled(a: ConnectionGene, b: ConnectionGene, draw: Draw) -> ConnectionGene:
    """Cross two connections, at least one of which is disabled."""
    chosen = a if draw() < 0.5 else b
    enabled = (a if draw() < 0.5 else b).enabled and draw() >= DISABLED_STAYS
    if chosen.enabled == enabled:
        return chosen
    return ConnectionGene.make(chosen.key, chosen.weight, enabled)


def _cross_nodes(a: NodeGene, b: NodeGene, bits: int) -> NodeGene:
    gene = a.copy()
    if bits & 1:
        gene.activation = b.activation
    if bits & 2:
        gene.aggregation = b.aggregation
    if bits & 4:
        gene.bias = b.bias
    if bits & 8:
        gene.response = b.response
    if bits & 16:
        gene.time_constant = b.time_constant
    return gene
