"""A batch of CPPNs as a tape, for the compiled renderer.

The tape lists, genome by genome, the nodes that the outputs need, each with its weighted inputs and
after the nodes that it needs. Compiled code writes it (:mod:`neatfool.cppn.compiled.linker`); most
of the time is spent reading the genes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.cppn.compiled.loading import kernels
from neatfool.cppn.wiring import ACTIVATION_CODES, AGGREGATION_CODES, flat_array, read_networks
from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Sequence

_flat = chain.from_iterable


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

    @property
    def rows(self) -> int:
        """The largest number of rows of a genome."""
        return self.inputs + int(np.diff(self.bounds).max(initial=0))

    @property
    def terms(self) -> int:
        """The largest number of terms of a node."""
        begin, end = self.nodes[: self.size, 2:4].T
        return int((end - begin).max(initial=0))


@dataclass(frozen=True, eq=False)
class _Genes:
    """The genes of N genomes, as arguments of :func:`neatfool.cppn.compiled.linker.link`."""

    counts: np.ndarray
    node_keys: np.ndarray
    functions: np.ndarray
    constants: np.ndarray
    edges: np.ndarray
    enabled: np.ndarray
    weights: np.ndarray


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
        genes = _read(genomes)
    except (KeyError, struct.error):
        pass
    else:
        inputs, outputs = np.array(input_keys, np.int64), np.array(output_keys, np.int64)
        arrays = _blank(genes, len(outputs))
        if link(*vars(genes).values(), inputs, outputs, *_workspace(genes, inputs), *arrays):
            return Tape(len(inputs), *arrays)
    read_networks(genomes, input_keys, output_keys)  # raises the error, if it finds one
    raise ExperimentError(
        "a genome's node has an id of more than 64 bits; use a smaller one, or renderer = plain"
    )


def _read(genomes: Sequence[Any]) -> _Genes:
    """Read all genes. These comprehensions were by far the fastest way."""
    nodes = list(_flat([genome.nodes.values() for genome in genomes]))
    connections = list(_flat([genome.connections.values() for genome in genomes]))
    counts = _flat([(len(genome.nodes), len(genome.connections)) for genome in genomes])
    activations = [ACTIVATION_CODES[gene.activation] for gene in nodes]
    aggregations = [AGGREGATION_CODES[gene.aggregation] for gene in nodes]
    keys = _flat([genome.nodes for genome in genomes])
    edges = _flat(_flat([genome.connections for genome in genomes]))
    return _Genes(
        counts=flat_array("q", counts).reshape(-1, 2),
        node_keys=flat_array("q", keys),
        functions=flat_array("q", activations + aggregations).reshape(2, -1),
        constants=flat_array(
            "d", [gene.bias for gene in nodes] + [gene.response for gene in nodes]
        ).reshape(2, -1),
        edges=flat_array("q", edges).reshape(-1, 2),
        enabled=flat_array("?", [gene.enabled for gene in connections]),
        weights=flat_array("d", [gene.weight for gene in connections]),
    )


def _blank(genes: _Genes, outputs: int) -> tuple[np.ndarray, ...]:
    """Make the arrays of a tape, as large as they can become."""
    genomes, nodes, terms = len(genes.counts), len(genes.node_keys), len(genes.weights)
    return (
        np.empty(genomes + 1, np.int64),
        np.empty((nodes, 7), np.int32),
        np.empty((nodes, 2), np.float32),
        np.empty(terms, np.int32),
        np.empty(terms, np.float32),
        np.empty((genomes, outputs), np.int32),
    )


def _workspace(genes: _Genes, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make the scratch of linking: a hash table and some rows, large enough for any genome."""
    nodes, edges = (genes.counts.max(axis=0, initial=0)).tolist()
    places = nodes + len(inputs)
    table = np.empty((2, 1 << (2 * places).bit_length()), np.int64)
    return table, np.empty((7, max(places + 1, 2 * edges)), np.int64)
