"""The genome of a CPPN: neat-python's, with historical markings that follow from content.

neat-python numbers nodes and innovations with counters, so a number depends on the order in which
a population was bred, and two genomes that split the same connection get two node ids. Here an
innovation number is a hash of the connection, and a new node's id a hash of the connection that
it splits: equal mutations are marked alike in any process, and there is nothing to keep or to
restore.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from random import choice
from typing import TYPE_CHECKING, Any

from neat.attributes import BoolAttribute, FloatAttribute
from neat.genes import DefaultConnectionGene, DefaultNodeGene
from neat.genome import DefaultGenome, DefaultGenomeConfig

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

Edge = tuple[int, int]
"""The key of a connection: the node it comes from (an input if negative) and the one it goes to."""

_SPELLED_OUT = {
    "fs_neat": "fs_neat_nohidden",
    "full": "full_nodirect",
    "partial": "partial_nodirect",
}


@lru_cache(maxsize=1 << 16)
def marking(kind: str, *numbers: int) -> int:
    """Make a number from what it marks.

    Args:
        kind: What is marked.
        numbers: Which one.

    Returns:
        An integer in [0, 2**52), which a double holds exactly; equal on every machine.
    """
    text = " ".join([kind, *map(str, numbers)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 12


def innovation_number(source: int, target: int) -> int:
    """Give the historical marking of a connection, in [0, 2**52)."""
    return marking("connection", source, target)


def split_key(edge: Edge, taken: Container[int]) -> int:
    """Give the id of the node that splits a connection.

    Args:
        edge: The connection.
        taken: The ids of the genome's nodes, outputs included.

    Returns:
        The first of the connection's ids that is not taken: the same in all genomes that split it
        for the first time, and so on.
    """
    return _first_free("split", *edge, taken=taken)


def _first_free(kind: str, *numbers: int, taken: Container[int]) -> int:
    n = 0
    while (key := marking(kind, *numbers, n)) in taken:
        n += 1
    return key


class Innovations:
    """What neat-python asks for markings; it remembers nothing."""

    def get_innovation_number(
        self, input_node: int, output_node: int, mutation_type: str = "add_connection"
    ) -> int:
        """Give a connection's marking, however the connection came about."""
        return innovation_number(input_node, output_node)

    def get_node_split(self, input_node: int, output_node: int, new_key: int) -> int:
        """Give the id of the node that splits a connection for the first time."""
        return split_key((input_node, output_node), ())

    def reset_generation(self) -> None:
        """Do nothing: a marking is good for all generations."""


class PolynomialFloat(FloatAttribute):  # type: ignore[misc]
    """A float that polynomial mutation may change too, with its index eta."""

    _config_items = {**FloatAttribute._config_items, "mutate_eta": [float, 15.0]}  # noqa: RUF012


class NodeGene(DefaultNodeGene):  # type: ignore[misc]
    """A hidden or output node: ``activation(bias + response * aggregation(inputs))``."""

    @classmethod
    def make(  # noqa: PLR0917 - as `values` gives them
        cls,
        key: int,
        activation: str,
        aggregation: str = "sum",
        bias: float = 0.0,
        response: float = 1.0,
        time_constant: float = 1.0,
    ) -> NodeGene:
        """Make a node of given attributes; the time constant has no effect on an image."""
        gene = cls(key)
        gene.activation, gene.aggregation = activation, aggregation
        gene.bias, gene.response, gene.time_constant = bias, response, time_constant
        return gene

    @property
    def values(self) -> tuple[int, str, str, float, float, float]:
        """What ``make`` takes."""
        return (
            self.key,
            self.activation,
            self.aggregation,
            self.bias,
            self.response,
            self.time_constant,
        )

    def copy(self) -> NodeGene:
        """Copy the gene."""
        return self.make(*self.values)


