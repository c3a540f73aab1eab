"""The genes of a CPPN, with markings that follow from content; and genomes as flat bytes.

neat-python counts nodes and innovations. So a number depends on the order of breeding, and two
genomes that split the same connection get two node ids. Here an innovation number is a hash of the
connection, and a new node's id is a hash of the connection that it splits. So equal mutations have
equal markings in any process, and there is no counter to store.

A flat genome is a sequence of 8-byte words, in the byte order of the machine, which compiled code
reads and writes as records: how many nodes and connections there are (:data:`HEAD` words), then a
:data:`NODE` for each node and a :data:`CONNECTION` for each connection. It lives in memory, and on
its way to another process; on disk a genome is JSON (:mod:`neatfool.cppn.genome.serial`).
"""

import struct
import zlib
from collections.abc import Container, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from neat.attributes import BoolAttribute, FloatAttribute
from neat.genes import BaseGene, DefaultConnectionGene, DefaultNodeGene

from neatfool.cppn.activations import BUILT_IN, BY_CODE, CODES, PAPER_ACTIVATIONS

Edge = tuple[int, int]
"""The key of a connection: the node it comes from (an input if negative) and the one it goes to."""

INPUTS: Final[Mapping[int, str]] = {-1: "x", -2: "y", -3: "d", -4: "1"}
"""The inputs by their keys: column, row, distance from the centre, and one."""

# The kinds of markings.
INITIAL: Final = 0
SPLIT: Final = 1
GRAFT: Final = 2
LINK: Final = 3
PICBREEDER: Final = 4

STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_FACTOR: Final = np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
SPARE_BITS: Final = np.uint64(12)
"""The bits of a hash that a marking leaves out, so that a double holds it exactly."""


def scramble(words: tuple[Any, ...]) -> Any:
    """Hash words, uint64 or arrays of it, by SplitMix64; of a single seed, it is the first output.

    Breeding compiles this function. Here it runs as it is.
    """
    hashed = np.uint64(0)
    for word in words:
        hashed = hashed + word + STEP
        hashed = (hashed ^ (hashed >> _30)) * _FIRST_FACTOR
        hashed = (hashed ^ (hashed >> _27)) * _SECOND_FACTOR
        hashed = hashed ^ (hashed >> _31)
    return hashed


@lru_cache(maxsize=1 << 16)
@np.errstate(over="ignore")
def marking(kind: int, first: int = 0, second: int = 0, again: int = 0) -> int:
    """Make a marking from a kind and numbers: an integer in [0, 2**52), equal on every machine."""
    words = tuple(np.uint64(number % 2**64) for number in (kind, first, second, again))
    return int(scramble(words) >> SPARE_BITS)


def first_free(kind: int, first: int = 0, second: int = 0, *, taken: Container[int]) -> int:
    """Give the first of the ids of a kind and numbers that is not taken.

    So all genomes that split a connection for the first time get the same id, and so on.
    """
    again = 0
    while (key := marking(kind, first, second, again)) in taken:
        again += 1
    return key


class PolynomialFloat(FloatAttribute):  # type: ignore[misc]
    """A float with the index eta of polynomial mutation."""

    _config_items = {**FloatAttribute._config_items, "mutate_eta": [float, 15.0]}  # noqa: RUF012


class NodeGene(DefaultNodeGene):  # type: ignore[misc]
    """A hidden or output node: ``activation(bias + response * sum(inputs))``.

    Attributes:
        key: Its id; outputs have 0, 1, …
        activation: The name of the activation.
        aggregation: neat-python's; always ``sum``.
        bias: The number added to the sum.
        response: The factor of the sum.
        time_constant: neat-python's; no image needs it.
    """

    def __init__(
        self,
        key: int,
        activation: str = "",
        aggregation: str = "sum",
        bias: float = 0.0,
        response: float = 1.0,
        time_constant: float = 1.0,
    ) -> None:
        self.key = key
        self.activation, self.aggregation = activation, aggregation
        self.bias, self.response, self.time_constant = bias, response, time_constant


class ConnectionGene(BaseGene):  # type: ignore[misc]
    """A connection.

    Attributes:
        key: The nodes that it joins.
        weight: The factor of its input.
        enabled: Whether it counts.
    """

    _gene_attributes = [PolynomialFloat("weight"), BoolAttribute("enabled")]  # noqa: RUF012
    distance = DefaultConnectionGene.distance

    def __init__(
        self, key: Edge, weight: float = 0.0, enabled: bool = True, *, innovation: int | None = None
    ) -> None:
        """Make a connection, and ignore its innovation, which follows from the key."""
        self.key, self.weight, self.enabled = key, weight, enabled

    @property
    def innovation(self) -> int:
        """The historical marking."""
        return marking(LINK, *self.key)


