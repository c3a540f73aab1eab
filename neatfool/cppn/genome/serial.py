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
import math
from typing import TYPE_CHECKING, Any

from neatfool.cppn.genome.flat import FORM
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import Genome
from neatfool.cppn.genome.validity import check_genome
from neatfool.errors import GenomeError

if TYPE_CHECKING:
    from neatfool.cppn.genome.genome import GenomeConfig
    from neatfool.spec.json import Json

FORMAT = "neatfool.cppn"
VERSION = 1

NODE_COLUMNS = "[id, activation, aggregation, bias, response, time_constant]"
CONNECTION_COLUMNS = "[from, to, weight, enabled]"


def dumps(genome: Genome) -> str:
    """Write a genome as one line of JSON text.

    Raises:
        GenomeError: A number is not finite.
    """
    nodes, connections = genome.rows()
    return json.dumps(
        {"format": FORMAT, "version": VERSION, "nodes": nodes, "connections": connections},
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
    record = _record(text)
    genome = Genome.of(
        [_node(row) for row in _rows(record, "nodes")],
        [_connection(row) for row in _rows(record, "connections")],
    )
    for kind, genes in (("nodes", genome.nodes), ("connections", genome.connections)):
        if len(genes) != len(record[kind]):
            raise GenomeError(f"a genome with two {kind} of one id")
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


def _record(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GenomeError(f"not JSON: {error}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise GenomeError(f"not a genome of the format {FORMAT!r}")
    if type(record.get("version")) is not int or record["version"] != VERSION:
        raise GenomeError(
            f"a genome of version {record.get('version')!r}; this neatfool reads version {VERSION}"
        )
    if surplus := sorted(record.keys() - {"format", "version", "nodes", "connections"}):
        raise GenomeError(f"a genome does not have {surplus[0]!r}")
    return record


def _rows(record: dict[str, Any], kind: str) -> list[Json]:
    rows = record.get(kind)
    if isinstance(rows, list):
        return rows
    raise GenomeError(f"a genome without a list of {kind}")


def _node(row: Json) -> NodeGene:
    match row:
        case [int(key), str(activation), str(aggregation), bias, response, time_constant]:
            numbers = map(_number, (bias, response, time_constant))
            return NodeGene(_id(key), activation, aggregation, *numbers)
    raise GenomeError(f"{row!r} is not a node: expected {NODE_COLUMNS}")


def _connection(row: Json) -> ConnectionGene:
    match row:
        case [int(source), int(target), weight, bool(enabled)]:
            return ConnectionGene((_id(source), _id(target)), _number(weight), enabled)
    raise GenomeError(f"{row!r} is not a connection: expected {CONNECTION_COLUMNS}")


def _id(value: int) -> int:
    if isinstance(value, bool):
        raise GenomeError(f"{value} is not an id")
    return value


def _number(value: Json) -> float:
    if type(value) not in (int, float):
        raise GenomeError(f"{value!r} is not a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf
