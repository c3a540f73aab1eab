"""Genomes as flat bytes, which compiled code reads and writes.

A flat genome is a sequence of 8-byte words, in the byte order of the machine. It lives in memory,
and on its way to another process; on disk a genome is JSON
(:mod:`neatfool.cppn.genome.serial`)::

    [nodes, connections]
    [key, activation, aggregation, bias, response, time_constant] for each node
    [source, target, weight, enabled] for each connection

The functions are places in ``ACTIVATIONS`` and ``AGGREGATIONS``. A connection names a node by its
place among the genome's nodes, and an input by its (negative) key. Attributes that are numbers or
truth values are float64, all others int64.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.aggregations import AGGREGATIONS
from neatfool.cppn.genome.genes import ConnectionGene, Edge, NodeGene
from neatfool.cppn.genome.presets import PAPER_ACTIVATIONS

NodeRow = tuple[int, str, str, float, float, float]
ConnectionRow = tuple[int, int, float, bool]

ACTIVATION_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}
AGGREGATION_CODES = {name: code for code, name in enumerate(AGGREGATIONS)}
COMMON: Final = tuple(ACTIVATION_CODES[name] for name in PAPER_ACTIVATIONS)
"""The activations for which drawing is compiled first; the others only if a genome has them."""
_ACTIVATIONS = tuple(ACTIVATIONS)
_AGGREGATIONS = tuple(AGGREGATIONS)

HEAD: Final = 2
"""The words before the first node."""
# The words of a node and of a connection, and how many they are.
KEY, ACTIVATION, AGGREGATION, BIAS, RESPONSE, TIME_CONSTANT, NODE = range(7)
SOURCE, TARGET, WEIGHT, ENABLED, EDGE = range(5)
FORM: Final = struct.pack(
    "=q", zlib.crc32(repr((1, NODE, EDGE, _ACTIVATIONS, _AGGREGATIONS)).encode())
)
"""The word that another process reads first. If it has other functions, another layout or another
byte order, it finds another word. The 1 counts the changes of the layout."""
MISSING: Final = -(1 << 62)
"""Stands for a node that is not there. Only a connection that is not enabled may lead to it."""


def pack(nodes: Mapping[int, Any], connections: Mapping[Edge, Any]) -> bytes:
    """Make a flat genome of genes.

    Args:
        nodes: Genes with the attributes of :class:`~neatfool.cppn.NodeGene`, by key.
        connections: Genes with those of :class:`~neatfool.cppn.ConnectionGene`, by key.

    Raises:
        KeyError: An enabled connection joins a missing node, or a function is unknown.
        struct.error: A key does not fit 64 bits, or an attribute is no number.
    """
    places = {key: place for place, key in enumerate(nodes)}
    words: list[Any] = [len(nodes), len(connections)]
    for key, node in nodes.items():
        words += (
            key,
            ACTIVATION_CODES[node.activation],
            AGGREGATION_CODES[node.aggregation],
            node.bias,
            node.response,
            getattr(node, "time_constant", 1.0),
        )
    for edge, gene in connections.items():
        for key in edge:
            place = places.get(key, key)
            if key >= 0 and key not in places:
                if gene.enabled:
                    raise KeyError(key)
                place = MISSING
            words.append(place)
        words += gene.weight, bool(gene.enabled)
    return struct.pack(f"=2q{'3q3d' * len(nodes)}{'2q2d' * len(connections)}", *words)


def unpack(flat: bytes) -> tuple[dict[int, NodeGene], dict[Edge, ConnectionGene]]:
    """Make the genes of a flat genome, by key and in order."""
    nodes, connections = read_rows(flat)
    return (
        {row[0]: NodeGene(*row) for row in nodes},
        {
            (source, target): ConnectionGene((source, target), weight, enabled)
            for source, target, weight, enabled in connections
        },
    )


def read_rows(flat: bytes) -> tuple[list[NodeRow], list[ConnectionRow]]:
    """Read a flat genome as the rows of the stored text: nodes and connections, with keys."""
    nodes, node_numbers, edges, edge_numbers = divide(flat)
    keys = nodes[:, KEY].tolist()
    rows = zip(
        keys,
        [_ACTIVATIONS[code] for code in nodes[:, ACTIVATION].tolist()],
        [_AGGREGATIONS[code] for code in nodes[:, AGGREGATION].tolist()],
        *node_numbers[:, BIAS:].T.tolist(),
        strict=True,
    )
    ends = [
        [place if place < 0 else keys[place] for place in edges[:, column].tolist()]
        for column in (SOURCE, TARGET)
    ]
    weights, enabled = edge_numbers[:, WEIGHT].tolist(), (edge_numbers[:, ENABLED] != 0.0).tolist()
    return list(rows), list(zip(*ends, weights, enabled, strict=True))


def divide(flat: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give views of a flat genome.

    Returns:
        The nodes as int64 and as float64 [nodes, NODE], and the connections likewise
        [connections, EDGE].
    """
    words = np.frombuffer(flat, np.int64)
    end = HEAD + NODE * int(words[0])
    nodes, edges = words[HEAD:end].reshape(-1, NODE), words[end:].reshape(-1, EDGE)
    return nodes, nodes.view(np.float64), edges, edges.view(np.float64)


def size_of(flat: bytes) -> tuple[int, int]:
    """Count the nodes and the enabled connections of a flat genome."""
    nodes, _, _, edges = divide(flat)
    return len(nodes), int(np.count_nonzero(edges[:, ENABLED]))


def join(flats: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Put flat genomes one after another.

    Returns:
        int64 [W], all their words, and int64 [N + 1], where each begins and ends.
    """
    bounds = np.zeros(len(flats) + 1, np.int64)
    np.cumsum([len(flat) // 8 for flat in flats], out=bounds[1:])
    return np.frombuffer(bytearray().join(flats), np.int64), bounds
