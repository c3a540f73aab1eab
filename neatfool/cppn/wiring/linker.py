"""Linking: turns the genes of a batch of genomes into a tape of ordered nodes.

It searches from the outputs backwards, depth first, and writes each node to the tape after the
nodes that it needs. It is compiled where numba works.
"""

from typing import Final

from numpy import ndarray as Array

from neatfool.cppn.compiling import inlined, inner, outer
from neatfool.cppn.functions.aggregations import MEAN, PRODUCT, SUM
from neatfool.cppn.genome import flat

NOWHERE: Final = -1
BITS: Final = 31
"""The bits for the inputs that a node depends on; input 31 shares the bit of input 0."""
ALL: Final = -1


@inner
def _place_of(end: int, input_keys: Array) -> int:
    """Give the place of an end of a connection: inputs are at 0, 1, …, and the nodes follow."""
    if end >= 0:
        return len(input_keys) + end
    for place in range(len(input_keys)):
        if input_keys[place] == end:
            return place
    return NOWHERE


@inner
def _place_of_key(key: int, nodes: Array, input_keys: Array) -> int:
    """Give the place of a node or an input."""
    for node in range(len(nodes)):
        if nodes[node, flat.KEY] == key:
            return len(input_keys) + node
    return _place_of(key, input_keys) if key < 0 else NOWHERE


