"""A batch of CPPNs as one flat program.

The nodes of all genomes become rows of one table of values. First come the inputs, which the
genomes share, then a row of ones, then each node that some output needs, sorted by level,
aggregation and activation. So a level is one weighted sum over the rows above it (a bias is the
weight of the row of ones), and each activation in it is one block of rows. The number of array
operations depends on the deepest genome, not on the number of genomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.aggregations import AGGREGATIONS, REDUCTIONS
from neatfool.cppn.wiring import read_networks

if TYPE_CHECKING:
    from neatfool.cppn.functions.activations import Activation
    from neatfool.cppn.functions.aggregations import Reduction
    from neatfool.cppn.wiring import Networks

_ACTIVATIONS = tuple(ACTIVATIONS.values())
_MEAN, _PRODUCT = AGGREGATIONS.index("mean"), AGGREGATIONS.index("product")
_REDUCTIONS: tuple[Reduction | None, ...] = (None, *REDUCTIONS.values())


@dataclass(frozen=True)
class Block:
    """Rows of a step, counted from its first, whose nodes share an activation."""

    activation: Activation
    rows: slice


@dataclass(frozen=True)
class Step:
    """Nodes of one level with one aggregation."""

    rows: slice
    """Their rows."""
    terms: slice
    """Their terms in the program."""
    reduction: Reduction | None
    """Joins their terms, the same number for each node; None for weighted sums, of any number."""
    blocks: tuple[Block, ...]
    """The rows by activation."""


@dataclass(frozen=True, eq=False)
class Program:
    """A batch of N genomes, flattened; :func:`~neatfool.cppn.rendering.evaluate` runs it.

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
        sources: int32 [T], the row of each term.
        offsets: int32 [M], the first term of each row after the ones, counted in its step.
    """

    inputs: int
    rows: int
    steps: tuple[Step, ...]
    outputs: torch.Tensor
    weights: torch.Tensor
    biases: torch.Tensor
    responses: torch.Tensor
    nodes: torch.Tensor
    sources: torch.Tensor
    offsets: torch.Tensor
    _networks: Networks
    _layout: _Layout

    def __len__(self) -> int:
        """The number of genomes."""
        return len(self.outputs)

    @property
    def weight_keys(self) -> list[tuple[int, tuple[int, int]]]:
        """The owner of each weight: (index of the genome, key of the connection)."""
        sinks = self._layout.sinks
        owners = self._networks.genome[sinks].tolist()
        return list(zip(owners, self._networks.connection_keys, strict=True))

    @property
    def node_keys(self) -> list[tuple[int, int]]:
        """The owner of each bias and response: (index of the genome, key of the node)."""
        return list(zip(self._networks.genome.tolist(), self._networks.node_keys, strict=True))

    def factors(
        self,
        weights: torch.Tensor | None = None,
        biases: torch.Tensor | None = None,
        responses: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Compute the factor of each term.

        The factors of sums and means include response and bias, and those of means the number of
        inputs; other nodes apply response and bias afterwards.

        Args:
            weights: Floats [E] in place of ``Program.weights``.
            biases: Floats [M] in place of ``Program.biases``.
            responses: Floats [M] in place of ``Program.responses``.

        Returns:
            Floats [T], differentiable by all three.
        """
        own = (self.weights, self.biases, self.responses)
        given = [tensor for tensor in (weights, biases, responses) if tensor is not None]
        if not given:
            # In numpy, because torch may wake its other threads, which takes longer than this.
            with np.errstate(over="ignore", invalid="ignore"):
                return torch.from_numpy(self._layout.factors(np, *(each.numpy() for each in own)))
        factors: torch.Tensor = self._layout.factors(
            torch,
            *(
                (mine if other is None else other).to(given[0].device)
                for mine, other in zip(own, (weights, biases, responses), strict=True)
            ),
        )
        return factors


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where each term's factor comes from."""

    sinks: np.ndarray
    """int [E], the node that each weight leads to."""
    summed: np.ndarray
    """bool [M], whether the node is a weighted sum."""
    divisors: np.ndarray
    """int [M], the divisor of that sum."""
    slots: np.ndarray
    """int [T], the place of each term's factor in the scaled weights, then biases."""

    def factors(self, xp: Any, weights: Any, biases: Any, responses: Any) -> Any:
        """Compute the factors with numpy or torch; see :meth:`Program.factors`."""
        array = np.asarray if xp is np else partial(torch.as_tensor, device=weights.device)
        scale = xp.where(array(self.summed), responses / array(self.divisors), 1.0)
        return xp.concatenate([weights * scale[array(self.sinks)], biases])[array(self.slots)]


