"""Linking: turns the genes of a batch of genomes into a tape of ordered nodes.

It searches from the outputs backwards, depth first, and writes each node to the tape after the
nodes that it needs. It is compiled where numba works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool.cppn.compiling import inner, outer
from neatfool.cppn.functions.aggregations import MEAN, PRODUCT, SUM
from neatfool.cppn.genome import flat

if TYPE_CHECKING:
    import numpy as np

NOWHERE: Final = -1
BITS: Final = 31
"""The bits for the inputs that a node depends on; input 31 shares the bit of input 0."""
ALL: Final = -1


@inner
def _place_of(end: int, input_keys: np.ndarray) -> int:
    """Give the place of an end of a connection: inputs are at 0, 1, …, and the nodes follow."""
    if end >= 0:
        return len(input_keys) + end
    for place in range(len(input_keys)):
        if input_keys[place] == end:
            return place
    return NOWHERE


@inner
def _place_of_key(key: int, nodes: np.ndarray, input_keys: np.ndarray) -> int:
    """Give the place of a node or an input."""
    for node in range(len(nodes)):
        if nodes[node, flat.KEY] == key:
            return len(input_keys) + node
    return _place_of(key, input_keys) if key < 0 else NOWHERE


@inner
def _sort_edges(
    edges: np.ndarray,
    edge_numbers: np.ndarray,
    input_keys: np.ndarray,
    ends: np.ndarray,
    starts: np.ndarray,
    by_sink: np.ndarray,
) -> bool:
    """Sort enabled connections by the node they lead to; tell whether all their nodes exist.

    Args:
        edges: int64 [E, EDGE], the connections.
        edge_numbers: float64 [E, EDGE], the same memory.
        input_keys: int64 [I].
        ends: int64 [E, 2]; receives the places that each connection joins.
        starts: int64 [places + 1]; receives where the connections to each place begin.
        by_sink: int64 [E]; receives the numbers of the connections, in order.
    """
    for place in range(len(starts)):
        starts[place] = 0
    for edge in range(len(edges)):
        if edge_numbers[edge, flat.ENABLED]:
            for end in range(2):
                ends[edge, end] = _place_of(edges[edge, flat.SOURCE + end], input_keys)
                if ends[edge, end] == NOWHERE:
                    return False
            starts[ends[edge, 1]] += 1
    total = 0
    for place in range(len(starts)):
        total += starts[place]
        starts[place] = total
    for edge in range(len(edges) - 1, -1, -1):
        if edge_numbers[edge, flat.ENABLED]:
            sink = ends[edge, 1]
            starts[sink] -= 1
            by_sink[starts[sink]] = edge
    return True


@inner
def _order(
    root: int,
    inputs: int,
    ends: np.ndarray,
    starts: np.ndarray,
    by_sink: np.ndarray,
    rows: np.ndarray,
    stack: np.ndarray,
    following: np.ndarray,
    order: np.ndarray,
    count: int,
) -> int:
    """Append a node to the order of nodes, after all nodes that it needs.

    Args:
        root: The place of the node.
        inputs: The number of inputs.
        ends: int64 [E, 2], the places that each connection joins.
        starts: int64 [places + 1], where the connections to each place begin.
        by_sink: int64 [E], the connections' numbers, by sink.
        rows: int64 [places], the row of each place; ``NOWHERE`` if it is not in the order yet,
            and less during the search for the nodes that it needs.
        stack: int64 [places], scratch.
        following: int64 [places], scratch.
        order: int64 [places], the places of the nodes so far.
        count: Their number.

    Returns:
        Their number now; ``NOWHERE`` if there is a cycle.
    """
    stack[0], depth = root, 1
    while depth:
        place = stack[depth - 1]
        if rows[place] == NOWHERE:
            rows[place], following[place] = NOWHERE - 1, starts[place]
        if rows[place] >= 0:
            depth -= 1
        elif following[place] == starts[place + 1]:
            rows[place] = inputs + count
            order[count] = place
            count, depth = count + 1, depth - 1
        else:
            source = ends[by_sink[following[place]], 0]
            following[place] += 1
            if rows[source] < NOWHERE:
                return NOWHERE
            if rows[source] == NOWHERE:
                stack[depth] = source
                depth += 1
    return count


@inner
def _write_node(
    place: int,
    begin: int,
    middle: int,
    own: np.ndarray,
    words: np.ndarray,
    flat_numbers: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    first: int,
    written: int,
    inputs: int,
    nodes: np.ndarray,
    numbers: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    edges: np.ndarray,
) -> None:
    """Append the node of a place and its terms, the connections ``own``, to the tape.

    The first node of its genome is at ``first``; its genes begin at the word ``begin``, and its
    connections at the word ``middle``.
    """
    gene = begin + flat.NODE * (place - inputs)
    kind, response = words[gene + flat.AGGREGATION], flat_numbers[gene + flat.RESPONSE]
    factor = 1.0
    if kind <= MEAN or (len(own) == 0 and kind != PRODUCT):
        # The factors of a weighted sum include its response and its number of terms.
        factor = response / max(len(own), 1) if kind == MEAN else response
        kind, response = SUM, 1.0
    term = nodes[written - 1, 3] if written else 0
    reach, level = 0, 0
    for number in range(len(own)):
        source = rows[ends[own[number], 0]]
        if source < inputs:
            reach |= 1 << (source % BITS)
        else:
            needed = nodes[first + source - inputs]
            reach, level = reach | needed[5], max(level, needed[8])
        edge = middle + flat.EDGE * own[number]
        sources[term + number], edges[term + number] = source, edge
        factors[term + number] = flat_numbers[edge + flat.WEIGHT] * factor
    node, end = nodes[written], term + len(own)
    node[0], node[1], node[2], node[3] = words[gene + flat.ACTIVATION], kind, term, end
    node[4], node[5], node[6], node[7], node[8] = rows[place], reach, 0, gene, level + 1
    numbers[written, 0], numbers[written, 1] = response, flat_numbers[gene + flat.BIAS]
    for number in range(term, end):
        if sources[number] >= inputs:
            nodes[first + sources[number] - inputs, 6] |= reach


@outer
def link(
    words: np.ndarray,
    flat_numbers: np.ndarray,
    begins: np.ndarray,
    input_keys: np.ndarray,
    output_keys: np.ndarray,
    work: np.ndarray,
    bounds: np.ndarray,
    nodes: np.ndarray,
    numbers: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    outputs: np.ndarray,
    edges: np.ndarray,
) -> bool:
    """Write the tape of a batch of genomes.

    Args:
        words: int64 [W], N flat genomes (:mod:`neatfool.cppn.genome.flat`), one after another.
        flat_numbers: float64 [W], the same memory.
        begins: int64 [N + 1], where each begins and ends.
        input_keys: int64 [I].
        output_keys: int64 [O].
        work: int64 [7, W], scratch: W is more than the places of any genome, and at least twice
            its connections.
        bounds: The first array of the tape; see :class:`neatfool.cppn.Tape`.
        nodes: The next array of the tape, and so on.
        numbers: As there.
        sources: As there.
        factors: As there.
        outputs: As there.
        edges: As there.

    Returns:
        False if a genome has a cycle or lacks a node.
    """
    rows, order, stack, following = work[3], work[4], work[5], work[6]
    inputs, written = len(input_keys), 0
    for genome in range(len(begins) - 1):
        begin, end = begins[genome], begins[genome + 1]
        count, links = words[begin], words[begin + 1]
        begin += flat.HEAD
        middle = begin + flat.NODE * count
        genes = words[begin:middle].reshape((count, flat.NODE))
        ends = work[0][: 2 * links].reshape((links, 2))
        starts, by_sink = work[1][: inputs + count + 1], work[2]
        if not _sort_edges(
            words[middle:end].reshape((links, flat.EDGE)),
            flat_numbers[middle:end].reshape((links, flat.EDGE)),
            input_keys,
            ends,
            starts,
            by_sink,
        ):
            return False
        for place in range(inputs + count):
            rows[place] = place if place < inputs else NOWHERE
        ordered = 0
        for output in range(len(output_keys)):
            place = _place_of_key(output_keys[output], genes, input_keys)
            if place != NOWHERE:
                ordered = _order(
                    place, inputs, ends, starts, by_sink, rows, stack, following, order, ordered
                )
            if place == NOWHERE or ordered == NOWHERE:
                return False
            outputs[genome, output] = rows[place]
        bounds[genome] = written
        for number in range(ordered):
            place = order[number]
            _write_node(
                place,
                begin,
                middle,
                by_sink[starts[place] : starts[place + 1]],
                words,
                flat_numbers,
                ends,
                rows,
                written,
                written + number,
                inputs,
                nodes,
                numbers,
                sources,
                factors,
                edges,
            )
        for row in outputs[genome]:
            if row >= inputs:
                nodes[written + row - inputs, 6] = ALL
        written += ordered
    bounds[len(begins) - 1] = written
    return True