NodeRow = tuple[int, str, str, float, float, float]
ConnectionRow = tuple[int, int, float, bool]

MOST_OPTIONS: Final = 256
"""The most names in ``activation_options``, some of them repeated."""
COMMON: Final = tuple(CODES[name] for name in PAPER_ACTIVATIONS)
"""The activations for which drawing is compiled first; the others only if a genome has them."""

HEAD: Final = 2
"""The words before the first node: the numbers of nodes and of connections."""


def record_of(**fields: Any) -> np.dtype[Any]:
    """Give the type of a record, whose fields numba and numpy read as attributes."""
    return np.dtype((np.record, [*fields.items()]))


NODE: Final = record_of(key=np.int64, activation=np.int64, bias=float, response=float)
"""A node of a flat genome: the attributes of :class:`NodeGene` that differ between nodes. Its
activation is a number of ``neatfool.cppn.activations.CODES``."""
CONNECTION: Final = record_of(source=np.int64, target=np.int64, weight=float, enabled=float)
"""A connection of a flat genome; ``enabled`` is 0 or 1. It names a node by its place among the
genome's nodes, and an input by its (negative) key."""
NODE_WORDS: Final = NODE.itemsize // 8
CONNECTION_WORDS: Final = CONNECTION.itemsize // 8
FORM: Final = struct.pack("=q", zlib.crc32(repr((2, NODE, CONNECTION, BUILT_IN)).encode()))
"""The word that another process reads first. If it has other functions, another layout or another
byte order, it finds another word. The 2 counts the layouts."""
MISSING: Final = -(1 << 62)
"""Stands for a node that is not there. Only a connection that is not enabled may lead to it."""


def pack(nodes: Mapping[int, Any], connections: Mapping[Edge, Any]) -> bytes:
    """Make a flat genome of genes of neat-python's kind; KeyError or struct.error if it is none."""
    places = {key: place for place, key in enumerate(nodes)}
    words: list[Any] = [len(nodes), len(connections)]
    for key, node in nodes.items():
        if node.aggregation != "sum":
            raise KeyError(node.aggregation)
        words += key, CODES[node.activation], node.bias, node.response
    for edge, gene in connections.items():
        for key in edge:
            place = places.get(key, key)
            if key >= 0 and key not in places:
                if gene.enabled:
                    raise KeyError(key)
                place = MISSING
            words.append(place)
        words += gene.weight, bool(gene.enabled)
    return struct.pack(f"=2q{'2q2d' * len(nodes)}{'2q2d' * len(connections)}", *words)


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
    nodes, connections = divide(flat)
    keys = nodes["key"].tolist()
    rows = zip(
        keys,
        [BY_CODE[code].name for code in nodes["activation"].tolist()],
        ["sum"] * len(nodes),
        nodes["bias"].tolist(),
        nodes["response"].tolist(),
        [1.0] * len(nodes),
        strict=True,
    )
    ends = [
        [place if place < 0 else keys[place] for place in connections[end].tolist()]
        for end in ("source", "target")
    ]
    enabled = (connections["enabled"] != 0.0).tolist()
    return list(rows), list(zip(*ends, connections["weight"].tolist(), enabled, strict=True))


def divide(flat: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Give the nodes of a flat genome, :data:`NODE` [n], and the connections."""
    words = np.frombuffer(flat, np.int64)
    end = HEAD + NODE_WORDS * int(words[0])
    return words[HEAD:end].view(NODE), words[end:].view(CONNECTION)


def read_field(record: Any, words: np.ndarray, places: np.ndarray, name: str) -> np.ndarray:
    """Read a field of the records that begin at some places among words."""
    kind, offset = record.fields[name]
    found: np.ndarray = words[places + offset // 8].view(kind)
    return found


def join(flats: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Give all words of flat genomes, int64 [W], and where each begins and ends, int64 [N + 1]."""
    bounds = np.zeros(len(flats) + 1, np.int64)
    np.cumsum([len(flat) // 8 for flat in flats], out=bounds[1:])
    return np.frombuffer(bytearray().join(flats), np.int64), bounds
