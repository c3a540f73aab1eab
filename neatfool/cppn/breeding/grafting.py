"""Grafting, in compiled code: crossover of two CPPNs by outputs.

One output of a CPPN draws a picture by itself: the hue, or the brightness. A child takes all nodes
of one output from another CPPN, and the rest from its parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.cppn.breeding.chance import new_id
from neatfool.cppn.breeding.draft import copy_rows
from neatfool.cppn.breeding.structure import sort_edges
from neatfool.cppn.compiling import inner
from neatfool.cppn.genome.flat import EDGE, KEY, NODE, SOURCE, TARGET
from neatfool.cppn.genome.markings import GRAFT

if TYPE_CHECKING:
    import numpy as np

    from neatfool.cppn.breeding.draft import Draft, Parent


@inner
def graft(genome: Parent, donor: Parent, output: int, outputs: int, draft: Draft) -> None:
    """Write a CPPN with one output replaced by the donor's.

    The hidden nodes that led only to the old output are left out. The donor's hidden nodes get new
    ids, as their own may be taken.

    Args:
        genome: The CPPN.
        donor: The CPPN that gives the output.
        output: The output's key.
        outputs: The number of outputs.
        draft: Receives the child.
    """
    nodes, _, edges, _ = genome
    _, _, donor_edges, _ = donor
    kept, taken = draft.scratch[3], draft.scratch[4]
    _mark(genome, output, outputs, False, draft, kept)
    _mark(donor, output, outputs, True, draft, taken)
    _write_nodes(genome, donor, output, draft)
    count = 0
    for edge in range(len(edges)):
        target = edges[edge, TARGET]
        if target >= 0 and kept[target] >= 0 and nodes[target, KEY] != output:
            _write_edge(edges, edge, kept, draft, count)
            count += 1
    for edge in range(len(donor_edges)):
        target = donor_edges[edge, TARGET]
        if target >= 0 and taken[target] >= 0:
            _write_edge(donor_edges, edge, taken, draft, count)
            count += 1
    draft.counts[1] = count


@inner
def _write_edge(edges: np.ndarray, edge: int, places: np.ndarray, draft: Draft, count: int) -> None:
    """Copy a connection between nodes that have new places."""
    for column in range(EDGE):
        draft.edges[count, column] = edges[edge, column]
    for column in (SOURCE, TARGET):
        if edges[edge, column] >= 0:
            draft.edges[count, column] = places[edges[edge, column]]


@inner
def _mark(
    genome: Parent, output: int, outputs: int, of_output: bool, draft: Draft, marks: np.ndarray
) -> None:
    """Mark the nodes that lead to one output, or to any other: 0 for these, -1 for others."""
    nodes, _, edges, _ = genome
    starts, order, to_visit = draft.scratch[0], draft.scratch[1], draft.scratch[2]
    sort_edges(edges, len(nodes), TARGET, starts, order)
    waiting = 0
    for node in range(len(nodes)):
        key = nodes[node, KEY]
        marks[node] = -1
        if 0 <= key < outputs and (key == output) == of_output:
            marks[node] = 0
            to_visit[waiting] = node
            waiting += 1
    while waiting:
        waiting -= 1
        node = to_visit[waiting]
        if not of_output and nodes[node, KEY] == output:
            continue
        for place in range(starts[node], starts[node + 1]):
            source = edges[order[place], SOURCE]
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
        key = nodes[node, KEY]
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
            is_output = donors[other, KEY] == output
            if taken[other] >= 0 and not begun[other] and is_output == bool(last):
                _write_donor(donors, other, ids, draft, count)
                taken[other], begun[other] = count, 1
                count += 1
    draft.counts[0] = count


@inner
def _name(nodes: np.ndarray, donors: np.ndarray, node: int, output: int, draft: Draft) -> int:
    """Give the id of a donor's node: the output's own, for others the first that is not taken."""
    kept, taken = draft.scratch[3], draft.scratch[4]
    key, ids, again = donors[node, KEY], draft.scratch[0], 0
    if key == output:
        return output
    while True:
        named, is_free = new_id(GRAFT, key, 0, again), True
        for other in range(len(nodes)):
            if nodes[other, KEY] == named and kept[other] >= 0:
                is_free = False
        for other in range(node):
            if taken[other] >= 0 and ids[other] == named:
                is_free = False
        if is_free:
            return named
        again += 1


@inner
def _write_donor(donors: np.ndarray, node: int, ids: np.ndarray, draft: Draft, count: int) -> None:
    for column in range(NODE):
        draft.nodes[count, column] = donors[node, column]
    draft.nodes[count, KEY] = ids[node]
