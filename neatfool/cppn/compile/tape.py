"""A batch of CPPNs as a tape: their nodes, in the order of computation, for the renderers.

The tape lists, genome by genome, the nodes that the outputs need, each with its weighted inputs and
after the nodes that it needs. :func:`link` writes it: it searches from the outputs backwards, depth
first. It is compiled where numba works.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.buffer import sort_connections, view_genome
from neatfool.cppn.genome.genes import COMMON, CONNECTION_WORDS, HEAD, NODE_WORDS, join
from neatfool.cppn.genome.genome import check_genome, flat_of
from neatfool.cppn.jit import inlined, inner, outer
from neatfool.errors import ExperimentError, GenomeError

NOWHERE: Final = -1
BITS: Final = 31
"""The bits for the inputs that a node depends on; input 31 shares the bit of input 0."""
ALL: Final = -1


@dataclass(frozen=True, eq=False)
class Tape:
    """A batch of N genomes for the compiled renderer. It holds copies of all numbers.

    Attributes:
        inputs: I, the number of inputs.
        bounds: int64 [N + 1], where the nodes of each genome begin and end, M in all. Ignore the
            rest of longer arrays.
        nodes: int32 [≥ M, 8], for each node: activation, begin and end of its terms, row, the
            inputs that it depends on, and the inputs that the nodes which use it depend on: bit
            i % 31 for input i, or -1 for an output; where its genes begin among the words, and its
            level, the number of nodes on the longest way to it, itself included.
        biases: float32 [≥ M], the bias of each node.
        sources: int32 [≥ T], the row of each term. Inputs have the first I rows, the nodes of each
            genome the following ones.
        factors: float32 [≥ T], the factor of each term: its weight times the node's response.
        outputs: int32 [N, O], the row of each output.
        edges: int32 [≥ T], where the genes of each term's connection begin among the words.
        words: int64 [W], the flat genomes, one after another.
        begins: int64 [N + 1], where each begins and ends.
    """

    inputs: int
    bounds: Array
    nodes: Array
    biases: Array
    sources: Array
    factors: Array
    outputs: Array
    edges: Array
    words: Array
    begins: Array

    def __len__(self) -> int:
        """The number of genomes."""
        return len(self.outputs)

    @property
    def size(self) -> int:
        """The number of nodes of all genomes."""
        return int(self.bounds[-1])

    @cached_property
    def is_common(self) -> bool:
        """Whether each node has one of the ``COMMON`` activations."""
        return bool(np.isin(self.nodes[: self.size, 0], COMMON).all())

    @property
    def rows(self) -> int:
        """The largest number of rows of a genome."""
        return self.inputs + int(np.diff(self.bounds).max(initial=0))


def compile_tape(
    genomes: Sequence[Any], input_keys: Sequence[int], output_keys: Sequence[int]
) -> Tape:
    """Compile a batch of genomes for the compiled renderer.

    Args:
        genomes: N genomes, as for :func:`~neatfool.cppn.compile.program.compile_genomes`.
        input_keys: The keys of the I inputs.
        output_keys: The keys of the O output nodes.

    Raises:
        ExperimentError: A genome has a cycle, lacks a node, or names an unknown
            function; the message names the genome and what is wrong with it.
    """
    try:
        words, begins = join([flat_of(genome) for genome in genomes])
        inputs, outputs = np.array(input_keys, np.int64), np.array(output_keys, np.int64)
        counts = np.stack([words[begins[:-1]], words[begins[:-1] + 1]])
        nodes, terms = counts.sum(1).tolist()
        arrays = (
            np.empty(len(genomes) + 1, np.int64),
            np.empty((nodes, 8), np.int32),
            np.empty(nodes, np.float32),
            np.empty(terms, np.int32),
            np.empty(terms, np.float32),
            np.empty((len(genomes), len(outputs)), np.int32),
            np.empty(terms, np.int32),
        )
        most_nodes, most_edges = counts.max(axis=1, initial=0).tolist()
        work = np.empty((7, max(most_nodes + len(inputs) + 1, 2 * most_edges)), np.int64)
        if link(words, begins, inputs, outputs, work, arrays):
            return Tape(len(inputs), *arrays, words, begins)
    except (GenomeError, KeyError, struct.error):
        pass
    if len(genomes) > 1:
        for genome in genomes:  # one of them cannot be linked
            compile_tape([genome], input_keys, output_keys)
    fault = "it cannot be linked"
    try:
        check_genome(genomes[0], input_keys, output_keys)
    except GenomeError as error:
        fault = str(error)
    raise ExperimentError(f"genome {getattr(genomes[0], 'key', 0)}: {fault}")


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
        if nodes[node].key == key:
            return len(input_keys) + node
    return _place_of(key, input_keys) if key < 0 else NOWHERE


@inner
def _sort_connections(
    connections: Array, input_keys: Array, ends: Array, starts: Array, by_sink: Array
) -> bool:
    """Sort enabled connections by the node they lead to; tell whether all their nodes exist.

    ``ends`` receives the two places that each joins, ``starts`` where those to each place begin in
    ``by_sink``, which receives their numbers, in order.
    """
    for edge in range(len(connections)):
        connection = connections[edge]
        ends[edge, 1] = NOWHERE
        if connection.enabled:
            ends[edge, 0] = _place_of(connection.source, input_keys)
            ends[edge, 1] = _place_of(connection.target, input_keys)
            if ends[edge, 0] == NOWHERE or ends[edge, 1] == NOWHERE:
                return False
    sort_connections(ends[: len(connections), 1], len(starts) - 1, starts, by_sink)
    return True


@inlined
def _order(
    root: int, inputs: int, links: tuple[Array, ...], memory: tuple[Array, ...], count: int
) -> int:
    """Append the node at a place, after all that it needs; count, ``NOWHERE`` if there is a cycle.

    The memory has the row of each place (``NOWHERE`` if it is not in the order yet, and less during
    the search for what it needs), the places of the nodes so far, and scratch twice.
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
    node: Any,
    gene: int,
    genes: tuple[Array, int],
    own: Array,
    rows: Array,
    first: int,
    number: int,
    inputs: int,
    tape: tuple[Array, ...],
) -> None:
    """Append a node that begins at a word, with the connections ``own``, which come from rows.

    Of its genome, it has a number, the nodes begin at ``first``, and the connections at a word.
    """
    connections, middle = genes
    _, nodes, biases, sources, factors, _, edges = tape
    written = first + number
    start = nodes[written - 1, 2] if written else 0
    end, reach, level = start + len(own), 0, 0
    for term in range(start, end):
        connection, source = own[term - start], rows[term - start]
        if source < inputs:
            reach |= 1 << (source % BITS)
        else:
            needed = nodes[first + source - inputs]
            reach, level = reach | needed[4], max(level, needed[7])
        sources[term], edges[term] = source, middle + CONNECTION_WORDS * connection
        factors[term] = connections[connection].weight * node.response
    new = nodes[written]
    new[0], new[1], new[2], new[3] = node.activation, start, end, inputs + number
    new[4], new[5], new[6], new[7] = reach, 0, gene, level + 1
    biases[written] = node.bias
    for source in sources[start:end]:
        if source >= inputs:
            nodes[first + source - inputs, 5] |= reach


