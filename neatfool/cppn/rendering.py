"""Rendering: genomes become numbers, and numbers become images.

There are two renderers. The plain one runs a :class:`~neatfool.cppn.plain.program.Program` with
torch and numpy, on any device, and gives gradients. The compiled one runs a
:class:`~neatfool.cppn.compiled.tape.Tape` on a CPU, several times as fast.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

import torch

from neatfool.cppn.compiled.gradients import factor_gradients, is_sums, spread_gradients
from neatfool.cppn.compiled.renderer import draw_smooth_tape, draw_tape
from neatfool.cppn.compiled.tape import Tape
from neatfool.cppn.functions.colour import find_colour_map, quantise
from neatfool.cppn.functions.inputs import pixel_grid
from neatfool.cppn.functions.surroundings import Surroundings, surroundings
from neatfool.cppn.one_core import on_one_core
from neatfool.cppn.plain.execution import Machine

if TYPE_CHECKING:
    import numpy as np

    from neatfool.cppn.functions.colour import ColourMap
    from neatfool.cppn.functions.inputs import InputKind, PixelGrid
    from neatfool.cppn.plain.program import Program

DIFFERENTIATED_BYTES: Final = {"cpu": 8 << 20, "gpu": 256 << 20}
"""The most memory for the nodes' values of the pixels that are differentiated at once. Gradients
take some five times as much in all."""

PARAMETERS: Final = ("weights", "biases", "responses")

PIXELS_KEPT: Final = 1 << 20
"""The inputs of images up to this many pixels (16 MiB of inputs) stay on a GPU between batches."""


def evaluate(
    program: Program,
    inputs: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
    biases: torch.Tensor | None = None,
    responses: torch.Tensor | None = None,
) -> torch.Tensor:
    """Compute the outputs of a batch of genomes.

    For a gradient, the values of all nodes are kept. Without one, pixels are computed tile by tile,
    on a CPU with faster functions, whose values differ in the last bits.

    Args:
        program: The N genomes, compiled.
        inputs: float32 or float64 [I, P], the inputs at P pixels, on any device.
        weights: Floats [E] in place of the program's weights.
        biases: Floats [M] in place of the program's biases.
        responses: Floats [M] in place of the program's responses.

    Returns:
        Floats [N, O, P] of the inputs' precision, on their device; differentiable by each argument
        that requires a gradient.

    Raises:
        ValueError: The number of inputs is not that of the genomes.
    """
    if inputs.dim() != 2 or len(inputs) != program.inputs:
        raise ValueError(f"inputs {list(inputs.shape)}: must be [{program.inputs}, pixels]")
    parameters = {"weights": weights, "biases": biases, "responses": responses}

    def machine() -> Machine:
        return Machine(program, inputs.dtype, inputs.device, **parameters)

    if torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in (inputs, *parameters.values())
    ):
        return machine().differentiate(inputs)

    @torch.no_grad()
    def compute() -> torch.Tensor:
        outputs = inputs.new_empty(*program.outputs.shape, inputs.shape[1])

        def keep(genomes: slice, pixels: slice, values: torch.Tensor) -> None:
            outputs[genomes, :, pixels] = values.transpose(0, 1)

        machine().run(inputs.shape[1], lambda start, stop: inputs[:, start:stop], keep)
        return outputs

    return on_one_core(compute) if inputs.device.type == "cpu" else compute()


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
    blur: float = 0.0,
    samples: int = 2,
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
            :func:`~neatfool.cppn.functions.inputs.pixel_grid`.
        colour_map: One of :data:`~neatfool.cppn.functions.colour.COLOUR_MAPS`.
        channels: 3 repeats a grey channel three times; by default those of the colour map.
        blur: How wide the surroundings are that a pixel shows the mean of: a standard deviation in
            native pixels; see :mod:`neatfool.cppn.functions.surroundings`. 0: a pixel shows the
            value at its centre.
        samples: The samples in each native pixel for that mean: 1, 2, 4 or 9.
        device: The device to render on; a tape needs the CPU.

    Returns:
        uint8 [N, C, H, W] on that device, H and W of the box. The bits do not depend on the rest
        of the batch, and a box is exactly the crop of the whole. The two renderers round
        differently, so that now and then a value differs by one.

    Raises:
        ExperimentError: There is no such colour map, or it does not fit.
        ValueError: A size, the box, the kind of inputs, the blur, the samples or the device is
            wrong.
    """
    outputs = program.outputs.shape[1]
    colours = find_colour_map(colour_map, outputs=outputs, channels=channels)
    left, top, right, bottom = box or (0, 0, width, height)
    where = torch.device(device)
    if isinstance(program, Tape) and where.type != "cpu":
        raise ValueError(f"device {device}: a tape can only be rendered on the CPU")

    def draw(grid: PixelGrid) -> torch.Tensor:
        if isinstance(program, Tape):
            return draw_tape(program, grid, colours)
        return _draw_program(program, grid, colours, where)

    if blur:
        around = surroundings(
            height, width, native=native, box=box, kind=inputs, blur=blur, samples=samples
        )
        if isinstance(program, Tape):
            images = draw_smooth_tape(program, around, colours)
        else:
            images = around.smooth([draw(grid) for grid in around.grids])
    else:
        images = draw(pixel_grid(height, width, native=native, box=box, kind=inputs))
    images = images.view(len(program), colours.channels, bottom - top, right - left)
    return images.repeat(1, channels, 1, 1) if channels not in (None, colours.channels) else images


