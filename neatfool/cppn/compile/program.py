"""A batch of CPPNs as one flat program.

The nodes of all genomes become rows of one table of values. First come the inputs, which the
genomes share, then a row of ones, then each node that some output needs, sorted by level and
activation. So a level is one weighted sum over the rows above it (a bias is the weight of the row
of ones), and each activation in it is one block of rows. The number of array operations depends on
the deepest genome, not on the number of genomes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
import torch

from neatfool.cppn.activations import ACTIVATIONS, Activation
from neatfool.cppn.compile.tape import Tape, compile_tape
from neatfool.cppn.genome.genes import CONNECTION, HEAD, NODE, NODE_WORDS, read_field

_ACTIVATIONS = tuple(ACTIVATIONS.values())
PARAMETERS: Final = ("weights", "biases", "responses")
_read_nodes, _read_connections = partial(read_field, NODE), partial(read_field, CONNECTION)


@dataclass(frozen=True)
class ProgramStep:
    """Nodes of one level."""

    rows: slice  # their rows
    terms: slice  # their terms in the program
    blocks: tuple[tuple[Activation, slice], ...]
    """The rows of each activation, counted from the first."""


@dataclass(frozen=True, eq=False)
class Program:
    """A batch of N genomes, flattened, for :class:`~neatfool.cppn.draw.execution.ProgramRunner`.

    Its parameters belong to the E connections and M nodes that some output needs, in the order of
    the genomes and of their dicts. Nodes aggregate *terms*: each is a row times a factor.

    Attributes:
        inputs: I, the number of inputs, in rows 0 to I - 1. Row I holds ones.
        rows: The number of rows, I + 1 + M.
        steps: The steps to run, in order.
        outputs: int64 [N, O], the row of each output.
        weights: float64 [E], the weights of the connections.
        biases: float64 [M], the biases of the nodes.
        responses: float64 [M], the responses of the nodes.
        nodes: int64 [M], the node of each row after the ones.
        activations: int64 [M], the place of each such row's activation in ``ACTIVATIONS``.
        sources: int32 [T], the row of each term.
        bounds: int32 [M + 1], where the terms of each row after the ones begin and end.
    """

    inputs: int
    rows: int
    steps: tuple[ProgramStep, ...]
    outputs: torch.Tensor
    weights: torch.Tensor
    biases: torch.Tensor
    responses: torch.Tensor
    nodes: torch.Tensor
    activations: torch.Tensor
    sources: torch.Tensor
    bounds: torch.Tensor
    _tape: Tape
    _owners: np.ndarray  # int [M], the index of each node's genome
    _genes: np.ndarray  # int [M], where each node begins among the words of the tape
    _edges: np.ndarray  # int [E], where each connection begins among them
    _sinks: torch.Tensor  # int64 [E], the node that each weight leads to
    _slots: torch.Tensor
    """int64 [T], the place of each term's factor in the scaled weights, then biases."""

    def __len__(self) -> int:
        """The number of genomes."""
        return len(self.outputs)

    @property
    def weight_keys(self) -> list[tuple[int, tuple[int, int]]]:
        """The owner of each weight: (index of the genome, key of the connection)."""
        words, owners = self._tape.words, self._owners[self._sinks.numpy()]
        ends = np.stack(
            [_read_connections(words, self._edges, end) for end in ("source", "target")], 1
        )
        nodes = (self._tape.begins[owners] + HEAD)[:, None] + NODE_WORDS * ends
        keys = np.where(ends < 0, ends, _read_nodes(words, nodes.clip(0), "key"))
        return list(zip(owners.tolist(), map(tuple, keys.tolist()), strict=True))

    @property
    def node_keys(self) -> list[tuple[int, int]]:
        """The owner of each bias and response: (index of the genome, key of the node)."""
        keys = _read_nodes(self._tape.words, self._genes, "key")
        return list(zip(self._owners.tolist(), keys.tolist(), strict=True))

    def factors(
        self, weights: torch.Tensor, biases: torch.Tensor, responses: torch.Tensor
    ) -> torch.Tensor:
        """Compute the factor of each term, floats [T], differentiably, of our numbers or others.

        A weight's factor includes the response of its node, and a bias is the factor of a one.
        """
        sinks, slots = self._sinks.to(weights.device), self._slots.to(weights.device)
        return torch.cat([weights * responses[sinks], biases])[slots]


