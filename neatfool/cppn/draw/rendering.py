"""Rendering: genomes become numbers, and numbers become images.

The plain renderer runs a :class:`~neatfool.cppn.Program` with torch and numpy, on any device, and
gives gradients. The compiled one runs a :class:`~neatfool.cppn.Tape` on a CPU, several times as
fast, and a kernel runs it on GPUs of NVIDIA's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import torch

from neatfool.cppn.draw.colour import find_colour_map, quantise
from neatfool.cppn.draw.cpu import draw_tape
from neatfool.cppn.draw.lattice import Lattice, Look, lay_lattice, whole_tables
from neatfool.cppn.tape import Tape

if TYPE_CHECKING:
    from neatfool.cppn.program import Program

POINTS_KEPT: Final = 1 << 20
"""The inputs of images of up to this many points (16 MiB of inputs) stay on a GPU between
batches."""


def render(
    program: Program | Tape,
    look: Look,
    *,
    size: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Render a batch of genomes that take x, y, d and 1.

    Args:
        program: The N genomes: a program for the plain renderer, a tape for the compiled one.
        look: How their outputs become a picture.
        size: (height, width) of the whole image in pixels; the native size if absent.
        box: (left, top, right, bottom) of the part to render; all of it if absent.
        device: The device to render on; a tape needs the CPU or a GPU of NVIDIA's with the extra
            ``cuda``.

    Returns:
        uint8 [N, C, H, W] on that device, H and W of the box. The bits do not depend on the rest
        of the batch, and a box is exactly the crop of the whole. The two renderers round
        differently, so that now and then a value differs by one.

    Raises:
        ExperimentError: There is no such colour map, or it does not fit.
        ValueError: The size, the box or the device is wrong.
    """
    outputs = program.outputs.shape[1]
    colours = find_colour_map(look.colour_map, outputs=outputs, channels=look.channels)
    where = torch.device(device)
    lattice = lay_lattice(look, size, box)
    compiled = isinstance(program, Tape) and where.type == "cpu"
    if not isinstance(program, Tape):
        points = _draw_program(program, lattice, where)
    elif compiled:
        points = draw_tape(program, lattice)
    else:
        points = _draw_by_kernel(program, lattice, where)
    images = points.view(*points.shape[:2], len(lattice.y), len(lattice.x))
    if lattice.axes is not None and compiled:
        from neatfool.cppn.draw.spline_kernel import smooth_bytes

        images = smooth_bytes(images, lattice.axes)
    elif lattice.axes is not None:
        from neatfool.cppn.draw.spline import smooth

        images = smooth(images, lattice.axes)
    repeats = (look.channels or colours.channels) // colours.channels
    return images.repeat(1, repeats, 1, 1) if repeats > 1 else images


def _draw_program(program: Program, lattice: Lattice, where: torch.device) -> torch.Tensor:
    """Draw with the plain renderer: uint8 [N, C, P]."""
    from neatfool.cppn.draw.execution import ProgramRunner, on_one_core

    colours, reach = lattice.look.colours, lattice.look.band_limit

    @torch.no_grad()
    def compute() -> torch.Tensor:
        shape = (len(program), colours.channels, lattice.points)
        images = torch.empty(shape, dtype=torch.uint8, device=where)
        runner = ProgramRunner(program, torch.float32, where)
        inputs = partial(_inputs_on, lattice, where)
        for points, outputs in runner.run(lattice.points, 3 if reach else 1, inputs):
            images[:, :, points] = quantise(colours(outputs if reach else outputs.squeeze(2)))
        return images

    return on_one_core(compute) if where.type == "cpu" else compute()


def _draw_by_kernel(tape: Tape, lattice: Lattice, where: torch.device) -> torch.Tensor:
    """Draw on a GPU of NVIDIA's: uint8 [N, C, P]."""
    from neatfool.cppn.draw.cuda import can_launch, draw_on_gpu

    if not can_launch(where.type):
        raise ValueError(f"device {where}: a tape is drawn on the CPU, or on a GPU of NVIDIA's")
    starts = range(0, lattice.points, POINTS_KEPT)
    inputs = (_inputs_on(lattice, where, start, start + POINTS_KEPT) for start in starts)
    return torch.cat([draw_on_gpu(tape, each, lattice.look.colours, where) for each in inputs], 2)


def _inputs_on(lattice: Lattice, device: torch.device, start: int, stop: int) -> torch.Tensor:
    """Give the inputs of some points on a device; those of a small image stay on a GPU."""
    if lattice.points > POINTS_KEPT or device.type == "cpu":
        return lattice.tables(start, min(stop, lattice.points)).to(device)
    return whole_tables(lattice, device)[..., start:stop]