class ConnectionGene(DefaultConnectionGene):  # type: ignore[misc]
    """A connection. Its innovation number follows from its key."""

    _gene_attributes = [PolynomialFloat("weight"), BoolAttribute("enabled")]  # noqa: RUF012

    def __init__(self, key: Edge, innovation: int | None = None) -> None:
        """Make a connection without attributes, as neat-python does.

        Args:
            key: The nodes it joins.
            innovation: Taken because neat-python gives it; it can only be what the key says.
        """
        self.key = key

    @property
    def innovation(self) -> int:
        """The historical marking."""
        return innovation_number(*self.key)

    @classmethod
    def make(cls, key: Edge, weight: float, enabled: bool = True) -> ConnectionGene:
        """Make a connection of given attributes."""
        gene = cls(key)
        gene.weight, gene.enabled = weight, enabled
        return gene

    @property
    def values(self) -> tuple[Edge, float, bool]:
        """What ``make`` takes."""
        return self.key, self.weight, self.enabled

    def copy(self) -> ConnectionGene:
        """Copy the gene."""
        return self.make(self.key, self.weight, self.enabled)


class GenomeConfig(DefaultGenomeConfig):  # type: ignore[misc]
    """neat-python's configuration of a genome, with the paper's activations and our markings."""

    initial_connection: str

    def __init__(self, params: Mapping[str, object], section_name: str = "DefaultGenome") -> None:
        """Read the values of neat-python's section.

        Args:
            params: A value, or its text, for each key.
            section_name: What neat-python's errors call the section.
        """
        from neatfool.cppn.activations import ACTIVATIONS

        values: dict[str, object] = {key: _text(value) for key, value in params.items()}
        # Left out, neat-python makes it the text "false", which is true.
        values.setdefault("single_structural_mutation", "False")
        values |= {"node_gene_type": NodeGene, "connection_gene_type": ConnectionGene}
        super().__init__(values, section_name)
        # neat-python prints a warning for each genome where the short name has to be read.
        self.initial_connection = _SPELLED_OUT.get(self.initial_connection, self.initial_connection)
        self.innovation_tracker = Innovations()
        for name, activation in ACTIVATIONS.items():
            self.add_activation(name, activation.scalar)

    def get_new_node_key(self, node_dict: Mapping[int, Any]) -> int:
        """Give the id of a hidden node that a genome starts with."""
        return _first_free("initial", taken=node_dict)


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


class Genome(DefaultGenome):  # type: ignore[misc]
    """A CPPN's nodes and connections, each in an order that a sum may depend on.

    Once born, a genome and its genes are not changed: a child may share genes with its parent.

    Attributes:
        nodes: The gene of each output (0, 1, …) and hidden node, by its id.
        connections: The gene of each connection, by its edge.
    """

    nodes: dict[int, NodeGene]
    connections: dict[Edge, ConnectionGene]

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, key: int = 0) -> None:
        super().__init__(key)

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
        return self is other or (
            self._keys == other._keys
            and all(
                mine.values == yours.values
                for mine, yours in zip(self.genes, other.genes, strict=True)
            )
        )

    @property
    def genes(self) -> list[NodeGene | ConnectionGene]:
        """All genes: the nodes, then the connections."""
        return [*self.nodes.values(), *self.connections.values()]

    @property
    def _keys(self) -> tuple[list[int], list[Edge]]:
        return list(self.nodes), list(self.connections)

    def clone(self) -> Genome:
        """Copy the genome, with genes of its own."""
        return self.of(
            (gene.copy() for gene in self.nodes.values()),
            (gene.copy() for gene in self.connections.values()),
        )

    def configure_crossover(self, genome1: Genome, genome2: Genome, config: GenomeConfig) -> None:
        """Become the child of two genomes that have a fitness.

        As neat-python has it, without its search for a cycle before each gene: a child has the
        connections of its fitter parent and no others, so there is none. The order is that
        parent's too.
        """
        fitter, other = (
            (genome1, genome2) if genome1.fitness > genome2.fitness else (genome2, genome1)
        )
        for edge, connection in fitter.connections.items():
            same = other.connections.get(edge)
            self.connections[edge] = connection.crossover(same) if same else connection.copy()
        for key, node in fitter.nodes.items():
            match = other.nodes.get(key)
            self.nodes[key] = node.crossover(match) if match else node.copy()

    def mutate_add_node(self, config: GenomeConfig) -> None:
        """Split a random connection, as neat-python does, with a node of the connection's id."""
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
        """Measure how unlike two genomes are: neat-python's distance, the same both ways.

        Its terms are added in the order of one genome, and floating-point sums depend on that.
        """
        first, second = (self, other) if self._keys <= other._keys else (other, self)
        return float(DefaultGenome.distance(first, second, config))
