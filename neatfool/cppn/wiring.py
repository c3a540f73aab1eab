"""Reads from genomes the nodes that their outputs need, in the order of computation.

The genomes are read into flat arrays and processed together, as Python loops over them would take
longer than rendering the images.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from itertools import chain, compress
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.aggregations import AGGREGATIONS
from neatfool.errors import ExperimentError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ACTIVATION_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}
AGGREGATION_CODES = {name: code for code, name in enumerate(AGGREGATIONS)}


@dataclass(frozen=True, eq=False)
class Networks:
    """M nodes and E connections of N genomes, genome by genome, in the order of their dicts.

    Each value has a *place*: 0 to I - 1 for the inputs, which the genomes share, I for a constant,
    and then the nodes.

    Attributes:
        inputs: I, the number of inputs.
        outputs: int [N, O], the place of each output.
        genome: int [M], the index of each node's genome.
        node_keys: The M keys of the nodes.
        level: int [M], the number of nodes on the longest way to this one, itself included.
        activation: int [M], its place in ``ACTIVATIONS``.
        aggregation: int [M], its place in ``AGGREGATIONS``.
        bias: float64 [M].
        response: float64 [M].
        connection_keys: The E keys of the connections.
        source: int [E], the place that each connection comes from.
        sink: int [E], the place that it leads to.
        weight: float64 [E].
    """

    inputs: int
    outputs: np.ndarray
    genome: np.ndarray
    node_keys: list[int]
    level: np.ndarray
    activation: np.ndarray
    aggregation: np.ndarray
    bias: np.ndarray
    response: np.ndarray
    connection_keys: list[tuple[int, int]]
    source: np.ndarray
    sink: np.ndarray
    weight: np.ndarray

    @property
    def first(self) -> int:
        """The place of the first node."""
        return self.inputs + 1


def check_compilable(activations: Iterable[str], aggregations: Iterable[str] = ()) -> None:
    """Check the names of activations and aggregations before a run.

    Raises:
        ExperimentError: There is no such function; the message names it and the nearest ones.
    """
    for kind, names, known in (
        ("activation", activations, ACTIVATION_CODES),
        ("aggregation", aggregations, AGGREGATION_CODES),
    ):
        for name in names:
            if name not in known:
                raise ExperimentError(f"unknown {kind} {name!r}{nearest(name, known)}")


def read_networks(
    genomes: Sequence[Any], input_keys: Sequence[int], output_keys: Sequence[int]
) -> Networks:
    """Read the nodes that the outputs of genomes need, and the enabled connections to them.

    Raises:
        ExperimentError: A genome has a cycle, lacks a node, or names an unknown function.
    """
    networks = _prune(_read(genomes, input_keys, output_keys))
    level = _levels(networks)
    if level is None:
        raise ExperimentError(_describe_cycle(genomes, networks))
    return replace(networks, level=level)


def _read(
    genomes: Sequence[Any], input_keys: Sequence[int], output_keys: Sequence[int]
) -> Networks:
    """Read all nodes and the enabled connections."""
    places = _places(genomes, input_keys)
    try:
        outputs = [[place[key] for key in output_keys] for place in places]
        source, sink, weight, connection_keys = _connections(genomes, places)
        nodes = [node for genome in genomes for node in genome.nodes.values()]
        activation = [ACTIVATION_CODES[node.activation] for node in nodes]
        aggregation = [AGGREGATION_CODES[node.aggregation] for node in nodes]
    except KeyError:
        raise ExperimentError(_describe_fault(genomes, input_keys, output_keys)) from None
    return Networks(
        inputs=len(input_keys),
        outputs=flat_array("q", chain(*outputs)).reshape(len(genomes), len(output_keys)),
        genome=np.repeat(np.arange(len(genomes)), [len(genome.nodes) for genome in genomes]),
        node_keys=[key for genome in genomes for key in genome.nodes],
        level=np.ones(len(nodes), np.int64),
        activation=flat_array("q", activation),
        aggregation=flat_array("q", aggregation),
        bias=flat_array("d", [node.bias for node in nodes]),
        response=flat_array("d", [node.response for node in nodes]),
        connection_keys=connection_keys,
        source=flat_array("q", source),
        sink=flat_array("q", sink),
        weight=flat_array("d", weight),
    )


def flat_array(kind: str, numbers: Iterable[Any]) -> np.ndarray:
    """Make an array of Python numbers, several times as fast as numpy does.

    Args:
        kind: ``"q"`` for int64, ``"d"`` for float64, ``"?"`` for bool.
        numbers: The numbers.

    Raises:
        struct.error: A number does not fit.
    """
    given = tuple(numbers)
    return np.frombuffer(bytearray(struct.pack(f"={len(given)}{kind}", *given)), kind)


def _places(genomes: Sequence[Any], input_keys: Sequence[int]) -> list[dict[int, int]]:
    """Give each genome's nodes their places."""
    inputs = {key: place for place, key in enumerate(input_keys)}
    count = len(input_keys) + 1
    places = []
    for genome in genomes:
        place = dict(zip(genome.nodes, range(count, count + len(genome.nodes)), strict=True))
        count += len(place)
        place.update(inputs)
        places.append(place)
    return places


