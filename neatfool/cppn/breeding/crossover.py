"""Grafting, in compiled code: crossover of two CPPNs by outputs.

One output of a CPPN draws a picture by itself: the hue, or the brightness. A child takes all nodes
of one output from another CPPN, and the rest from its parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from numpy import ndarray as Array

from neatfool.cppn.breeding.attributes import Draft
from neatfool.cppn.breeding.chance import draw, new_id
from neatfool.cppn.breeding.draft import copy_rows, sort_edges
from neatfool.cppn.compiling import inner
from neatfool.cppn.genome import flat
from neatfool.cppn.genome.genes import GRAFT

if TYPE_CHECKING:
    from neatfool.cppn.breeding.draft import Parent


@inner
def graft(genome: Parent, donor: Parent, output: int, outputs: int, draft: Draft) -> None:
    """Write a CPPN whose output of a key is replaced by the donor's.

    The hidden nodes that led only to the old output are left out. The donor's hidden nodes get new
    ids, as their own may be taken.
    """
    nodes, _, edges, _ = genome
    _, _, donor_edges, _ = donor
    kept, taken = draft.scratch[3], draft.scratch[4]
    _mark(genome, output, outputs, False, draft, kept)
    _mark(donor, output, outputs, True, draft, taken)
    _write_nodes(genome, donor, output, draft)
    count = 0
    for edge in range(len(edges)):
        target = edges[edge, flat.TARGET]
        if target >= 0 and kept[target] >= 0 and nodes[target, flat.KEY] != output:
            _write_edge(edges, edge, kept, draft, count)
            count += 1
    for edge in range(len(donor_edges)):
        target = donor_edges[edge, flat.TARGET]
        if target >= 0 and taken[target] >= 0:
            _write_edge(donor_edges, edge, taken, draft, count)
            count += 1
    draft.counts[1] = count


@inner
def _write_edge(edges: Array, edge: int, places: Array, draft: Draft, count: int) -> None:
    """Copy a connection between nodes that have new places."""
    for column in range(flat.EDGE):
        draft.edges[count, column] = edges[edge, column]
    for column in (flat.SOURCE, flat.TARGET):
        if edges[edge, column] >= 0:
            draft.edges[count, column] = places[edges[edge, column]]


@inner
def _mark(
    genome: Parent, output: int, outputs: int, of_output: bool, draft: Draft, marks: Array
) -> None:
    """Mark the nodes that lead to one output, or to any other: 0 for these, -1 for others."""
    nodes, _, edges, _ = genome
    starts, order, to_visit = draft.scratch[0], draft.scratch[1], draft.scratch[2]
    sort_edges(edges, len(nodes), flat.TARGET, starts, order)
    waiting = 0
    for node in range(len(nodes)):
        key = nodes[node, flat.KEY]
        marks[node] = -1
        if 0 <= key < outputs and (key == output) == of_output:
            marks[node] = 0
            to_visit[waiting] = node
            waiting += 1
    while waiting:
        waiting -= 1
        node = to_visit[waiting]
        if not of_output and nodes[node, flat.KEY] == output:
            continue
        for place in range(starts[node], starts[node + 1]):
            source = edges[order[place], flat.SOURCE]
            if source >= 0 and marks[source] < 0:
                marks[source] = 0
                to_visit[waiting] = source
                waiting += 1


@inner
def _write_nodes(genome: Parent, donor: Parent, output: int, draft: Draft) -> None:
    """Write the nodes, those of the genome's keys in its order, and replace marks by places.

    A new id may be that of a node which is left out; then the new node takes its place.
    """
    nodes, _, _, _ = genome
    donors, _, _, _ = donor
    kept, taken = draft.scratch[3], draft.scratch[4]
    ids, begun = draft.scratch[0], draft.scratch[1]
    for node in range(len(donors)):
        if taken[node] >= 0:
            ids[node] = _name(nodes, donors, node, output, draft)
            begun[node] = 0
    count = 0
    for node in range(len(nodes)):
        key = nodes[node, flat.KEY]
        if key != output and kept[node] >= 0:
            copy_rows(nodes[node : node + 1], draft.nodes[count:])
            kept[node] = count
            count += 1
            continue
        for other in range(len(donors)):
            if taken[other] >= 0 and ids[other] == key:
                _write_donor(donors, other, ids, draft, count)
                taken[other], begun[other] = count, 1
                if key == output:
                    kept[node] = count
                count += 1
                break
    for last in range(2):  # the output comes after the hidden nodes
        for other in range(len(donors)):
            is_output = donors[other, flat.KEY] == output
            if taken[other] >= 0 and not begun[other] and is_output == bool(last):
                _write_donor(donors, other, ids, draft, count)
                taken[other], begun[other] = count, 1
                count += 1
    draft.counts[0] = count


@inner
def _name(nodes: Array, donors: Array, node: int, output: int, draft: Draft) -> int:
    """Give the id of a donor's node: the output's own, for others the first that is not taken."""
    kept, taken = draft.scratch[3], draft.scratch[4]
    key, ids, again = donors[node, flat.KEY], draft.scratch[0], 0
    if key == output:
        return output
    while True:
        named, is_free = new_id(GRAFT, key, 0, again), True
        for other in range(len(nodes)):
            if nodes[other, flat.KEY] == named and kept[other] >= 0:
                is_free = False
        for other in range(node):
            if taken[other] >= 0 and ids[other] == named:
                is_free = False
        if is_free:
            return named
        again += 1


@inner
def _write_donor(donors: Array, node: int, ids: Array, draft: Draft, count: int) -> None:
    for column in range(flat.NODE):
        draft.nodes[count, column] = donors[node, column]
    draft.nodes[count, flat.KEY] = ids[node]


DISABLED_STAYS: Final = 0.75
"""The probability that a connection disabled in a parent stays so (Stanley & Miikkulainen 2002)."""


@inner
def cross(draft: Draft, other: Parent) -> None:
    """Cross a copy of the fitter parent with the other.

    A gene that both have takes each attribute from either; other genes are the fitter's.
    """
    nodes, _, edges, edge_numbers = other
    starts, order, matches = draft.scratch[0], draft.scratch[1], draft.scratch[2]
    sort_edges(edges, len(nodes), flat.TARGET, starts, order)
    _match_nodes(draft, nodes, matches)
    for edge in range(draft.counts[1]):
        source, target = draft.edges[edge, flat.SOURCE], draft.edges[edge, flat.TARGET]
        source = matches[source] if source >= 0 else source
        node = matches[target]
        if node < 0 or (source < 0 and draft.edges[edge, flat.SOURCE] >= 0):
            continue
        for place in range(starts[node], starts[node + 1]):
            if edges[order[place], flat.SOURCE] == source:
                _cross_edge(draft.edge_numbers[edge], edge_numbers[order[place]], draft.stream)
                break
    for node in range(draft.counts[0]):
        if matches[node] >= 0:
            bits = int(32.0 * draw(draft.stream))
            for bit in range(flat.NODE - flat.ACTIVATION):
                if bits >> bit & 1:
                    column = flat.ACTIVATION + bit
                    draft.nodes[node, column] = nodes[matches[node], column]


@inner
def _match_nodes(draft: Draft, others: Array, matches: Array) -> None:
    """Find for each node the other parent's node of its key: its place, or -1."""
    # Relatives have most nodes in the same order, so the next one is looked at first.
    following, count = 0, len(others)
    for node in range(draft.counts[0]):
        matches[node] = -1
        for step in range(count):
            place = following + step
            place = place - count if place >= count else place
            if others[place, flat.KEY] == draft.nodes[node, flat.KEY]:
                matches[node], following = place, place + 1
                break


@inner
def _cross_edge(mine: Array, yours: Array, stream: Array) -> None:
    """Let a connection take attributes of the same connection of the other parent."""
    if mine[flat.ENABLED] and yours[flat.ENABLED]:
        if draw(stream) < 0.5:
            mine[flat.WEIGHT] = yours[flat.WEIGHT]
        return
    weight = mine[flat.WEIGHT] if draw(stream) < 0.5 else yours[flat.WEIGHT]
    enabled = mine[flat.ENABLED] if draw(stream) < 0.5 else yours[flat.ENABLED]
    mine[flat.WEIGHT] = weight
    mine[flat.ENABLED] = 1.0 if enabled and draw(stream) >= DISABLED_STAYS else 0.0
