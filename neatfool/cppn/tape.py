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

from neatfool.cppn.buffer import Parent, sort_connections, view_genome
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
        genomes: N genomes, as for :func:`~neatfool.cppn.program.compile_genomes`.
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
        work = np.empty((8, max(most_nodes + len(inputs) + 1, most_edges)), np.int64)
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


@inlined
def _order_with_needed(root: int, inputs: int, work: Array, count: int) -> int:
    """Append the node at a place, after all that it needs; count, ``NOWHERE`` if there is a cycle.

    The row of a place is ``NOWHERE`` if it is not in the order yet, and less during the search for
    what it needs.
    """
    sources, _, starts, by_sink, rows, order, stack, following = work
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
            source = sources[by_sink[following[place]]]
            following[place] += 1
            if rows[source] < NOWHERE:
                return NOWHERE
            if rows[source] == NOWHERE:
                stack[depth] = source
                depth += 1
    return count


@inlined
def _order_nodes(
    parent: Parent, input_keys: Array, output_keys: Array, work: Array, outputs: Array
) -> int:
    """Order the nodes that outputs need; count them, ``NOWHERE`` if there is a fault.

    ``outputs`` receives the rows of the outputs, and the scratch where the connections to each
    place begin among those sorted by the place that they lead to.
    """
    nodes, connections = parent
    sources, sinks, starts, by_sink, rows, _, _, _ = work
    inputs, places = len(input_keys), len(input_keys) + len(nodes)
    for edge in range(len(connections)):
        connection = connections[edge]
        sinks[edge] = NOWHERE
        if connection.enabled:
            sources[edge] = _place_of(connection.source, input_keys)
            sinks[edge] = _place_of(connection.target, input_keys)
            if NOWHERE in (sources[edge], sinks[edge]):
                return NOWHERE
    sort_connections(sinks[: len(connections)], places, starts, by_sink)
    for place in range(places):
        rows[place] = place if place < inputs else NOWHERE
    ordered = 0
    for output in range(len(output_keys)):
        place = _place_of_key(output_keys[output], nodes, input_keys)
        if place != NOWHERE:
            ordered = _order_with_needed(place, inputs, work, ordered)
        if NOWHERE in (place, ordered):
            return NOWHERE
        outputs[output] = rows[place]
    return ordered


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

    The words are those of flat genomes. The scratch is int64 [8, S]: S is more than the places of
    any genome, and at least its connections.
    """
    bounds, nodes, biases, sources, factors, outputs, edges = tape
    inputs, written, end = len(input_keys), 0, 0
    source_places, _, starts, by_sink, rows, order, _, _ = work
    for genome in range(len(begins) - 1):
        parent = view_genome(words, begins[genome])
        begin = begins[genome] + HEAD
        middle = begin + NODE_WORDS * len(parent[0])
        ordered = _order_nodes(parent, input_keys, output_keys, work, outputs[genome])
        if ordered == NOWHERE:
            return False
        bounds[genome] = written
        for number in range(ordered):
            place = order[number]
            node, gene = parent[0][place - inputs], begin + NODE_WORDS * (place - inputs)
            start, reach, level = end, 0, 0
            for edge in by_sink[starts[place] : starts[place + 1]]:
                source = rows[source_places[edge]]
                if source < inputs:
                    reach |= 1 << (source % BITS)
                else:
                    needed = nodes[written + source - inputs]
                    reach, level = reach | needed[4], max(level, needed[7])
                sources[end], edges[end] = source, middle + CONNECTION_WORDS * edge
                factors[end] = parent[1][edge].weight * node.response
                end += 1
            new = nodes[written + number]
            new[0], new[1], new[2], new[3] = node.activation, start, end, inputs + number
            new[4], new[5], new[6], new[7] = reach, 0, gene, level + 1
            biases[written + number] = node.bias
            for source in sources[start:end]:
                if source >= inputs:
                    nodes[written + source - inputs, 5] |= reach
        for row in outputs[genome]:
            if row >= inputs:
                nodes[written + row - inputs, 5] = ALL
        written += ordered
    bounds[len(begins) - 1] = written
    return True
