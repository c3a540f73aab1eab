"""The genome of a CPPN and its configuration: neat-python's, with other markings."""

import math
import struct
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, Self

import networkx as nx
import numpy as np
from neat.genome import DefaultGenome, DefaultGenomeConfig

from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.genome import genes
from neatfool.cppn.genome.genes import ConnectionGene, Edge, NodeGene
from neatfool.errors import GenomeError, nearest

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
        values: dict[str, object] = {
            key: " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            for key, value in params.items()
        }
        # neat-python's default is the text "false", which counts as true.
        values.setdefault("single_structural_mutation", "False")
        values |= {"node_gene_type": NodeGene, "connection_gene_type": ConnectionGene}
        super().__init__(values, section_name)
        # neat-python prints a warning for each genome if it reads the short name.
        self.initial_connection = _SPELLED_OUT.get(self.initial_connection, self.initial_connection)
        self.innovation_tracker = self
        for name, activation in ACTIVATIONS.items():
            self.add_activation(name, activation.scalar)
        # The rates of our own operators, which neat-python does not have.
        for key, value in params.items():
            if key.endswith("_prob"):
                setattr(self, key, float(str(value)))

    def get_innovation_number(
        self, input_node: int, output_node: int, mutation_type: str = "add_connection"
    ) -> int:
        """Give a connection's marking, whatever the type of mutation."""
        return genes.marking(genes.LINK, input_node, output_node)

    def get_new_node_key(self, node_dict: Mapping[int, Any]) -> int:
        """Give the id of an initial hidden node."""
        return genes.first_free(genes.INITIAL, taken=node_dict)


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
        self.nodes, self.connections = genes.unpack(self._flat)
        self._flat = None
        return self.nodes, self.connections

    @classmethod
    def read(cls, flat: bytes) -> Self:
        """Make a genome of flat bytes (:mod:`neatfool.cppn.genome.genes`)."""
        genome = cls.__new__(cls)
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
            return genes.pack(self.nodes, self.connections)
        except (KeyError, struct.error) as error:
            raise GenomeError(
                f"a genome that is no network, or has an id of more than 64 bits ({error})"
            ) from error

    @classmethod
    def of(cls, nodes: Iterable[NodeGene], connections: Iterable[ConnectionGene]) -> Self:
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
        return self.flat == other.flat if isinstance(other, Genome) else NotImplemented

    def size(self) -> tuple[int, int]:
        """Count the nodes and the enabled connections."""
        nodes, connections = genes.divide(self.flat)
        return len(nodes), int(np.count_nonzero(connections["enabled"]))

    def distance(self, other: Self, config: GenomeConfig) -> float:
        """Measure neat-python's compatibility distance, made symmetric.

        neat-python adds in the order of its first genome, and the last bits depend on that; here
        the keys decide which is the first.
        """
        first, second = sorted((self, other), key=lambda each: [[*each.nodes], [*each.connections]])
        return float(DefaultGenome.distance(first, second, config))


def flat_of(genome: Any) -> bytes:
    """Give any genome of neat-python as flat bytes; it raises what ``flat`` or ``pack`` raise."""
    if isinstance(genome, Genome):
        return genome.flat
    return genes.pack(genome.nodes, genome.connections)


def check_genome(
    genome: Any, input_keys: Collection[int] | None = None, output_keys: Collection[int] = ()
) -> None:
    """Check a genome of neat-python's kind, and that it has some inputs and outputs."""
    for key, node in genome.nodes.items():
        _check_node(key, node)
    for (source, target), gene in genome.connections.items():
        where = f"connection {source} -> {target}"
        if target < 0:
            raise GenomeError(f"{where}: goes into an input")
        for end in (target, source):
            if end >= 0 and end not in genome.nodes:
                raise GenomeError(f"{where}: there is no node {end}")
        if source < 0 and input_keys is not None and source not in input_keys:
            raise GenomeError(f"{where}: here a genome has {len(input_keys)} inputs")
        if not math.isfinite(gene.weight):
            raise GenomeError(f"{where}: its weight is {gene.weight}")
        if gene.enabled not in (True, False):
            raise GenomeError(f"{where}: enabled is {gene.enabled!r}, not true or false")
    if absent := [key for key in output_keys if key not in genome.nodes]:
        raise GenomeError(
            f"a genome without the output {absent[0]}; here a genome has {len(output_keys)}"
        )
    layers(genome.connections)


def _check_node(key: int, node: Any) -> None:
    if not 0 <= key < 1 << 63:
        why = "negative ids are the inputs'" if key < 0 else "its id has more than 64 bits"
        raise GenomeError(f"node {key}: {why}")
    for name, known in ((node.activation, ACTIVATIONS), (node.aggregation, ["sum"])):
        if name not in known:
            raise GenomeError(f"node {key}: there is no {name!r}{nearest(str(name), known)}")
    for name in ("bias", "response"):
        if not math.isfinite(number := getattr(node, name)):
            raise GenomeError(f"node {key}: its {name} is {number}")


def layers(edges: Iterable[Edge]) -> dict[int, int]:
    """Give the longest way from an input to each node: 0 for an input, at least 1 for others."""
    graph, found = nx.DiGraph([*edges]), dict[int, int]()
    try:
        for key in nx.topological_sort(graph):
            longest = max((found[source] + 1 for source in graph.predecessors(key)), default=0)
            found[key] = longest if key < 0 else max(longest, 1)
    except nx.NetworkXUnfeasible:
        way = nx.find_cycle(graph)
        shown = " -> ".join(str(source) for source, _ in [*way, way[0]])
        raise GenomeError(f"a genome whose connections close a cycle: {shown}") from None
    return found
