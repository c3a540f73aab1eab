"""A genome that compiled code changes in place, and what finds its way in it.

Compiled code has no dicts, and allocates nothing. So the genes of a child stand in arrays that have
room for more, as records with the fields of :data:`~neatfool.cppn.genome.genes.NODE` and
:data:`~neatfool.cppn.genome.genes.CONNECTION`.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.genome.genes import (
    CONNECTION,
    CONNECTION_WORDS,
    HEAD,
    NODE,
    NODE_WORDS,
    record_of,
)
from neatfool.cppn.jit import inner

SIZE: Final = record_of(inputs=np.int64, outputs=np.int64, nodes=np.int64, connections=np.int64)


class GenomeBuffer(NamedTuple):
    """A genome in the making, with room to grow, and scratch.

    Only the first ``size.nodes`` nodes and ``size.connections`` connections are the genome's.
    """

    size: Any  # how many ``inputs``, ``outputs``, ``nodes`` and ``connections`` there are
    nodes: Array  # NODE [≥ nodes]
    connections: Array  # CONNECTION [≥ connections]
    scratch: Array  # int64 [5, S]: S is more than the nodes, and more than the connections
    rolls: Array  # float64 [S], scratch


Parent = tuple[Array, Array]
"""The nodes and the connections of a genome that does not change."""


def make_buffer(inputs: int, outputs: int, nodes: int, connections: int) -> GenomeBuffer:
    """Make a buffer with room for so many nodes and connections."""
    size = max(nodes, connections) + 2
    return GenomeBuffer(
        np.array([(inputs, outputs, 0, 0)], SIZE)[0],
        np.empty(nodes, NODE),
        np.empty(connections, CONNECTION),
        np.empty((5, size), np.int64),
        np.empty(size),
    )


@inner
def view_genome(words: Array, start: int) -> Parent:
    """Give the genes of a flat genome that begins at a word."""
    middle = start + HEAD + NODE_WORDS * words[start]
    end = middle + CONNECTION_WORDS * words[start + 1]
    return words[start + HEAD : middle].view(NODE), words[middle:end].view(CONNECTION)


@inner
def copy_genome(parent: Parent, genome: GenomeBuffer) -> None:
    """Begin with a copy of a genome."""
    nodes, connections = parent
    genome.size.nodes, genome.size.connections = len(nodes), len(connections)
    for place in range(len(nodes)):
        genome.nodes[place] = nodes[place]
    for place in range(len(connections)):
        genome.connections[place] = connections[place]


@inner
def write_genome(genome: GenomeBuffer, start: int, words: Array) -> int:
    """Write a flat genome that begins at a word; give where it ends."""
    words[start], words[start + 1] = genome.size.nodes, genome.size.connections
    nodes, connections = view_genome(words, start)
    for place in range(len(nodes)):
        nodes[place] = genome.nodes[place]
    for place in range(len(connections)):
        connections[place] = genome.connections[place]
    return start + HEAD + NODE_WORDS * len(nodes) + CONNECTION_WORDS * len(connections)


@inner
def append_connection(
    genome: GenomeBuffer, source: int, target: int, weight: float, enabled: float
) -> None:
    """Append a connection between two places."""
    new = genome.connections[genome.size.connections]
    new.source, new.target, new.weight, new.enabled = source, target, weight, enabled
    genome.size.connections += 1


@inner
def remove_connection(genome: GenomeBuffer, gone: int) -> None:
    """Remove the connection at a place; the later ones move up."""
    genome.size.connections -= 1
    for place in range(gone, genome.size.connections):
        genome.connections[place] = genome.connections[place + 1]


@inner
def find_connection(genome: GenomeBuffer, source: int, target: int) -> int:
    """Give the place of a connection; -1 if it is not there."""
    for place in range(genome.size.connections):
        connection = genome.connections[place]
        if connection.source == source and connection.target == target:
            return place
    return -1


@inner
def list_hidden(genome: GenomeBuffer) -> int:
    """Put the places of the nodes that are no outputs into the first row of scratch; count them."""
    found = 0
    for node in range(genome.size.nodes):
        if genome.nodes[node].key >= genome.size.outputs:
            genome.scratch[0, found] = node
            found += 1
    return found


@inner
def sort_connections(ends: Array, nodes: int, starts: Array, order: Array) -> None:
    """Sort connections by the node at one of their ends, if it is no input.

    ``starts`` receives where the connections of each node begin in ``order``, which receives the
    connections' places.
    """
    for node in range(nodes + 1):
        starts[node] = 0
    for place in range(len(ends)):
        if ends[place] >= 0:
            starts[ends[place]] += 1
    total = 0
    for node in range(nodes + 1):
        total += starts[node]
        starts[node] = total
    for place in range(len(ends) - 1, -1, -1):
        if ends[place] >= 0:
            starts[ends[place]] -= 1
            order[starts[ends[place]]] = place


@inner
def closes_cycle(genome: GenomeBuffer, source: int, target: int) -> bool:
    """Tell whether a new connection would close a cycle with others, which have none."""
    if source == target:
        return True
    if source < 0:
        return False
    starts, order = genome.scratch[1], genome.scratch[2]
    visited, to_visit = genome.scratch[3], genome.scratch[4]
    sources = genome.connections["source"][: genome.size.connections]
    sort_connections(sources, genome.size.nodes, starts, order)
    for node in range(genome.size.nodes):
        visited[node] = 0
    to_visit[0], waiting = target, 1
    while waiting:
        waiting -= 1
        node = to_visit[waiting]
        for place in range(starts[node], starts[node + 1]):
            following = genome.connections[order[place]].target
            if following == source:
                return True
            if following >= 0 and not visited[following]:
                visited[following] = 1
                to_visit[waiting] = following
                waiting += 1
    return False


class Batch(NamedTuple):
    """Litters, and room for their children."""

    words: Array  # int64 [W], flat genomes, one after another
    parent_groups: Array  # int64 [N, 2], the words where the parents begin; -1 for none
    seeds: Array  # uint64 [N]
    bounds: Array  # int64 [N + 1]; receives the words where the children begin and end
    written: Array  # int64 [≥ all children]; receives the children
    random: Array  # uint64 [1], the stream of a child


@inner
def parent_of(batch: Batch, child: int, place: int) -> Parent:
    """Give a child's first or second parent, which must be there."""
    return view_genome(batch.words, batch.parent_groups[child, place])


@inner
def write_child(batch: Batch, child: int, genome: GenomeBuffer) -> None:
    """Write a child after those before it."""
    batch.bounds[child + 1] = write_genome(genome, batch.bounds[child], batch.written)


@inner
def is_copy(batch: Batch, child: int) -> bool:
    """Tell whether a child is the same as its first parent."""
    start, first, length = batch.bounds[child], batch.parent_groups[child, 0], 0
    end = batch.bounds[child + 1] - start
    # The first words say how long a genome is.
    while length < end and batch.written[start + length] == batch.words[first + length]:
        length += 1
    return bool(length == end)
