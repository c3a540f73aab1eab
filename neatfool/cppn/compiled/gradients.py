"""Compiled gradients: from an image back to the parameters of a genome."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from neatfool.cppn.functions.colour import COLOUR_MAPS

if TYPE_CHECKING:
    from neatfool.cppn.functions.colour import ColourMap
    from neatfool.cppn.plain.program import Program

_COLOURS = tuple(COLOUR_MAPS)


class _Kernels(NamedTuple):
    flow_back: Callable[..., None]
    tile: int
    lanes: int


@cache
def _kernels() -> _Kernels:
    from neatfool.cppn.compiled.lanes import LANES
    from neatfool.cppn.compiled.slope_kernel import TILE, flow_back

    return _Kernels(flow_back, TILE, LANES)


def is_sums(program: Program) -> bool:
    """Tell whether all nodes are weighted sums; compiled code differentiates nothing else."""
    return all(step.reduction is None for step in program.steps)


def factor_gradients(
    program: Program,
    inputs: torch.Tensor,
    colours: ColourMap,
    by_channel: torch.Tensor,
) -> torch.Tensor:
    """Turn gradients by channels into gradients by the factors of a genome's terms.

    Args:
        program: One genome, of weighted sums only.
        inputs: float32 [1 or 3, I, P], the inputs at P pixels and, if nodes fade, their
            derivatives.
        colours: The colour map.
        by_channel: float32 [G, C, P], the gradients by the channels.

    Returns:
        float64 [G, T], the gradients by ``program.factors()``.
    """
    kernels = _kernels()
    # For each node: activation, begin and end of its terms, row.
    bounds, rows = program.bounds.numpy(), np.arange(program.inputs + 1, program.rows)
    nodes = np.stack([program.activations.numpy(), bounds[:-1], bounds[1:], rows], 1)
    totals = np.zeros((len(by_channel), len(program.sources)))
    tables = np.zeros((3, *inputs.shape[1:]), np.float32)
    tables[: len(inputs)] = inputs.numpy()
    kernels.flow_back(
        nodes.astype(np.int32),
        program.sources.numpy(),
        program.factors(program.weights, program.biases, program.responses).float().numpy(),
        program.outputs[0].numpy(),
        tables,
        _COLOURS.index(colours.name),
        by_channel.contiguous().numpy(),
        totals,
        *(np.empty((3, program.rows, kernels.tile), np.float32) for _ in range(2)),
        np.empty((3, kernels.tile), np.float32),
        np.empty((1, kernels.lanes), np.float32),
    )
    return torch.from_numpy(totals)
