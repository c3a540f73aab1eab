"""The colour maps, compiled: loops over pixels, made of the formulas of the table."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy import ndarray as Array

from neatfool.compiling import inlined, inner, make_switch
from neatfool.cppn.compiled.elementary import emit
from neatfool.cppn.compiled.lanes import LANES, bits_of, load, store
from neatfool.cppn.functions.colour import COLOUR_MAPS

if TYPE_CHECKING:
    from neatfool.cppn.functions.colour import ColourMap

F = np.float32
# Adding this rounds to an integer, and the lowest bits hold that integer.
_ROUND: Final = F(1.5 * 2**23)


@cache
def compile_load(outputs: int) -> Callable[..., Any]:
    """Compile what reads the rows of so many outputs."""

    def one(table: Array, rows: Array, start: int) -> tuple[F, ...]:
        return (load(table, rows[0], start),)

    def three(table: Array, rows: Array, start: int) -> tuple[F, ...]:
        a, b = load(table, rows[0], start), load(table, rows[1], start)
        return a, b, load(table, rows[2], start)

    return inlined(one if outputs == 1 else three, f"load_{outputs}")


def _compile_paint(colours: ColourMap) -> Callable[..., None]:
    """Compile the loop that :func:`paint` runs for a colour map."""
    at_points, within_reach = emit(colours.at_points), emit(colours.within_reach)
    read, many = compile_load(colours.outputs), colours.channels

    def loop(tables: Array, rows: Array, channels: Array, width: int, limited: bool | None) -> None:
        for start in range(0, width, LANES):
            outputs = read(tables[0], rows, start)
            if limited is None:
                found = at_points(outputs)
            else:
                across, down = read(tables[1], rows, start), read(tables[2], rows, start)
                found = within_reach(outputs + across + down)
            for channel in range(many):
                store(channels, channel, start, found[channel])

    return inner(loop, f"{colours.name}_paint")


_run_paint = make_switch(
    {code: _compile_paint(each) for code, each in enumerate(COLOUR_MAPS.values())}
)


@inner
def _write(channel: Array, pixels: Array) -> None:
    for i in range(len(pixels)):
        pixels[i] = np.uint8(bits_of(channel[i] * F(255.0) + _ROUND))


@inner
def paint(
    colour: int,
    tables: Array,
    rows: Array,
    channels: Array,
    image: Array,
    start: int,
    count: int,
    limited: bool | None,
) -> None:
    """Write the bytes of an image.

    Args:
        colour: The place of the colour map in ``COLOUR_MAPS``.
        tables: float32 [3, R, P], values and derivatives: the rows of the outputs and others.
        rows: int32 [O], the row of each output.
        channels: float32 [3, P], scratch.
        image: uint8 [C, Q], to write to.
        start: The first pixel to write of the Q.
        count: The number of pixels.
        limited: None for points, whose derivatives are not read.
    """
    width = (count + LANES - 1) // LANES * LANES
    _run_paint(colour, (tables, rows, channels, width, limited))
    for channel in range(len(image)):
        _write(channels[channel], image[channel][start : start + count])
