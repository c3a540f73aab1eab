"""Crossover of two genomes, in compiled code: neat-python's, and grafts.

:func:`cross` matches genes, as in NEAT. :func:`graft` is crossover by outputs: one output of a CPPN
draws a picture by itself, the hue or the brightness. A child takes all nodes of one output from
another CPPN, and the rest from its parent.
"""

from typing import Any, Final

from numpy import ndarray as Array

from neatfool.cppn.buffer import (
    Batch,
    GenomeBuffer,
    Parent,
    append_connection,
    copy_genome,
    parent_of,
    sort_connections,
    write_child,
)
from neatfool.cppn.genome.genes import GRAFT
from neatfool.cppn.jit import inner, outer
from neatfool.cppn.mutation import mutate_as_neat, mutate_refined
from neatfool.cppn.rng import draw, draw_place, new_id

DISABLED_STAYS: Final = 0.75
"""The probability that a connection disabled in a parent stays so (Stanley & Miikkulainen 2002)."""


@outer
def vary_as_neat(batch: Batch, table: Array, genome: GenomeBuffer) -> None:
    """Make a child of each group of parents by neat-python's crossover and mutation."""
    stream = batch.random
    for child in range(len(batch.parent_groups)):
        stream[0] = batch.seeds[child]
        copy_genome(parent_of(batch, child, 0), genome)
        if batch.parent_groups[child, 1] >= 0:
            cross(genome, parent_of(batch, child, 1), stream)
        mutate_as_neat(genome, table[0], stream)
        write_child(batch, child, genome)


@outer
def vary_with_grafts(
    batch: Batch,
    table: Array,
    lowest: int,
    strength: float,
    spread: float,
    copies: int,
    grafted: float,
    genome: GenomeBuffer,
) -> None:
    """Make a child of each group of parents by a graft, with a probability, and by mutation.

    The mutation is that of :func:`~neatfool.cppn.mutation.mutate_refined`.
    """
    stream = batch.random
    for child in range(len(batch.parent_groups)):
        stream[0] = batch.seeds[child]
        first, most = parent_of(batch, child, 0), copies
        if draw(stream) < grafted and batch.parent_groups[child, 1] >= 0:
            parent, donor, most = first, parent_of(batch, child, 1), -1
            if draw(stream) >= 0.5:
                parent, donor = donor, parent
            graft(parent, donor, draw_place(genome.size.outputs, stream), genome)
        mutate_refined(batch, child, first, table, lowest, strength, spread, most, genome)


@inner
def cross(genome: GenomeBuffer, other: Parent, random: Array) -> None:
    """Cross a copy of the fitter parent with the other.

    A gene that both have takes each attribute from either; other genes are the fitter's.
    """
    nodes, connections = other
    starts, order, matches = genome.scratch[0], genome.scratch[1], genome.scratch[2]
    sort_connections(connections["target"], len(nodes), starts, order)
    _match_nodes(genome, nodes, matches)
    for place in range(genome.size.connections):
        mine = genome.connections[place]
        source = matches[mine.source] if mine.source >= 0 else mine.source
        node = matches[mine.target]
        if node < 0 or (source < 0 and mine.source >= 0):
            continue
        for match in order[starts[node] : starts[node + 1]]:
            if connections[match].source == source:
                _cross_connection(mine, connections[match], random)
                break
    for node in range(genome.size.nodes):
        if matches[node] >= 0:
            _cross_node(genome.nodes[node], nodes[matches[node]], random)


@inner
def _match_nodes(genome: GenomeBuffer, nodes: Array, matches: Array) -> None:
    """Find the place of each node in the other parent; -1 if it is not there."""
    # Relatives have most nodes in the same order, so the next one is looked at first.
    following, count = 0, len(nodes)
    for node in range(genome.size.nodes):
        matches[node] = -1
        for step in range(count):
            place = following + step
            place = place - count if place >= count else place
            if nodes[place].key == genome.nodes[node].key:
                matches[node], following = place, place + 1
                break


@inner
def _cross_node(mine: Any, yours: Any, random: Array) -> None:
    """Let a node take attributes of the same node of the other parent: a bit says so for each.

    The other two bits are those of neat-python's attributes that all nodes have in common.
    """
    bits = int(32.0 * draw(random))
    if bits & 1:
        mine.activation = yours.activation
    if bits & 4:
        mine.bias = yours.bias
    if bits & 8:
        mine.response = yours.response


@inner
def _cross_connection(mine: Any, yours: Any, random: Array) -> None:
    """Let a connection take attributes of the same connection of the other parent."""
    if mine.enabled and yours.enabled:
        if draw(random) < 0.5:
            mine.weight = yours.weight
        return
    weight = mine.weight if draw(random) < 0.5 else yours.weight
    enabled = mine.enabled if draw(random) < 0.5 else yours.enabled
    mine.weight = weight
    mine.enabled = 1.0 if enabled and draw(random) >= DISABLED_STAYS else 0.0