@outer
def link(
    words: Array,
    begins: Array,
    input_keys: Array,
    output_keys: Array,
    work: Array,
    tape: tuple[Array, ...],
) -> bool:
    """Write the arrays of a :class:`Tape`, ``bounds`` to ``edges``; False if a genome has a fault.

    The words are those of flat genomes. The scratch is int64 [7, S]: S is more than the places of
    any genome, and at least twice its connections.
    """
    bounds, nodes, _, _, _, outputs, _ = tape
    rows, order, stack, following = work[3], work[4], work[5], work[6]
    memory, inputs, written = (rows, order, stack, following), len(input_keys), 0
    for genome in range(len(begins) - 1):
        genes, connections = view_genome(words, begins[genome])
        begin, count, many = begins[genome] + HEAD, len(genes), len(connections)
        middle = begin + NODE_WORDS * count
        ends = work[0][: 2 * many].reshape((many, 2))
        starts, by_sink = work[1][: inputs + count + 1], work[2]
        if not _sort_connections(connections, input_keys, ends, starts, by_sink):
            return False
        for place in range(inputs + count):
            rows[place] = place if place < inputs else NOWHERE
        ordered = 0
        for output in range(len(output_keys)):
            place = _place_of_key(output_keys[output], genes, input_keys)
            if place != NOWHERE:
                ordered = _order(place, inputs, (ends, starts, by_sink), memory, ordered)
            if NOWHERE in (place, ordered):
                return False
            outputs[genome, output] = rows[place]
        bounds[genome] = written
        for number in range(ordered):
            place = order[number]
            own = by_sink[starts[place] : starts[place + 1]]
            for term in range(len(own)):
                stack[term] = rows[ends[own[term], 0]]
            gene, links = begin + NODE_WORDS * (place - inputs), (connections, middle)
            node = genes[place - inputs]
            _write_node(node, gene, links, own, stack, written, number, inputs, tape)
        for row in outputs[genome]:
            if row >= inputs:
                nodes[written + row - inputs, 5] = ALL
        written += ordered
    bounds[len(begins) - 1] = written
    return True