def render_gradients(
    program: Program,
    gradients: np.ndarray,
    *,
    native: tuple[int, int] | None = None,
    inputs: InputKind = "raw",
    colour_map: str = "grey",
    blur: float = 0.0,
    samples: int = 2,
    device: torch.device | str = "cpu",
    compiled: bool = False,
) -> dict[str, torch.Tensor]:
    """Turn gradients by pixels into gradients by the parameters of a batch of genomes.

    The result is the derivative of sum(gradients * images), with the images of ``render`` before
    they are rounded to bytes. Pixels are processed tile by tile, so that memory does not grow with
    their number.

    Args:
        program: The N genomes, compiled.
        gradients: float32 [G, N, C, H, W]: the gradients of G functions of the images by the grey
            level of each pixel. C is 3, or the channels of the colour map.
        native: As for :func:`render`.
        inputs: As for :func:`render`.
        colour_map: As for :func:`render`.
        blur: As for :func:`render`.
        samples: As for :func:`render`.
        device: The device to compute on.
        compiled: Whether to use compiled code, which needs numba and is several times as fast. It
            takes one genome, on the CPU. A genome with other nodes than weighted sums is computed
            by torch in any case.

    Returns:
        float64 on the CPU, by ``weights`` [G, E], ``biases`` [G, M] and ``responses`` [G, M].
        Derivatives that are not finite become 0.

    Raises:
        ExperimentError: There is no such colour map, or it does not fit.
        ValueError: A size, the kind of inputs or the device is wrong.
    """
    count, channels, height, width = gradients.shape[1:]
    outputs = program.outputs.shape[1]
    colours = find_colour_map(colour_map, outputs=outputs, channels=channels)
    where = torch.device(device)
    if compiled and (count != 1 or where.type != "cpu"):
        raise ValueError(f"{count} genomes on {where}: compiled code takes one, on the CPU")
    if channels != colours.channels:
        gradients = gradients.sum(2, keepdims=True)
    by_pixel = torch.from_numpy(gradients).to(where, torch.float32) * 255
    by_compiled = compiled and is_sums(program)
    follow = _follow_by_compiled_code if by_compiled else _follow_by_torch

    @torch.enable_grad()
    def compute() -> dict[str, torch.Tensor]:
        if blur:
            around = surroundings(
                height, width, native=native, kind=inputs, blur=blur, samples=samples
            )
            # At other sizes the columns' weights differ.
            alike = all(each.kernel is not None for each in around.across)
            spread = spread_gradients if by_compiled and alike else Surroundings.spread
            parts = list(zip(around.grids, spread(around, by_pixel), strict=True))
        else:
            parts = [(pixel_grid(height, width, native=native, kind=inputs), by_pixel)]
        found = [follow(program, grid, colours, part.flatten(3)) for grid, part in parts]
        return {
            name: torch.nan_to_num(
                torch.stack([each[name] for each in found]).sum(0), 0.0, 0.0, 0.0
            )
            for name in PARAMETERS
        }

    return on_one_core(compute) if where.type == "cpu" else compute()


