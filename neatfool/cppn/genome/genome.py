"""The genome of a CPPN and its configuration: neat-python's, with other markings."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from functools import cached_property
from random import choice
from typing import TYPE_CHECKING, Any

from neat.genome import DefaultGenome, DefaultGenomeConfig

from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.aggregations import AGGREGATIONS
from neatfool.cppn.genome.flat import pack, read_rows, size_of, unpack
from neatfool.cppn.genome.genes import (
    INITIAL,
    ConnectionGene,
    Edge,
    Innovations,
    NodeGene,
    first_free,
    split_key,
)
from neatfool.errors import GenomeError, nearest

if TYPE_CHECKING:
    from neatfool.cppn.genome.flat import ConnectionRow, NodeRow

# Makes an object without calling its constructor.
_new: Any = object.__new__

_SPELLED_OUT = {
    "fs_neat": "fs_neat_nohidden",
    "full": "full_nodirect",
    "partial": "partial_nodirect",
}


class GenomeConfig(DefaultGenomeConfig):  # type: ignore[misc]
    """neat-python's configuration of a genome, with neatfool's activations and markings."""

    initial_connection: str

    def __init__(self, params: Mapping[str, object], section_name: str = "DefaultGenome") -> None:
        """Read a value, or its text, for each key of neat-python's section."""
        values: dict[str, object] = {key: _text(value) for key, value in params.items()}
        # neat-python's default is the text "false", which counts as true.
        values.setdefault("single_structural_mutation", "False")
        values |= {"node_gene_type": NodeGene, "connection_gene_type": ConnectionGene}
        super().__init__(values, section_name)
        # neat-python prints a warning for each genome if it reads the short name.
        self.initial_connection = _SPELLED_OUT.get(self.initial_connection, self.initial_connection)
        self.innovation_tracker = Innovations()
        for name, activation in ACTIVATIONS.items():
            self.add_activation(name, activation.scalar)

    def get_new_node_key(self, node_dict: Mapping[int, Any]) -> int:
        """Give the id of an initial hidden node."""
        return first_free(INITIAL, taken=node_dict)


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


class Genome(DefaultGenome):  # type: ignore[misc]
    """A CPPN's nodes and connections. Their order matters: a sum's last bits depend on it.

    A genome and its genes never change. It is flat bytes until somebody looks at its genes, which
    are made then.
    """

    key: int = 0
    fitness: Any = None
    _flat: bytes | None = None

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, key: int = 0) -> None:
        super().__init__(key)

    @cached_property
    def nodes(self) -> dict[int, NodeGene]:
        """The gene of each output (0, 1, …) and hidden node, by its id."""
        return self._unpack()[0]

    @cached_property
    def connections(self) -> dict[Edge, ConnectionGene]:
        """The gene of each connection, by its edge."""
        return self._unpack()[1]

    def _unpack(self) -> tuple[dict[int, NodeGene], dict[Edge, ConnectionGene]]:
        """Make the genes; from then on, they are the genome."""
        assert self._flat is not None
        self.nodes, self.connections = unpack(self._flat)
        self._flat = None
        return self.nodes, self.connections

    @classmethod
    def read(cls, flat: bytes) -> Genome:
        """Make a genome of flat bytes (:mod:`neatfool.cppn.genome.flat`)."""
        genome: Genome = _new(cls)
        genome._flat = flat
        return genome

    @property
    def flat(self) -> bytes:
        """The genome as flat bytes.

        Raises:
            GenomeError: An id has more than 64 bits, or a connection or function cannot be.
        """
        if self._flat is not None:
            return self._flat
        try:
            return pack(self.nodes, self.connections)
        except (KeyError, struct.error) as error:
            raise GenomeError(
                f"a genome that is no network, or has an id of more than 64 bits ({error})"
            ) from error

    @classmethod
    def of(cls, nodes: Iterable[NodeGene], connections: Iterable[ConnectionGene]) -> Genome:
        """Make a genome of genes."""
        genome = cls()
        genome.nodes = {gene.key: gene for gene in nodes}
        genome.connections = {gene.key: gene for gene in connections}
        return genome

    @classmethod
    def parse_config(cls, param_dict: Mapping[str, object]) -> GenomeConfig:
        """Read neat-python's section of the genome."""
        return GenomeConfig(param_dict, cls.__name__)

    def __eq__(self, other: object) -> bool:
        """Compare nodes and connections with all their attributes, and their order."""
        if not isinstance(other, Genome):
            return NotImplemented
        if self is other or (self._flat is not None and self._flat == other._flat):
            return True
        return self.rows() == other.rows()

    @property
    def genes(self) -> list[NodeGene | ConnectionGene]:
        """All genes: the nodes, then the connections."""
        return [*self.nodes.values(), *self.connections.values()]

    def rows(self) -> tuple[list[NodeRow], list[ConnectionRow]]:
        """Give all attributes of the nodes and of the connections, as they are stored."""
        if self._flat is not None:
            return read_rows(self._flat)
        return (
            [gene.values for gene in self.nodes.values()],
            [(*gene.key, gene.weight, gene.enabled) for gene in self.connections.values()],
        )

    def size(self) -> tuple[int, int]:
        """Count the nodes and the enabled connections."""
        if self._flat is not None:
            return size_of(self._flat)
        return len(self.nodes), sum(bool(gene.enabled) for gene in self.connections.values())

    def mutate_add_node(self, config: GenomeConfig) -> None:
        """Split a random connection, as neat-python does; its key gives the node's id."""
        if not self.connections:
            if config.check_structural_mutation_surer():
                self.mutate_add_connection(config)
            return
        split = choice(list(self.connections.values()))  # noqa: S311
        source, target = split.key
        node = self.create_node(config, split_key(split.key, self.nodes))
        node.bias = 0.0
        self.nodes[node.key] = node
        split.enabled = False
        self.add_connection(config, source, node.key, 1.0, True)
        self.add_connection(config, node.key, target, split.weight, True)

    def distance(self, other: Genome, config: GenomeConfig) -> float:
        """Measure how unlike two genomes are: neat-python's distance, made symmetric.

        neat-python adds in the order of its first genome, and the last bits depend on that.
        """
        first, second = sorted((self, other), key=lambda each: [[*each.nodes], [*each.connections]])
        return float(DefaultGenome.distance(first, second, config))


