"""Genomes as versioned JSON text.

::

    {"format": "neatfool.cppn", "version": 1,
     "nodes": [[id, activation, aggregation, bias, response, time_constant], ...],
     "connections": [[from, to, weight, enabled], ...]}

Nodes and connections keep their order, and floats read back exactly. Innovation numbers follow
from the connections.

To another process of the same version, a genome goes as bytes, which take no time to write or read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from neatfool.cppn.genome.flat import FORM
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import Genome
from neatfool.cppn.genome.validity import check_genome
from neatfool.errors import GenomeError

if TYPE_CHECKING:
    from neatfool.cppn.genome.genome import GenomeConfig

_COLUMNS: Final = {
    "nodes": "[id, activation, aggregation, bias, response, time_constant]",
    "connections": "[from, to, weight, enabled]",
}


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
    nodes, connections = genome.rows()
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
        raise GenomeError(_describe(error)) from error
    genome = Genome.of(
        [NodeGene(*row) for row in record.nodes],
        [ConnectionGene((a, b), weight, enabled) for a, b, weight, enabled in record.connections],
    )
    if len(genome.nodes) != len(record.nodes):
        raise GenomeError("a genome with two nodes of one id")
    if len(genome.connections) != len(record.connections):
        raise GenomeError("a genome with two connections of one id")
    check_genome(genome, config)
    return genome.flattened()


def to_bytes(genome: Genome) -> bytes | None:
    """Write a genome for another process; None if an id has more than 64 bits."""
    try:
        return FORM + genome.flat
    except GenomeError:
        return None


def from_bytes(data: bytes) -> Genome:
    """Read what ``to_bytes`` wrote in a process of the same version. Nothing else is checked.

    Raises:
        GenomeError: The other process has another version, or another kind of processor.
    """
    if not data.startswith(FORM):
        raise GenomeError("a genome in the form of another version, or of another processor")
    return Genome.read(data[len(FORM) :])


def _describe(error: ValidationError) -> str:
    """Say what is wrong with a text, and where."""
    problem: Any = error.errors(include_url=False)[0]
    place = problem["loc"]
    if not place:
        return f"not the JSON of a genome: {problem['msg']}"
    where, *row = map(str, place)
    said = f"{where}{''.join(f'[{each}]' for each in row)}: {problem['msg']}"
    if where == "format":
        return f"not a genome of the format 'neatfool.cppn' ({said})"
    return f"{said}; expected {_COLUMNS[where]}" if row and where in _COLUMNS else said