def compile_genomes(
    genomes: Sequence[Any], input_keys: Sequence[int], output_keys: Sequence[int]
) -> Program:
    """Compile a batch of genomes into one program.

    Args:
        genomes: N genomes of neat-python's kind: ``nodes`` maps keys to genes with ``activation``,
            ``bias`` and ``response``; ``connections`` maps (from, to) to genes
            with ``weight`` and ``enabled``.
        input_keys: The keys of the I inputs.
        output_keys: The keys of the O output nodes.

    Returns:
        The program. It holds copies of all numbers.

    Raises:
        ExperimentError: A genome has a cycle, lacks a node, or names an unknown
            function; the message names the genome and the nodes.
    """
    tape = compile_tape(genomes, input_keys, output_keys)
    linked, words = tape.nodes[: tape.size], tape.words
    first, count = tape.inputs + 1, tape.size
    owners = np.repeat(np.arange(len(tape)), np.diff(tape.bounds))
    # The genes' order among the words is that of the genomes' dicts.
    in_order = np.argsort(linked[:, 6])
    node_of = np.zeros(count + 1, np.int64)
    node_of[in_order] = np.arange(count)

    def places(rows: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """Give the places of rows of genomes: inputs and the ones, then nodes in their order."""
        own = (tape.bounds[owner] + rows - tape.inputs).clip(0)
        return np.where(rows < tape.inputs, rows, first + node_of[own])

    sinks = np.repeat(np.arange(count), linked[:, 2] - linked[:, 1])
    edges = tape.edges[: len(sinks)]
    edges_in_order = np.argsort(edges)
    sources = places(tape.sources[: len(sinks)], owners[sinks])[edges_in_order]
    sinks, edges = node_of[sinks[edges_in_order]], edges[edges_in_order]
    own, level = linked[in_order, 6], linked[in_order, 7]
    activation, biases, responses = (
        _read_nodes(words, own, name) for name in ("activation", "bias", "response")
    )
    nodes = np.lexsort((activation, level))
    row = np.arange(first + count)
    row[first + nodes] = np.arange(first, first + count)
    # Terms are in the order of their nodes' rows; the last one of each is its bias.
    owner = row[first + np.concatenate([sinks, np.arange(count)])] - first
    order = np.argsort(owner, kind="stable")
    source = np.concatenate([row[sources], np.full(count, tape.inputs)])[order]
    bounds = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])
    starts = _starts(level[nodes])
    outputs = places(tape.outputs, np.arange(len(tape))[:, None])
    tensor = torch.from_numpy
    return Program(
        inputs=tape.inputs,
        rows=first + count,
        steps=_steps(starts, activation[nodes], bounds, first),
        outputs=tensor(row[outputs]),
        weights=tensor(_read_connections(words, edges, "weight")),
        biases=tensor(biases),
        responses=tensor(responses),
        nodes=tensor(nodes),
        activations=tensor(activation[nodes]),
        sources=tensor(source.astype(np.int32)),
        bounds=tensor(bounds.astype(np.int32)),
        _tape=tape,
        _owners=owners,
        _genes=own,
        _edges=edges,
        _sinks=tensor(sinks),
        _slots=tensor(order),
    )


def _starts(numbers: np.ndarray) -> np.ndarray:
    """Find where a run of equal numbers begins."""
    return np.flatnonzero(np.diff(numbers, prepend=-1))


def _steps(
    starts: np.ndarray, activation: np.ndarray, bounds: np.ndarray, first: int
) -> tuple[ProgramStep, ...]:
    """Make the steps that begin at the given nodes, all in the order of rows."""
    count = len(activation)
    cuts = np.append(np.union1d(starts, _starts(activation)), count)
    steps = []
    for low, high in pairwise(np.searchsorted(cuts, np.append(starts, count))):
        own = cuts[low : high + 1].tolist()
        begin, end = own[0], own[-1]
        steps.append(
            ProgramStep(
                rows=slice(first + begin, first + end),
                terms=slice(int(bounds[begin]), int(bounds[end])),
                blocks=tuple(
                    (_ACTIVATIONS[activation[cut]], slice(cut - begin, following - begin))
                    for cut, following in pairwise(own)
                ),
            )
        )
    return tuple(steps)