@inner
def graft(parent: Parent, donor: Parent, output: int, genome: GenomeBuffer) -> None:
    """Write a CPPN whose output of a key is replaced by the donor's, and what leads only there.

    The donor's hidden nodes get new ids, as their own may be taken.
    """
    nodes, connections = parent
    _, donated = donor
    kept, taken = genome.scratch[3], genome.scratch[4]
    _mark(parent, output, False, genome, kept)
    _mark(donor, output, True, genome, taken)
    _write_nodes(parent, donor, output, genome)
    genome.size.connections = 0
    for place in range(len(connections)):
        target = connections[place].target
        if target >= 0 and kept[target] >= 0 and nodes[target].key != output:
            _append_moved(connections[place], kept, genome)
    for place in range(len(donated)):
        target = donated[place].target
        if target >= 0 and taken[target] >= 0:
            _append_moved(donated[place], taken, genome)


@inner
def _append_moved(connection: Any, places: Array, genome: GenomeBuffer) -> None:
    """Append a copy of a connection between nodes that have new places."""
    source = places[connection.source] if connection.source >= 0 else connection.source
    target = places[connection.target]
    append_connection(genome, source, target, connection.weight, connection.enabled)


@inner
def _mark(parent: Parent, output: int, of_output: bool, genome: GenomeBuffer, marks: Array) -> None:
    """Mark the nodes that lead to one output, or to any other: 0 for these, -1 for others."""
    nodes, connections = parent
    starts, order, to_visit = genome.scratch[0], genome.scratch[1], genome.scratch[2]
    sort_connections(connections["target"], len(nodes), starts, order)
    waiting = 0
    for node in range(len(nodes)):
        key = nodes[node].key
        marks[node] = -1
        if 0 <= key < genome.size.outputs and (key == output) == of_output:
            marks[node] = 0
            to_visit[waiting] = node
            waiting += 1
    while waiting:
        waiting -= 1
        node = to_visit[waiting]
        if not of_output and nodes[node].key == output:
            continue
        for place in order[starts[node] : starts[node + 1]]:
            source = connections[place].source
            if source >= 0 and marks[source] < 0:
                marks[source] = 0
                to_visit[waiting] = source
                waiting += 1


@inner
def _write_nodes(parent: Parent, donor: Parent, output: int, genome: GenomeBuffer) -> None:
    """Write the nodes, those of the parent's keys in its order, and replace marks by places."""
    nodes, _ = parent
    donors, _ = donor
    kept, taken = genome.scratch[3], genome.scratch[4]
    ids, begun = genome.scratch[0], genome.scratch[1]
    for node in range(len(donors)):
        if taken[node] >= 0:
            ids[node] = _name(nodes, donors, node, output, genome)
            begun[node] = 0
    genome.size.nodes = 0
    for node in range(len(nodes)):
        key = nodes[node].key
        if key != output and kept[node] >= 0:
            genome.nodes[genome.size.nodes] = nodes[node]
            kept[node] = genome.size.nodes
            genome.size.nodes += 1
            continue
        for other in range(len(donors)):
            if taken[other] >= 0 and ids[other] == key:
                if key == output:
                    kept[node] = genome.size.nodes
                _append_donated(donors, other, genome)
                break
    for last in range(2):  # the output comes after the hidden nodes
        for other in range(len(donors)):
            is_output = donors[other].key == output
            if taken[other] >= 0 and not begun[other] and is_output == bool(last):
                _append_donated(donors, other, genome)


@inner
def _name(nodes: Array, donors: Array, node: int, output: int, genome: GenomeBuffer) -> int:
    """Give the id of a donor's node: the output's own, for others the first that is not taken."""
    kept, taken = genome.scratch[3], genome.scratch[4]
    key, ids, again = donors[node].key, genome.scratch[0], 0
    if key == output:
        return output
    while True:
        named, is_free = new_id(GRAFT, key, 0, again), True
        for other in range(len(nodes)):
            if nodes[other].key == named and kept[other] >= 0:
                is_free = False
        for other in range(node):
            if taken[other] >= 0 and ids[other] == named:
                is_free = False
        if is_free:
            return named
        again += 1


@inner
def _append_donated(donors: Array, node: int, genome: GenomeBuffer) -> None:
    """Append a donor's node by its new id, note its place and that it is there."""
    taken, ids, begun = genome.scratch[4], genome.scratch[0], genome.scratch[1]
    place = genome.size.nodes
    genome.nodes[place] = donors[node]
    genome.nodes[place].key = ids[node]
    taken[node], begun[node] = place, 1
    genome.size.nodes = place + 1