@inner
def _sort_edges(
    edges: Array, edge_numbers: Array, input_keys: Array, ends: Array, starts: Array, by_sink: Array
) -> bool:
    """Sort enabled connections by the node they lead to; tell whether all their nodes exist.

    ``ends`` receives the two places that each connection joins, ``starts`` where the connections to
    each place begin in ``by_sink``, which receives the numbers of the connections, in order.
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


@inlined
def _order(
    root: int, inputs: int, links: tuple[Array, ...], memory: tuple[Array, ...], count: int
) -> int:
    """Append the node at a place to the order of nodes, after all nodes that it needs.

    ``links`` is what :func:`_sort_edges` wrote. The memory is int64 [places] each: the row of each
    place (``NOWHERE`` if it is not in the order yet, and less during the search for the nodes that
    it needs), the places of the nodes so far, and scratch twice. Give the number of nodes in the
    order, or ``NOWHERE`` if there is a cycle.
    """
    ends, starts, by_sink = links
    rows, order, stack, following = memory
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


@inlined
def _write_node(
    gene: int,
    own: Array,
    rows: Array,
    row: int,
    given: tuple[Array, ...],
    first: int,
    written: int,
    inputs: int,
    tape: tuple[Array, ...],
) -> None:
    """Append a node to the tape (see :func:`link`), and write it at a place.

    Its gene and those of its connections begin at some words; ``rows`` are those of their sources.
    ``first`` is the place of the first node of its genome.
    """
    words, flat_numbers = given
    _, nodes, numbers, sources, factors, _, edges = tape
    kind, response = words[gene + flat.AGGREGATION], flat_numbers[gene + flat.RESPONSE]
    factor = 1.0
    if kind <= MEAN or (len(own) == 0 and kind != PRODUCT):
        # The factors of a weighted sum include its response and its number of terms.
        factor = response / max(len(own), 1) if kind == MEAN else response
        kind, response = SUM, 1.0
    term = nodes[written - 1, 3] if written else 0
    reach, level = 0, 0
    for number in range(len(own)):
        source = rows[number]
        if source < inputs:
            reach |= 1 << (source % BITS)
        else:
            needed = nodes[first + source - inputs]
            reach, level = reach | needed[5], max(level, needed[8])
        sources[term + number], edges[term + number] = source, own[number]
        factors[term + number] = flat_numbers[own[number] + flat.WEIGHT] * factor
    node, end = nodes[written], term + len(own)
    node[0], node[1], node[2], node[3] = words[gene + flat.ACTIVATION], kind, term, end
    node[4], node[5], node[6], node[7], node[8] = row, reach, 0, gene, level + 1
    numbers[written, 0], numbers[written, 1] = response, flat_numbers[gene + flat.BIAS]
    for source in sources[term:end]:
        if source >= inputs:
            nodes[first + source - inputs, 6] |= reach


@outer
def link(
    given: tuple[Array, ...],
    begins: Array,
    input_keys: Array,
    output_keys: Array,
    work: Array,
    tape: tuple[Array, ...],
) -> bool:
    """Write the tape of a batch of genomes; give False if one has a cycle or lacks a node.

    Args:
        given: int64 [W], N flat genomes (:mod:`neatfool.cppn.genome.flat`), one after another, and
            float64 [W], the same memory.
        begins: int64 [N + 1], where each begins and ends.
        input_keys: int64 [I].
        output_keys: int64 [O].
        work: int64 [8, W], scratch: W is more than the places of any genome, and at least twice
            its connections.
        tape: The arrays of a :class:`~neatfool.cppn.Tape` to write to, ``bounds`` to ``edges``.
    """
    words, flat_numbers = given
    bounds, nodes, _, _, _, outputs, _ = tape
    rows, order, stack, following, own = work[3], work[4], work[5], work[6], work[7]
    memory, inputs, written = (rows, order, stack, following), len(input_keys), 0
    for genome in range(len(begins) - 1):
        begin, end = begins[genome], begins[genome + 1]
        count, many = words[begin], words[begin + 1]
        begin += flat.HEAD
        middle = begin + flat.NODE * count
        ends = work[0][: 2 * many].reshape((many, 2))
        starts, by_sink = work[1][: inputs + count + 1], work[2]
        edges = words[middle:end].reshape((many, flat.EDGE))
        edge_numbers = flat_numbers[middle:end].reshape((many, flat.EDGE))
        if not _sort_edges(edges, edge_numbers, input_keys, ends, starts, by_sink):
            return False
        for place in range(inputs + count):
            rows[place] = place if place < inputs else NOWHERE
        ordered = 0
        for output in range(len(output_keys)):
            genes = words[begin:middle].reshape((count, flat.NODE))
            place = _place_of_key(output_keys[output], genes, input_keys)
            if place != NOWHERE:
                ordered = _order(place, inputs, (ends, starts, by_sink), memory, ordered)
            if NOWHERE in (place, ordered):
                return False
            outputs[genome, output] = rows[place]
        bounds[genome] = written
        for number in range(ordered):
            place = order[number]
            terms = starts[place + 1] - starts[place]
            for term in range(terms):
                edge = by_sink[starts[place] + term]
                own[term], stack[term] = middle + flat.EDGE * edge, rows[ends[edge, 0]]
            gene, row = begin + flat.NODE * (place - inputs), rows[place]
            new = written + number
            _write_node(gene, own[:terms], stack[:terms], row, given, written, new, inputs, tape)
        for row in outputs[genome]:
            if row >= inputs:
                nodes[written + row - inputs, 6] = ALL
        written += ordered
    bounds[len(begins) - 1] = written
    return True


@outer
def allocate_slots(tape: tuple[Array, ...], inputs: int, scratch: Array) -> int:
    """Write slots, as few as possible, over the rows of a tape's nodes, terms and outputs.

    A GPU keeps the values of a pixel's nodes in fast memory that is small. A slot is free again
    after the last node that reads it. The scratch is int64 [3, R], more than the rows of any
    genome. Give the number of slots that are used at once.
    """
    bounds, nodes, sources, outputs = tape
    most = inputs
    last, slots, free = scratch[0], scratch[1], scratch[2]
    for genome in range(len(outputs)):
        begin, end = bounds[genome], bounds[genome + 1]
        for place in range(begin, end):
            for term in range(nodes[place, 2], nodes[place, 3]):
                last[sources[term]] = place
        for output in range(outputs.shape[1]):
            last[outputs[genome, output]] = end
        used, many = inputs, 0
        for row in range(inputs):
            slots[row] = row
        for place in range(begin, end):
            for term in range(nodes[place, 2], nodes[place, 3]):
                row = sources[term]
                sources[term] = slots[row]
                if last[row] == place:
                    last[row] = -1
                    free[many] = slots[row]
                    many += 1
            row = nodes[place, 4]
            if many:
                many -= 1
                slots[row] = free[many]
            else:
                slots[row] = used
                used += 1
            nodes[place, 4] = slots[row]
        for output in range(outputs.shape[1]):
            outputs[genome, output] = slots[outputs[genome, output]]
        most = max(most, used)
    return most