def compile_genomes(
    genomes: Sequence[Any], input_keys: Sequence[int], output_keys: Sequence[int]
) -> Program:
    """Compile a batch of genomes into one program.

    Args:
        genomes: N genomes of neat-python's kind: ``nodes`` maps keys to genes with ``activation``,
            ``aggregation``, ``bias`` and ``response``; ``connections`` maps (from, to) to genes
            with ``weight`` and ``enabled``.
        input_keys: The keys of the I inputs.
        output_keys: The keys of the O output nodes.

    Returns:
        The program. It holds copies of all numbers.

    Raises:
        ExperimentError: A genome has a cycle, lacks a node, or names an unknown activation or
            aggregation; the message names the genome and the nodes.
    """
    networks = read_networks(genomes, input_keys, output_keys)
    first, count = networks.first, len(networks.bias)
    fan_in = np.bincount(networks.sink - first, minlength=count)
    kind = np.maximum(networks.aggregation - _MEAN, 0)
    # A product of nothing is 1; any other aggregation of nothing is 0, as an empty sum is.
    kind[(fan_in == 0) & (networks.aggregation != _PRODUCT)] = 0
    arity = np.where(kind > 0, fan_in, 0)
    nodes = np.lexsort((networks.activation, arity, kind, networks.level))
    row = np.arange(first + count)
    row[first + nodes] = np.arange(first, first + count)

    layout, sources, bounds = _lay_out(networks, fan_in, kind == 0, row)
    starts = _starts(networks.level[nodes], kind[nodes], arity[nodes])
    offsets = bounds[:-1] - np.repeat(bounds[starts], np.diff(starts, append=count))
    return Program(
        inputs=networks.inputs,
        rows=first + count,
        steps=_steps(starts, networks.activation[nodes], kind[nodes], bounds, first),
        outputs=torch.from_numpy(row[networks.outputs]),
        weights=torch.from_numpy(networks.weight),
        biases=torch.from_numpy(networks.bias),
        responses=torch.from_numpy(networks.response),
        nodes=torch.from_numpy(nodes),
        sources=torch.from_numpy(sources.astype(np.int32)),
        offsets=torch.from_numpy(offsets.astype(np.int32)),
        _networks=networks,
        _layout=layout,
    )


def _lay_out(
    networks: Networks, fan_in: np.ndarray, summed: np.ndarray, row: np.ndarray
) -> tuple[_Layout, np.ndarray, np.ndarray]:
    """Put the terms in the order of their nodes' rows.

    Returns:
        The layout of their factors, the row [T] of each term, and the bounds [M + 1] of the terms
        of each row after the ones.
    """
    first, weights = networks.first, len(networks.weight)
    biased = np.flatnonzero(summed)
    owner = row[np.concatenate([networks.sink, first + biased])] - first
    source = np.concatenate([row[networks.source], np.full(len(biased), networks.inputs)])
    factor = np.concatenate([np.arange(weights), weights + biased])
    order = np.argsort(owner, kind="stable")
    layout = _Layout(
        sinks=networks.sink - first,
        summed=summed,
        divisors=np.where(networks.aggregation == _MEAN, fan_in.clip(1), 1),
        slots=factor[order],
    )
    bounds = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(summed)))])
    return layout, source[order], bounds


def _starts(*columns: np.ndarray) -> np.ndarray:
    """Find where a run of equal rows begins in sorted columns."""
    return np.flatnonzero(np.any([np.diff(column, prepend=-1) for column in columns], axis=0))


def _steps(
    starts: np.ndarray, activation: np.ndarray, kind: np.ndarray, bounds: np.ndarray, first: int
) -> tuple[Step, ...]:
    """Make the steps that begin at the given nodes, all in the order of rows."""
    count = len(activation)
    cuts = np.append(np.union1d(starts, _starts(activation)), count)
    steps = []
    for low, high in pairwise(np.searchsorted(cuts, np.append(starts, count))):
        own = cuts[low : high + 1].tolist()
        begin, end = own[0], own[-1]
        steps.append(
            Step(
                rows=slice(first + begin, first + end),
                terms=slice(int(bounds[begin]), int(bounds[end])),
                reduction=_REDUCTIONS[kind[begin]],
                blocks=tuple(
                    Block(_ACTIVATIONS[activation[cut]], slice(cut - begin, following - begin))
                    for cut, following in pairwise(own)
                ),
            )
        )
    return tuple(steps)
