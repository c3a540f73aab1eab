"""Rendering: genomes become numbers, and numbers become images.

The plain renderer runs a :class:`~neatfool.cppn.Program` with torch and numpy, on any device, and
gives gradients. The compiled one runs a :class:`~neatfool.cppn.Tape` on a CPU, several times as
fast, and a kernel runs it on GPUs of NVIDIA's.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final

import torch

from neatfool.cppn.compile.tape import Tape
from neatfool.cppn.draw.colour import ColourMap, find_colour_map, quantise
from neatfool.cppn.draw.cpu import draw_tape, smooth_bytes
from neatfool.cppn.draw.lattice import InputKind, PixelGrid, lay_lattice, smooth, whole_tables

if TYPE_CHECKING:
    from neatfool.cppn.compile.program import Program

PIXELS_KEPT: Final = 1 << 20
"""The inputs of images up to this many pixels (16 MiB of inputs) stay on a GPU between batches."""


def render(
    program: Program | Tape,
    *,
    height: int,
    width: int,
    native: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
    inputs: InputKind = "raw",
    colour_map: str = "grey",
    channels: int | None = None,
    band_limit: float = 0.0,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Render a batch of genomes that take x, y, d and 1.

    Args:
        program: The N genomes: a program for the plain renderer, a tape for the compiled one.
        height: Pixels of the whole image from top to bottom.
        width: Pixels of the whole image from left to right.
        native: (height, width) of the images that the genomes were bred for; by default the size
            of this one.
        box: (left, top, right, bottom) of the part to render; all of it if absent.
        inputs: ``"raw"`` or ``"normalised"``; see
            :func:`~neatfool.cppn.draw.lattice.pixel_grid`.
        colour_map: One of :data:`~neatfool.cppn.draw.colour.COLOUR_MAPS`.
        channels: 3 repeats a grey channel three times; by default those of the colour map.
        band_limit: How far each node reaches for the mean that it shows: a standard deviation in
            native pixels; see :mod:`neatfool.cppn.activations`. 0: a pixel shows the
            value at its centre.
        device: The device to render on; a tape needs the CPU or a GPU of NVIDIA's with the extra
            ``cuda``.

    Returns:
        uint8 [N, C, H, W] on that device, H and W of the box. The bits do not depend on the rest
        of the batch, and a box is exactly the crop of the whole. The two renderers round
        differently, so that now and then a value differs by one.

    Raises:
        ExperimentError: There is no such colour map, or it does not fit.
        ValueError: A size, the box, the kind of inputs, the band limit or the device is wrong.
    """
    outputs = program.outputs.shape[1]
    colours = find_colour_map(colour_map, outputs=outputs, channels=channels)
    where = torch.device(device)
    if not 0 <= band_limit < math.inf:
        raise ValueError(f"band limit {band_limit}: must be 0 or more, and finite")

    lattice = lay_lattice(height, width, band_limit=band_limit, native=native, box=box, kind=inputs)
    join = smooth
    if not isinstance(program, Tape):
        points = _draw_program(program, lattice.grid, colours, where)
    elif where.type != "cpu":
        points = _draw_by_kernel(program, lattice.grid, colours, where)
    else:
        points, join = draw_tape(program, lattice.grid, colours), smooth_bytes
    images = join(points.view(*points.shape[:2], *lattice.shape), lattice)
    return images.repeat(1, channels, 1, 1) if channels not in (None, colours.channels) else images


def _draw_program(
    program: Program, grid: PixelGrid, colours: ColourMap, where: torch.device
) -> torch.Tensor:
    """Draw with the plain renderer: uint8 [N, C, P]."""
    from neatfool.cppn.draw.execution import ProgramRunner, on_one_core

    @torch.no_grad()
    def compute() -> torch.Tensor:
        shape = (len(program), colours.channels, grid.pixels)
        images = torch.empty(shape, dtype=torch.uint8, device=where)
        inputs = partial(_inputs_on, grid, where)
        found = ProgramRunner(program, torch.float32, where).run(
            grid.pixels, 3 if grid.reach else 1, inputs
        )
        for pixels, outputs in found:
            channels = colours(outputs if grid.reach else outputs.squeeze(2))
            images[:, :, pixels] = quantise(channels)
        return images

    return on_one_core(compute) if where.type == "cpu" else compute()


def _draw_by_kernel(
    tape: Tape, grid: PixelGrid, colours: ColourMap, where: torch.device
) -> torch.Tensor:
    """Draw on a GPU of NVIDIA's: uint8 [N, C, P]."""
    from neatfool.cppn.draw.cuda import can_launch, draw_on_gpu

    if not can_launch(where.type):
        raise ValueError(f"device {where}: a tape is drawn on the CPU, or on a GPU of NVIDIA's")
    parts = [
        draw_on_gpu(tape, _inputs_on(grid, where, start, start + PIXELS_KEPT), colours, where)
        for start in range(0, grid.pixels, PIXELS_KEPT)
    ]
    return torch.cat(parts, 2) if len(parts) > 1 else parts[0]


def _inputs_on(grid: PixelGrid, device: torch.device, start: int, stop: int) -> torch.Tensor:
    """Give the inputs of some pixels on a device; those of a small image stay on a GPU."""
    if grid.pixels > PIXELS_KEPT or device.type == "cpu":
        return grid.tables(start, min(stop, grid.pixels)).to(device)
    return whole_tables(grid, device)[..., start:stop]
