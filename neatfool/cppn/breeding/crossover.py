"""Grafting, in compiled code: crossover of two CPPNs by outputs.

One output of a CPPN draws a picture by itself: the hue, or the brightness. A child takes all nodes
of one output from another CPPN, and the rest from its parent.
"""

from typing import Final

from numpy import ndarray as Array

from neatfool.cppn.breeding.attributes import Draft, draw, new_id
from neatfool.cppn.breeding.draft import Parent, copy_rows, sort_edges
from neatfool.cppn.compiling import inner
from neatfool.cppn.genome import genes
from neatfool.cppn.genome.genes import GRAFT


@inner
def graft(genome: Parent, donor: Parent, output: int, outputs: int, draft: Draft) -> None:
    """Write a CPPN whose output of a key is replaced by the donor's, and what leads only there.

    The donor's hidden nodes get new ids, as their own may be taken.
    """
    nodes, _, edges, _ = genome
    _, _, donor_edges, _ = donor
    kept, taken = draft.scratch[3], draft.scratch[4]
    _mark(genome, output, outputs, False, draft, kept)
    _mark(donor, output, outputs, True, draft, taken)
    _write_nodes(genome, donor, output, draft)
    count = 0
    for edge in range(len(edges)):
        target = edges[edge, genes.TARGET]
        if target >= 0 and kept[target] >= 0 and nodes[target, genes.KEY] != output:
            _write_edge(edges, edge, kept, draft, count)
            count += 1
    for edge in range(len(donor_edges)):
        target = donor_edges[edge, genes.TARGET]
        if target >= 0 and taken[target] >= 0:
            _write_edge(donor_edges, edge, taken, draft, count)
            count += 1
    draft.counts[1] = count


@inner
def _write_edge(edges: Array, edge: int, places: Array, draft: Draft, count: int) -> None:
    """Copy a connection between nodes that have new places."""
    for column in range(genes.EDGE):
        draft.edges[count, column] = edges[edge, column]
    for column in (genes.SOURCE, genes.TARGET):
        if edges[edge, column] >= 0:
            draft.edges[count, column] = places[edges[edge, column]]


@inner
def _mark(
    genome: Parent, output: int, outputs: int, of_output: bool, draft: Draft, marks: Array
) -> None:
    """Mark the nodes that lead to one output, or to any other: 0 for these, -1 for others."""
    nodes, _, edges, _ = genome
    starts, order, to_visit = draft.scratch[0], draft.scratch[1], draft.scratch[2]
    sort_edges(edges, len(nodes), genes.TARGET, starts, order)
    waiting = 0
    for node in range(len(nodes)):
        key = nodes[node, genes.KEY]
        marks[node] = -1
        if 0 <= key < outputs and (key == output) == of_output:
            marks[node] = 0
            to_visit[waiting] = node
            waiting += 1
    while waiting:
        waiting -= 1
        node = to_visit[waiting]
        if not of_output and nodes[node, genes.KEY] == output:
            continue
        for place in range(starts[node], starts[node + 1]):
            source = edges[order[place], genes.SOURCE]
            if source >= 0 and marks[source] < 0:
                marks[source] = 0
                to_visit[waiting] = source
                waiting += 1


@inner
def _write_nodes(genome: Parent, donor: Parent, output: int, draft: Draft) -> None:
    """Write the nodes, those of the genome's keys in its order, and replace marks by places."""
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
        key = nodes[node, genes.KEY]
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
            is_output = donors[other, genes.KEY] == output
            if taken[other] >= 0 and not begun[other] and is_output == bool(last):
                _write_donor(donors, other, ids, draft, count)
                taken[other], begun[other] = count, 1
                count += 1
    draft.counts[0] = count


@inner
def _name(nodes: Array, donors: Array, node: int, output: int, draft: Draft) -> int:
    """Give the id of a donor's node: the output's own, for others the first that is not taken."""
    kept, taken = draft.scratch[3], draft.scratch[4]
    key, ids, again = donors[node, genes.KEY], draft.scratch[0], 0
    if key == output:
        return output
    while True:
        named, is_free = new_id(GRAFT, key, 0, again), True
        for other in range(len(nodes)):
            if nodes[other, genes.KEY] == named and kept[other] >= 0:
                is_free = False
        for other in range(node):
            if taken[other] >= 0 and ids[other] == named:
                is_free = False
        if is_free:
            return named
        again += 1


@inner
def _write_donor(donors: Array, node: int, ids: Array, draft: Draft, count: int) -> None:
    for column in range(genes.NODE):
        draft.nodes[count, column] = donors[node, column]
    draft.nodes[count, genes.KEY] = ids[node]


DISABLED_STAYS: Final = 0.75
"""The probability that a connection disabled in a parent stays so (Stanley & Miikkulainen 2002)."""


@inner
def cross(draft: Draft, other: Parent) -> None:
    """Cross a copy of the fitter parent with the other.

    A gene that both have takes each attribute from either; other genes are the fitter's.
    """
    nodes, _, edges, edge_numbers = other
    starts, order, matches = draft.scratch[0], draft.scratch[1], draft.scratch[2]
    sort_edges(edges, len(nodes), genes.TARGET, starts, order)
    # Relatives have most nodes in the same order, so the next one is looked at first.
    following, count = 0, len(nodes)
    for node in range(draft.counts[0]):
        matches[node] = -1
        for step in range(count):
            place = following + step
            place = place - count if place >= count else place
            if nodes[place, genes.KEY] == draft.nodes[node, genes.KEY]:
                matches[node], following = place, place + 1
                break
    for edge in range(draft.counts[1]):
        source, target = draft.edges[edge, genes.SOURCE], draft.edges[edge, genes.TARGET]
        source = matches[source] if source >= 0 else source
        node = matches[target]
        if node < 0 or (source < 0 and draft.edges[edge, genes.SOURCE] >= 0):
            continue
        for place in range(starts[node], starts[node + 1]):
            if edges[order[place], genes.SOURCE] == source:
                _cross_edge(draft.edge_numbers[edge], edge_numbers[order[place]], draft.stream)
                break
    for node in range(draft.counts[0]):
        if matches[node] >= 0:
            bits = int(32.0 * draw(draft.stream))
            for bit in range(genes.NODE - genes.ACTIVATION):
                if bits >> bit & 1:
                    column = genes.ACTIVATION + bit
                    draft.nodes[node, column] = nodes[matches[node], column]


@inner
def _cross_edge(mine: Array, yours: Array, stream: Array) -> None:
    """Let a connection take attributes of the same connection of the other parent."""
    if mine[genes.ENABLED] and yours[genes.ENABLED]:
        if draw(stream) < 0.5:
            mine[genes.WEIGHT] = yours[genes.WEIGHT]
        return
    weight = mine[genes.WEIGHT] if draw(stream) < 0.5 else yours[genes.WEIGHT]
    enabled = mine[genes.ENABLED] if draw(stream) < 0.5 else yours[genes.ENABLED]
    mine[genes.WEIGHT] = weight
    mine[genes.ENABLED] = 1.0 if enabled and draw(stream) >= DISABLED_STAYS else 0.0
