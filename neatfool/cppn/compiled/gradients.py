"""Compiled gradients: from an image back to the parameters of a genome."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.colour import COLOUR_MAPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool.cppn.functions.colour import ColourMap
    from neatfool.cppn.functions.surroundings import Surroundings
    from neatfool.cppn.plain.program import Program

_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}
_COLOURS = tuple(COLOUR_MAPS)


class _Kernels(NamedTuple):
    flow_back: Callable[..., None]
    spread: Callable[..., None]
    tile: int
    lanes: int


@cache
def _kernels() -> _Kernels:
    from neatfool.cppn.compiled.lanes import LANES
    from neatfool.cppn.compiled.slope_kernel import TILE, flow_back
    from neatfool.cppn.compiled.spreading import spread

    return _Kernels(flow_back, spread, TILE, LANES)


def is_sums(program: Program) -> bool:
    """Tell whether all nodes are weighted sums; compiled code differentiates nothing else."""
    return all(step.reduction is None for step in program.steps)


def spread_gradients(around: Surroundings, gradients: torch.Tensor) -> list[torch.Tensor]:
    """Do what :meth:`~neatfool.cppn.functions.surroundings.Surroundings.spread` does.

    Args:
        around: The samples of an image at its native size.
        gradients: float32 [..., H, W].

    Returns:
        For each grid float32 [..., h, w].
    """
    images = gradients.reshape(-1, *gradients.shape[-2:]).contiguous().numpy()
    found = []
    for grid, across, down in zip(around.grids, around.across, around.down, strict=True):
        assert across.kernel is not None
        samples = np.zeros((len(images), len(grid.y), len(grid.x)), np.float32)
        _kernels().spread(
            images,
            across.first[0],
            across.kernel,
            across.scale / np.float32(len(around.grids)),
            down.first,
            down.weights,
            samples,
            np.empty((2, max(images.shape[2], samples.shape[2])), np.float32),
        )
        found.append(torch.from_numpy(samples).view(*gradients.shape[:-2], *samples.shape[1:]))
    return found


def factor_gradients(
    program: Program, inputs: torch.Tensor, colours: ColourMap, by_channel: torch.Tensor
) -> torch.Tensor:
    """Turn gradients by channels into gradients by the factors of a genome's terms.

    Args:
        program: One genome, of weighted sums only.
        inputs: float32 [I, P], the inputs at P pixels.
        colours: The colour map.
        by_channel: float32 [G, C, P], the gradients by the channels.

    Returns:
        float64 [G, T], the gradients by ``program.factors()``.
    """
    kernels = _kernels()
    totals = np.zeros((len(by_channel), len(program.sources)))
    kernels.flow_back(
        _list_nodes(program),
        program.sources.numpy(),
        program.factors().float().numpy(),
        program.outputs[0].numpy(),
        inputs.contiguous().numpy(),
        _COLOURS.index(colours.name),
        by_channel.contiguous().numpy(),
        totals,
        *(np.empty((program.rows, kernels.tile), np.float32) for _ in range(3)),
        np.empty((1, kernels.lanes), np.float32),
    )
    return torch.from_numpy(totals)


def _list_nodes(program: Program) -> np.ndarray:
    """Give for each node: activation, begin and end of its terms, row; int32 [M, 4]."""
    nodes = np.array(
        [
            (_CODES[block.activation.name], 0, 0, 0)
            for step in program.steps
            for block in step.blocks
            for _ in range(block.rows.start, block.rows.stop)
        ],
        np.int32,
    ).reshape(-1, 4)
    starts = np.concatenate(
        [
            program.offsets.numpy()[step.rows.start - program.inputs - 1 :][
                : step.rows.stop - step.rows.start
            ]
            + step.terms.start
            for step in program.steps
        ]
    )
    nodes[:, 1] = starts
    nodes[:, 2] = [*starts[1:], len(program.sources)]
    nodes[:, 3] = program.inputs + 1 + np.arange(len(nodes))
    return nodes