def _follow_by_torch(
    program: Program, grid: PixelGrid, colours: ColourMap, by_channel: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Turn gradients [G, N, C, P] into those by the parameters with torch, a tile at a time."""
    where, many = by_channel.device, len(by_channel)
    totals = {
        name: torch.zeros(many, len(getattr(program, name)), dtype=torch.float64)
        for name in PARAMETERS
    }
    step = _pixels_at_once(program, where, grid.pixels)
    for start in range(0, grid.pixels, step):
        stop = min(start + step, grid.pixels)
        given = {
            name: getattr(program, name).to(where, torch.float32).requires_grad_()
            for name in PARAMETERS
        }
        machine = Machine(program, torch.float32, where, **given)
        channels = colours(machine.differentiate(grid.inputs(start, stop).to(where)))
        for which in range(many):
            parts = torch.autograd.grad(
                channels,
                list(given.values()),
                by_channel[which, :, :, start:stop],
                retain_graph=which < many - 1,
                allow_unused=True,
            )
            for name, part in zip(PARAMETERS, parts, strict=True):
                if part is not None:
                    totals[name][which] += part.double().cpu()
    return totals


def _follow_by_compiled_code(
    program: Program, grid: PixelGrid, colours: ColourMap, by_channel: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Turn gradients [G, 1, C, P] into those by one genome's parameters with compiled code."""
    inputs = grid.inputs(0, grid.pixels)
    by_factor = factor_gradients(program, inputs, colours, by_channel[:, 0])
    given = {name: getattr(program, name).clone().requires_grad_() for name in PARAMETERS}
    factors = program.factors(**given)
    parts = [
        torch.autograd.grad(factors, list(given.values()), each, retain_graph=True)
        for each in by_factor
    ]
    return {
        name: torch.stack(each)
        for name, each in zip(PARAMETERS, zip(*parts, strict=True), strict=True)
    }


def _pixels_at_once(program: Program, where: torch.device, pixels: int) -> int:
    """Choose how many pixels to differentiate at once; divide them evenly."""
    size = DIFFERENTIATED_BYTES["cpu" if where.type == "cpu" else "gpu"]
    most = max(size // (4 * program.rows), 1024)
    return -(-pixels // -(-pixels // most))


def _draw_program(
    program: Program, grid: PixelGrid, colours: ColourMap, where: torch.device
) -> torch.Tensor:
    """Draw with the plain renderer: uint8 [N, C, P]."""

    @torch.no_grad()
    def compute() -> torch.Tensor:
        shape = (len(program), colours.channels, grid.pixels)
        images = torch.empty(shape, dtype=torch.uint8, device=where)

        def keep(genomes: slice, pixels: slice, values: torch.Tensor) -> None:
            part = images[genomes, :, pixels]
            if where.type == "cpu":
                colours.write(values.numpy(), part.numpy(), may_be_nan=program.may_overflow)
            else:
                part.copy_(quantise(colours(values.transpose(0, 1))))

        inputs = grid.inputs if where.type == "cpu" else partial(_inputs_on, grid, where)
        Machine(program, torch.float32, where).run(grid.pixels, inputs, keep)
        return images

    return on_one_core(compute) if where.type == "cpu" else compute()


def _inputs_on(grid: PixelGrid, device: torch.device, start: int, stop: int) -> torch.Tensor:
    """Give the inputs of some pixels on a device; those of a small image stay there."""
    if grid.pixels > PIXELS_KEPT:
        return grid.inputs(start, stop).to(device)
    return _all_inputs_on(grid, device)[:, start:stop]


@lru_cache(maxsize=4)
def _all_inputs_on(grid: PixelGrid, device: torch.device) -> torch.Tensor:
    return grid.inputs(0, grid.pixels).to(device)