def flat_of(genome: Any) -> bytes:
    """Give any genome of neat-python as flat bytes.

    Raises:
        KeyError: An enabled connection joins a missing node, or a function is unknown.
        struct.error: An id has more than 64 bits.
    """
    if isinstance(genome, Genome) and genome._flat is not None:
        return genome._flat
    return pack(genome.nodes, genome.connections)


def check_genome(genome: Genome, config: GenomeConfig | None = None) -> None:
    """Check a genome, and that it fits the inputs and outputs of a configuration, if given.

    Raises:
        GenomeError: A function is unknown, a number is not finite, a connection joins a missing
            node, connections close a cycle, or the genome does not fit; the message says which.
    """
    for node in genome.nodes.values():
        _check_node(node)
    for (source, target), gene in genome.connections.items():
        where = f"connection {source} -> {target}"
        if target < 0:
            raise GenomeError(f"{where}: goes into an input")
        if target not in genome.nodes:
            raise GenomeError(f"{where}: there is no node {target}")
        if source >= 0 and source not in genome.nodes:
            raise GenomeError(f"{where}: there is no node {source}")
        if not math.isfinite(gene.weight):
            raise GenomeError(f"{where}: its weight is {gene.weight}")
        if gene.enabled not in (True, False):
            raise GenomeError(f"{where}: enabled is {gene.enabled!r}, not true or false")
    if config is not None:
        if absent := [key for key in config.output_keys if key not in genome.nodes]:
            raise GenomeError(
                f"a genome without the output {absent[0]}; here a genome has {config.num_outputs}"
            )
        for source, target in genome.connections:
            if source < 0 and source not in config.input_keys:
                raise GenomeError(
                    f"connection {source} -> {target}: here a genome has {config.num_inputs} inputs"
                )
    layers(genome.connections)


def _check_node(node: NodeGene) -> None:
    where = f"node {node.key}"
    if not 0 <= node.key < 1 << 63:
        why = "negative ids are the inputs'" if node.key < 0 else "its id has more than 64 bits"
        raise GenomeError(f"{where}: {why}")
    for name, known in ((node.activation, ACTIVATIONS), (node.aggregation, AGGREGATIONS)):
        if name not in known:
            raise GenomeError(f"{where}: there is no {name!r}{nearest(str(name), known)}")
    for name in ("bias", "response", "time_constant"):
        if not math.isfinite(getattr(node, name)):
            raise GenomeError(f"{where}: its {name} is {getattr(node, name)}")


def layers(edges: Iterable[Edge]) -> dict[int, int]:
    """Find the layer of each joined node: the length of the longest way from an input.

    Returns:
        Layers by node id; 0 for the inputs, at least 1 for all others.

    Raises:
        GenomeError: Connections close a cycle.
    """
    successors: dict[int, list[int]] = {}
    waiting: dict[int, int] = {}
    for source, target in edges:
        successors.setdefault(source, []).append(target)
        waiting.setdefault(source, 0)
        waiting[target] = waiting.get(target, 0) + 1
    found = {key: 0 if key < 0 else 1 for key in waiting}
    ready = [key for key, count in waiting.items() if count == 0]
    for key in ready:
        for successor in successors.get(key, ()):
            found[successor] = max(found[successor], found[key] + 1)
            waiting[successor] -= 1
            if waiting[successor] == 0:
                ready.append(successor)
    if len(ready) < len(waiting):
        inside = min(key for key, count in waiting.items() if count)
        raise GenomeError(f"a genome whose connections close a cycle through node {inside}")
    return found
