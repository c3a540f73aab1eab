"""Compiled gradients: from an image back to the parameters of a genome."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neatfool.cppn.functions.activations import ACTIVATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool.cppn.functions.colour import ColourMap
    from neatfool.cppn.plain.program import Program

_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}


@cache
def _kernel() -> tuple[Callable[..., None], int, int]:
    from neatfool.cppn.compiled.lanes import LANES
    from neatfool.cppn.compiled.slope_kernel import TILE, flow_back

    return flow_back, TILE, LANES


def is_sums(program: Program) -> bool:
    """Tell whether all nodes are weighted sums; compiled code differentiates nothing else."""
    return all(step.reduction is None for step in program.steps)


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
    flow_back, tile, lanes = _kernel()
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
    scratch = [np.empty((program.rows, tile), np.float32) for _ in range(3)]
    raw = np.empty((program.outputs.shape[1], inputs.shape[1]), np.float32)

    def run(gradients: np.ndarray, totals: np.ndarray) -> None:
        flow_back(
            nodes,
            program.sources.numpy(),
            program.factors().float().numpy(),
            program.outputs[0].numpy(),
            inputs.contiguous().numpy(),
            gradients,
            raw,
            totals,
            *scratch,
            np.empty((1, lanes), np.float32),
        )

    nothing: Any = np.empty((0, *raw.shape), np.float32)
    run(nothing, np.empty((0, 0)))
    by_output = _by_output(torch.from_numpy(raw), colours, by_channel)
    totals = np.zeros((len(by_channel), len(program.sources)))
    run(by_output.contiguous().numpy(), totals)
    return torch.from_numpy(totals)


@torch.enable_grad()
def _by_output(outputs: torch.Tensor, colours: ColourMap, by_channel: torch.Tensor) -> torch.Tensor:
    """Turn gradients by channels, [G, C, P], into gradients by outputs, [G, O, P]."""
    outputs = outputs.unsqueeze(0).requires_grad_()
    channels = colours(outputs)[0]
    parts = [
        torch.autograd.grad(channels, outputs, each, retain_graph=True)[0][0] for each in by_channel
    ]
    return torch.stack(parts)
