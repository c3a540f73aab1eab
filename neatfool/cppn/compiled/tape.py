"""A batch of CPPNs as a tape, for the compiled renderer.

The tape lists, genome by genome, the nodes that the outputs need, each with its weighted inputs and
after the nodes that it needs. Compiled code writes it (:mod:`neatfool.cppn.compiled.linker`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neatfool.cppn.compiled.loading import kernels
from neatfool.cppn.genome.flat import AGGREGATION_CODES, COMMON, join
from neatfool.cppn.genome.genome import flat_of
from neatfool.cppn.wiring import read_networks


@dataclass(frozen=True, eq=False)
class Tape:
    """A batch of N genomes for the compiled renderer. It holds copies of all numbers.

    Attributes:
        inputs: I, the number of inputs.
        bounds: int64 [N + 1], where the nodes of each genome begin and end, M in all. Ignore the
            rest of longer arrays.
        nodes: int32 [≥ M, 7], for each node: activation, aggregation, begin and end of its terms,
            row, the inputs that it depends on, and the inputs that the nodes which use it depend
            on: bit i % 31 for input i, or -1 for an output.
        numbers: float32 [≥ M, 2], the factor and the bias of each node's aggregate.
        sources: int32 [≥ T], the row of each term. Inputs have the first I rows, the nodes of each
            genome the following ones.
        factors: float32 [≥ T], the factor of each term.
        outputs: int32 [N, O], the row of each output.
    """

    inputs: int
    bounds: np.ndarray
    nodes: np.ndarray
    numbers: np.ndarray
    sources: np.ndarray
    factors: np.ndarray
    outputs: np.ndarray

    def __len__(self) -> int:
        """The number of genomes."""
        return len(self.outputs)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All arrays, in the order of the arguments of compiled code."""
        return (
            self.bounds,
            self.nodes,
            self.numbers,
            self.sources,
            self.factors,
            self.outputs,
        )

    @property
    def size(self) -> int:
        """The number of nodes of all genomes."""
        return int(self.bounds[-1])

    @cached_property
    def is_common(self) -> bool:
        """Whether each node is a sum with one of the ``COMMON`` activations."""
        activations, aggregations = self.nodes[: self.size, :2].T
        is_sum = aggregations == AGGREGATION_CODES["sum"]
        return bool(is_sum.all() and np.isin(activations, COMMON).all())

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
    """Compile a batch of genomes for the compiled renderer, which needs numba.

    Args:
        genomes: N genomes, as for :func:`~neatfool.cppn.plain.program.compile_genomes`.
        input_keys: The keys of the I inputs.
        output_keys: The keys of the O output nodes.

    Raises:
        ExperimentError: A genome has a cycle, lacks a node, or names an unknown activation or
            aggregation; the message names the genome and the nodes. Or numba is missing.
    """
    link = kernels().link
    try:
        words, bounds = join([flat_of(genome) for genome in genomes])
    except (KeyError, struct.error):
        pass
    else:
        counts = np.stack([words[bounds[:-1]], words[bounds[:-1] + 1]])
        inputs, outputs = np.array(input_keys, np.int64), np.array(output_keys, np.int64)
        arrays = _blank(counts, len(outputs))
        work = _workspace(counts, len(inputs))
        if link(words, words.view(np.float64), bounds, inputs, outputs, work, *arrays):
            return Tape(len(inputs), *arrays)
    read_networks(genomes, input_keys, output_keys)
    raise AssertionError("a genome is at fault, and it is not said which")


def _blank(counts: np.ndarray, outputs: int) -> tuple[np.ndarray, ...]:
    """Make the arrays of a tape, as large as they can become."""
    genomes, (nodes, terms) = counts.shape[1], counts.sum(1).tolist()
    return (
        np.empty(genomes + 1, np.int64),
        np.empty((nodes, 7), np.int32),
        np.empty((nodes, 2), np.float32),
        np.empty(terms, np.int32),
        np.empty(terms, np.float32),
        np.empty((genomes, outputs), np.int32),
    )


def _workspace(counts: np.ndarray, inputs: int) -> np.ndarray:
    """Make the scratch of linking, large enough for any genome."""
    nodes, edges = counts.max(axis=1, initial=0).tolist()
    return np.empty((7, max(nodes + inputs + 1, 2 * edges)), np.int64)