def _connections(
    genomes: Sequence[Any], places: Sequence[Mapping[int, int]]
) -> tuple[list[int], list[int], list[float], list[tuple[int, int]]]:
    """Read the enabled connections: sources, sinks, weights and keys."""
    source: list[int] = []
    sink: list[int] = []
    weight: list[float] = []
    keys: list[tuple[int, int]] = []
    for genome, place in zip(genomes, places, strict=True):
        for key, gene in genome.connections.items():
            if gene.enabled:
                source.append(place[key[0]])
                sink.append(place[key[1]])
                weight.append(gene.weight)
                keys.append(key)
    return source, sink, weight, keys


def _prune(networks: Networks) -> Networks:
    """Drop the nodes and connections that no output needs."""
    first = networks.first
    source, sink = networks.source, networks.sink
    needed = np.zeros(first + len(networks.bias), np.bool_)
    needed[networks.outputs] = True
    while (reached := needed[sink]).any():
        needed[source[reached]] = True
        source, sink = source[~reached], sink[~reached]
    needed[:first] = False
    used, kept = needed[first:], needed[networks.sink]
    place = np.concatenate([np.arange(first), first - 1 + np.cumsum(used)])
    return replace(
        networks,
        outputs=place[networks.outputs],
        genome=networks.genome[used],
        node_keys=list(compress(networks.node_keys, used)),
        level=networks.level[used],
        activation=networks.activation[used],
        aggregation=networks.aggregation[used],
        bias=networks.bias[used],
        response=networks.response[used],
        connection_keys=list(compress(networks.connection_keys, kept)),
        source=place[networks.source[kept]],
        sink=place[networks.sink[kept]],
        weight=networks.weight[kept],
    )


def _levels(networks: Networks) -> np.ndarray | None:
    """Find each node's level, or None if there is a cycle."""
    level = np.ones(len(networks.bias), np.int64)
    source, sink = _between_nodes(networks)
    if not len(sink):
        return level
    order = np.argsort(sink, kind="stable")
    source, sink = source[order], sink[order]
    starts = np.flatnonzero(np.diff(sink, prepend=-1))
    sink = sink[starts]
    for _ in range(int(np.max(np.bincount(networks.genome)))):
        deeper = np.maximum.reduceat(level[source], starts) + 1
        if np.array_equal(deeper, level[sink]):
            return level
        level[sink] = deeper
    return None


def _between_nodes(networks: Networks) -> tuple[np.ndarray, np.ndarray]:
    """Give the sources and sinks, as indices of nodes, of connections that leave nodes."""
    between = networks.source >= networks.first
    return networks.source[between] - networks.first, networks.sink[between] - networks.first


def _describe_cycle(genomes: Sequence[Any], networks: Networks) -> str:
    """Describe a cycle, knowing that there is one."""
    source, sink = _between_nodes(networks)
    while not (fed := np.isin(source, sink)).all():
        source, sink = source[fed], sink[fed]
    before = dict(zip(sink.tolist(), source.tolist(), strict=True))
    way = [next(iter(before))]
    while (node := before[way[-1]]) not in way:
        way.append(node)
    cycle = [*way[way.index(node) :], node][::-1]
    keys = " -> ".join(str(networks.node_keys[node]) for node in cycle)
    return (
        f"{_name(genomes, int(networks.genome[node]))}: nodes {keys} are a cycle; "
        "only feed-forward genomes can be rendered (feed_forward = True)"
    )


def _describe_fault(
    genomes: Sequence[Any], input_keys: Sequence[int], output_keys: Sequence[int]
) -> str:
    """Say what is wrong with the first genome that cannot be read."""
    for index, genome in enumerate(genomes):
        known = {*genome.nodes, *input_keys}
        for key in output_keys:
            if key not in known:
                return f"{_name(genomes, index)}: there is no output node {key}"
        for key, gene in genome.connections.items():
            if gene.enabled and not known.issuperset(key):
                return f"{_name(genomes, index)}: connection {key} joins a node that is not there"
        for key, node in genome.nodes.items():
            try:
                check_compilable([node.activation], [node.aggregation])
            except ExperimentError as error:
                return f"{_name(genomes, index)}, node {key}: {error}"
    return "no genome is at fault"


def _name(genomes: Sequence[Any], index: int) -> str:
    return f"genome {getattr(genomes[index], 'key', index)}"
