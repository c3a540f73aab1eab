"""Genomes as versioned JSON text, as bytes, and as networkx graphs.

::

    {"format": "neatfool.cppn", "version": 1,
     "nodes": [[id, activation, aggregation, bias, response, time_constant], ...],
     "connections": [[from, to, weight, enabled], ...]}

Nodes and connections keep their order, and floats read back exactly. Innovation numbers follow
from the connections.

To another process of the same version, a genome goes as bytes, which take no time to write or read.
A graph holds the whole genome in attributes that GraphML and JSON can write: text, floats, integers
and truth values.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import networkx as nx
from pydantic import BaseModel, Field, ValidationError

from neatfool.cppn.genome.genes import FORM, INPUTS, ConnectionGene, NodeGene, read_rows
from neatfool.cppn.genome.genome import Genome, GenomeConfig, check_genome, layers
from neatfool.errors import GenomeError

_ATTRIBUTES: Final = ("activation", "aggregation", "bias", "response")
"""What a graph says of each node that has a gene."""


class _Record(BaseModel, extra="forbid", strict=True):
    format: Literal["neatfool.cppn"]
    version: Annotated[int, Field(ge=1, le=1)]
    nodes: list[tuple[int, str, str, float, float, float]]
    connections: list[tuple[int, int, float, bool]]


def dumps(genome: Genome) -> str:
    """Write a genome as one line of JSON text.

    Raises:
        GenomeError: A number is not finite.
    """
    nodes, connections = read_rows(genome.flat)
    return json.dumps(
        {"format": "neatfool.cppn", "version": 1, "nodes": nodes, "connections": connections},
        separators=(",", ":"),
        allow_nan=False,
    )


def loads(text: str, config: GenomeConfig | None = None) -> Genome:
    """Read the text that ``dumps`` wrote, as an equal genome.

    Args:
        text: The text.
        config: The configuration whose inputs and outputs the genome must fit; any if absent.

    Raises:
        GenomeError: The text is no genome, or the genome does not fit; the message says why.
    """
    try:
        record = _Record.model_validate_json(text)
    except ValidationError as error:
        raise GenomeError(f"not a genome: {first_problem(error)}") from error
    genome = Genome.of(
        [NodeGene(*row) for row in record.nodes],
        [ConnectionGene((a, b), weight, enabled) for a, b, weight, enabled in record.connections],
    )
    if len(genome.nodes) != len(record.nodes):
        raise GenomeError("a genome with two nodes of one id")
    if len(genome.connections) != len(record.connections):
        raise GenomeError("a genome with two connections of one id")
    check_genome(genome, *((config.input_keys, config.output_keys) if config else ()))
    return Genome.read(genome.flat)


def to_bytes(genome: Genome) -> bytes:
    """Write a genome for another process."""
    return FORM + genome.flat


def from_bytes(data: bytes) -> Genome:
    """Read what ``to_bytes`` wrote in a process of the same version. Nothing else is checked.

    Raises:
        GenomeError: The other process has another version, or another kind of processor.
    """
    if not data.startswith(FORM):
        raise GenomeError("a genome in the form of another version, or of another processor")
    return Genome.read(data[len(FORM) :])


def to_graph(
    genome: Genome, outputs: Sequence[str], inputs: Sequence[str] = tuple(INPUTS.values())
) -> nx.DiGraph:
    """Give a genome as a graph, which :func:`~neatfool.cppn.from_graph` reads.

    Args:
        genome: The genome.
        outputs: The label of each output.
        inputs: The label of each input.

    Returns:
        A graph with the attributes that :meth:`NeatNetwork.graph` describes.
    """
    graph = nx.DiGraph()
    layer = layers(edge for edge, gene in genome.connections.items() if gene.enabled)
    for place, label in enumerate(inputs):
        graph.add_node(-1 - place, kind="input", label=label, layer=0)
    for order, (key, node) in enumerate(genome.nodes.items()):
        is_output = key < len(outputs)
        graph.add_node(
            key,
            kind="output" if is_output else "hidden",
            label=outputs[key] if is_output else node.activation,
            layer=layer.get(key, 1),
            **{name: getattr(node, name) for name in _ATTRIBUTES},
            order=order,
        )
    for order, (edge, gene) in enumerate(genome.connections.items()):
        own = {name: getattr(gene, name) for name in ("weight", "enabled", "innovation")}
        graph.add_edge(*edge, **own, order=order)
    return graph


def first_problem(error: ValidationError) -> str:
    """Say where the first problem is, and what."""
    problem = error.errors(include_url=False)[0]
    return ": ".join(filter(None, (".".join(map(str, problem["loc"])), problem["msg"])))
