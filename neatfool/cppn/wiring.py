"""Reads from genomes the nodes that their outputs need, in the order of computation.

The genomes are read into flat arrays and processed together, as Python loops over them would take
longer than rendering the images.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np

from neatfool.cppn.genome.flat import (
    ACTIVATION,
    ACTIVATION_CODES,
    AGGREGATION,
    AGGREGATION_CODES,
    BIAS,
    EDGE,
    ENABLED,
    HEAD,
    KEY,
    NODE,
    RESPONSE,
    SOURCE,
    TARGET,
    WEIGHT,
    join,
)
from neatfool.cppn.genome.genome import flat_of
from neatfool.errors import ExperimentError, nearest

TOO_LONG = "a genome's node has an id of more than 64 bits; use a smaller one"


@dataclass(frozen=True, eq=False)
class Networks:
    """M nodes and E connections of N genomes, genome by genome, in the order of their dicts.

    Each value has a *place*: 0 to I - 1 for the inputs, which the genomes share, I for a constant,
    and then the nodes.
    """

    inputs: int
    """I, the number of inputs."""
    outputs: np.ndarray
    """int [N, O], the place of each output."""
    genome: np.ndarray
    """int [M], the index of each node's genome."""
    node_keys: list[int]
    """The M keys of the nodes."""
    level: np.ndarray
    """int [M], the number of nodes on the longest way to this one, itself included."""
    activation: np.ndarray
    """int [M], its place in ``ACTIVATIONS``."""
    aggregation: np.ndarray
    """int [M], its place in ``AGGREGATIONS``."""
    bias: np.ndarray
    """float64 [M]."""
    response: np.ndarray
    """float64 [M]."""
    connection_keys: list[tuple[int, int]]
    """The E keys of the connections."""
    source: np.ndarray
    """int [E], the place that each connection comes from."""
    sink: np.ndarray
    """int [E], the place that it leads to."""
    weight: np.ndarray
    """float64 [E]."""

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
    try:
        words, bounds = join([flat_of(genome) for genome in genomes])
        begins = bounds[:-1]
        genome, nodes = _rows(words, begins + HEAD, words[begins], NODE)
        keys, first = nodes[:, KEY], len(input_keys) + 1
        middles = begins + HEAD + NODE * words[begins]
        owner, edges = _rows(words, middles, words[begins + 1], EDGE)
        enabled = edges.view(np.float64)[:, ENABLED] != 0.0
        owner, edges = owner[enabled], edges[enabled]
        place = first + np.concatenate([[0], np.cumsum(words[begins])])[owner]
        source, sink = (_places(edges[:, column], place, input_keys) for column in (SOURCE, TARGET))
        outputs = [
            _output_places(key, keys, genome, len(genomes), input_keys) for key in output_keys
        ]
    except KeyError:
        raise ExperimentError(_describe_fault(genomes, input_keys, output_keys)) from None
    except struct.error:
        raise ExperimentError(TOO_LONG) from None
    numbers = nodes.view(np.float64)
    ends = [
        np.where(edges[:, column] < 0, edges[:, column], keys[np.maximum(at - first, 0)]).tolist()
        for column, at in ((SOURCE, source), (TARGET, sink))
    ]
    return Networks(
        inputs=len(input_keys),
        outputs=np.array(outputs, np.int64).reshape(len(output_keys), len(genomes)).T,
        genome=genome,
        node_keys=keys.tolist(),
        level=np.ones(len(nodes), np.int64),
        activation=nodes[:, ACTIVATION],
        aggregation=nodes[:, AGGREGATION],
        bias=numbers[:, BIAS],
        response=numbers[:, RESPONSE],
        connection_keys=list(zip(*ends, strict=True)),
        source=source,
        sink=sink,
        weight=edges.view(np.float64)[:, WEIGHT],
    )


def _rows(
    words: np.ndarray, begins: np.ndarray, counts: np.ndarray, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read the nodes or connections of flat genomes.

    Args:
        words: int64 [W], the genomes, one after another.
        begins: int64 [N], where each genome's first row begins.
        counts: int64 [N], the number of its rows.
        columns: The words of a row.

    Returns:
        The index of each row's genome, and int64 [rows, columns].
    """
    genome = np.repeat(np.arange(len(begins)), counts)
    place = np.arange(len(genome)) - (np.cumsum(counts) - counts)[genome]
    at = begins[genome] + columns * place
    return genome, words[at[:, None] + np.arange(columns)]


def _places(ends: np.ndarray, first: np.ndarray, input_keys: Sequence[int]) -> np.ndarray:
    """Give the places of the ends of connections.

    Args:
        ends: int64 [E], places among the genome's nodes, or keys of inputs.
        first: int64 [E], the place of the genome's first node.
        input_keys: The keys of the inputs.

    Raises:
        KeyError: There is no such input.
    """
    places = np.where(ends < 0, -1, first + ends)
    for place, key in enumerate(input_keys):
        places[ends == key] = place
    if (places < 0).any():
        raise KeyError(int(ends[places < 0][0]))
    return places


def _output_places(
    key: int, keys: np.ndarray, genome: np.ndarray, count: int, input_keys: Sequence[int]
) -> np.ndarray:
    """Give the place of an output in each of ``count`` genomes.

    Raises:
        KeyError: A genome does not have it.
    """
    if key in input_keys:
        return np.full(count, list(input_keys).index(key))
    found = np.flatnonzero(keys == key)
    if not np.array_equal(genome[found], np.arange(count)):
        raise KeyError(key)
    return len(input_keys) + 1 + found


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
