"""A batch of CPPNs as a tape, for the compiled renderer.

The tape lists, genome by genome, the nodes that the outputs need, each with its weighted inputs and
after the nodes that it needs. :mod:`neatfool.cppn.wiring.linker` writes it.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.functions.aggregations import SUM
from neatfool.cppn.genome.flat import ACTIVATION_CODES, AGGREGATION_CODES, COMMON, join
from neatfool.cppn.genome.genome import flat_of
from neatfool.errors import ExperimentError, nearest


@dataclass(frozen=True, eq=False)
class Tape:
    """A batch of N genomes for the compiled renderer. It holds copies of all numbers.

    Attributes:
        inputs: I, the number of inputs.
        bounds: int64 [N + 1], where the nodes of each genome begin and end, M in all. Ignore the
            rest of longer arrays.
        nodes: int32 [≥ M, 9], for each node: activation, aggregation, begin and end of its terms,
            row, the inputs that it depends on, and the inputs that the nodes which use it depend
            on: bit i % 31 for input i, or -1 for an output; where its genes begin among the words,
            and its level, the number of nodes on the longest way to it, itself included.
        numbers: float32 [≥ M, 2], the factor and the bias of each node's aggregate.
        sources: int32 [≥ T], the row of each term. Inputs have the first I rows, the nodes of each
            genome the following ones.
        factors: float32 [≥ T], the factor of each term.
        outputs: int32 [N, O], the row of each output.
        edges: int32 [≥ T], where the genes of each term's connection begin among the words.
        words: int64 [W], the flat genomes, one after another.
        begins: int64 [N + 1], where each begins and ends.
    """

    inputs: int
    bounds: Array
    nodes: Array
    numbers: Array
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
        """Whether each node is a sum with one of the ``COMMON`` activations."""
        activations, aggregations = self.nodes[: self.size, :2].T
        return bool((aggregations == SUM).all() and np.isin(activations, COMMON).all())

    @property
    def rows(self) -> int:
        """The largest number of rows of a genome."""
        return self.inputs + int(np.diff(self.bounds).max(initial=0))

    @property
    def terms(self) -> int:
        """The largest number of terms of a node."""
        begin, end = self.nodes[: self.size, 2:4].T
        return int((end - begin).max(initial=0))


def compile_tape(
    genomes: Sequence[Any], input_keys: Sequence[int], output_keys: Sequence[int]
) -> Tape:
    """Compile a batch of genomes for the compiled renderer.

    Args:
        genomes: N genomes, as for :func:`~neatfool.cppn.plain.program.compile_genomes`.
        input_keys: The keys of the I inputs.
        output_keys: The keys of the O output nodes.

    Raises:
        ExperimentError: A genome has a cycle, lacks a node, or names an unknown activation or
            aggregation; the message names the genome and the nodes.
    """
    from neatfool.cppn.wiring.linker import link  # numba takes half a second to import

    try:
        words, begins = join([flat_of(genome) for genome in genomes])
    except (KeyError, struct.error):
        raise ExperimentError(_describe_fault(genomes, input_keys, output_keys)) from None
    inputs, outputs = np.array(input_keys, np.int64), np.array(output_keys, np.int64)
    counts = np.stack([words[begins[:-1]], words[begins[:-1] + 1]])
    nodes, terms = counts.sum(1).tolist()
    arrays = (
        np.empty(len(genomes) + 1, np.int64),
        np.empty((nodes, 9), np.int32),
        np.empty((nodes, 2), np.float32),
        np.empty(terms, np.int32),
        np.empty(terms, np.float32),
        np.empty((len(genomes), len(outputs)), np.int32),
        np.empty(terms, np.int32),
    )
    most_nodes, most_edges = counts.max(axis=1, initial=0).tolist()
    work = np.empty((8, max(most_nodes + len(inputs) + 1, 2 * most_edges)), np.int64)
    given = words, words.view(np.float64)
    if not link(given, begins, inputs, outputs, work, arrays):
        raise ExperimentError(_describe_fault(genomes, input_keys, output_keys))
    return Tape(len(inputs), *arrays, words, begins)


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


def _describe_fault(
    genomes: Sequence[Any], input_keys: Sequence[int], output_keys: Sequence[int]
) -> str:
    """Say what is wrong with the first genome that cannot be linked."""
    for index, genome in enumerate(genomes):
        name = f"genome {getattr(genome, 'key', index)}"
        known = {*genome.nodes, *input_keys}
        for key in output_keys:
            if key not in known:
                return f"{name}: there is no output node {key}"
        edges = [key for key, gene in genome.connections.items() if gene.enabled]
        for edge in edges:
            if not known.issuperset(edge):
                return f"{name}: connection {edge} joins a node that is not there"
        for key, node in genome.nodes.items():
            try:
                check_compilable([node.activation], [node.aggregation])
            except ExperimentError as error:
                return f"{name}, node {key}: {error}"
        graph = nx.DiGraph([*edges, *((key, "picture") for key in output_keys)])
        needed = graph.subgraph(nx.ancestors(graph, "picture"))
        if not nx.is_directed_acyclic_graph(needed):
            cycle = nx.find_cycle(needed)
            way = " -> ".join(str(source) for source, _ in [*cycle, cycle[0]])
            return (
                f"{name}: nodes {way} are a cycle; only feed-forward genomes can be rendered "
                "(feed_forward = True)"
            )
    return "a genome's node has an id of more than 64 bits; use a smaller one"
