"""A batch of CPPNs as one flat program.

The nodes of all genomes become rows of one table of values. First come the inputs, which the
genomes share, then a row of ones, then each node that some output needs, sorted by level and
activation. So a level is one weighted sum over the rows above it (a bias is the weight of the row
of ones), and each activation in it is one block of rows. The number of array operations depends on
the deepest genome, not on the number of genomes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
import torch

from neatfool.cppn.activations import BY_CODE, Activation
from neatfool.cppn.genome.genes import CONNECTION, HEAD, NODE, NODE_WORDS, read_field
from neatfool.cppn.tape import Tape, compile_tape

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
        nodes: int32 [M, 4], for each row after the ones: activation, begin and end of its terms,
            row.
        sources: int32 [T], the row of each term.
        outputs: int64 [N, O], the row of each output.
        weights: float64 [E], the weights of the connections.
        biases: float64 [M], the biases of the nodes.
        responses: float64 [M], the responses of the nodes.
    """

    inputs: int
    rows: int
    steps: tuple[ProgramStep, ...]
    nodes: torch.Tensor
    sources: torch.Tensor
    outputs: torch.Tensor
    weights: torch.Tensor
    biases: torch.Tensor
    responses: torch.Tensor
    _tape: Tape
    _owners: np.ndarray  # int [M], the index of each node's genome
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
        edges = np.sort(self._tape.edges[: len(owners)])
        ends = np.stack([_read_connections(words, edges, end) for end in ("source", "target")], 1)
        nodes = (self._tape.begins[owners] + HEAD)[:, None] + NODE_WORDS * ends
        keys = np.where(ends < 0, ends, _read_nodes(words, nodes.clip(0), "key"))
        return list(zip(owners.tolist(), map(tuple, keys.tolist()), strict=True))

    @property
    def node_keys(self) -> list[tuple[int, int]]:
        """The owner of each bias and response: (index of the genome, key of the node)."""
        genes = np.sort(self._tape.nodes[: self._tape.size, 6])
        keys = _read_nodes(self._tape.words, genes, "key")
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
    linked, owners = tape.nodes[: tape.size], np.repeat(np.arange(len(tape)), np.diff(tape.bounds))
    first, count = tape.inputs + 1, tape.size
    # The genes' order among the words is that of the genomes' dicts.
    in_order = np.argsort(linked[:, 6])
    node_of = np.argsort(in_order)
    genes, level, activation = linked[in_order][:, [6, 7, 0]].T
    order = np.lexsort((activation, level))
    rows = first + np.argsort(order)

    def find_rows(places: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """Find the rows of inputs and nodes by their places among the rows of their genomes."""
        nodes = (tape.bounds[owner] + places - tape.inputs).clip(0)
        return np.where(places < tape.inputs, places, np.append(rows[node_of], 0)[nodes])

    sinks = np.repeat(np.arange(count), linked[:, 2] - linked[:, 1])
    edges = tape.edges[: len(sinks)]
    sources = find_rows(tape.sources[: len(sinks)], owners[sinks])[np.argsort(edges)]
    sinks, edges = node_of[sinks[np.argsort(edges)]], np.sort(edges)
    # Terms are in the order of their nodes' rows; the last one of each is its bias.
    slots = np.argsort(np.append(rows[sinks], rows), kind="stable")
    sources = np.append(sources, np.full(count, tape.inputs))[slots]
    bounds = np.append(0, np.cumsum(np.bincount(sinks, minlength=count)[order] + 1))
    nodes = np.stack([activation[order], bounds[:-1], bounds[1:], rows[order]], 1)
    biases, responses = (_read_nodes(tape.words, genes, name) for name in ("bias", "response"))
    tensor = torch.from_numpy
    return Program(
        inputs=tape.inputs,
        rows=first + count,
        steps=_steps(nodes, level[order]),
        nodes=tensor(nodes.astype(np.int32)),
        sources=tensor(sources.astype(np.int32)),
        outputs=tensor(find_rows(tape.outputs, np.arange(len(tape))[:, None])),
        weights=tensor(_read_connections(tape.words, edges, "weight")),
        biases=tensor(biases),
        responses=tensor(responses),
        _tape=tape,
        _owners=owners,
        _sinks=tensor(sinks),
        _slots=tensor(slots),
    )


def _steps(nodes: np.ndarray, level: np.ndarray) -> tuple[ProgramStep, ...]:
    """Make a step of the nodes of each level, all in the order of rows."""
    return tuple(
        ProgramStep(
            rows=slice(nodes[begin, 3], nodes[end - 1, 3] + 1),
            terms=slice(nodes[begin, 1], nodes[end - 1, 2]),
            blocks=tuple(
                (BY_CODE[int(nodes[begin + low, 0])], slice(low, high))
                for low, high in _runs(nodes[begin:end, 0])
            ),
        )
        for begin, end in _runs(level)
    )


def _runs(numbers: np.ndarray) -> Iterator[tuple[int, int]]:
    """Give where each run of equal numbers begins and ends."""
    cuts = np.flatnonzero(np.diff(numbers, prepend=-1, append=-1))
    return pairwise(cuts.tolist())
