"""The compiled renderer: runs a tape of nodes over the pixels, a tile at a time; and the bell.

A tile is a range of pixels, small enough for the values of a genome's nodes to stay in the
processor's cache. It is computed in blocks, with the same instructions for each pixel. So the bits
of an image do not depend on the tile, on other images, or on the number of threads.
"""

from typing import Any, Final, cast

import numpy as np
from numpy import ndarray as Array

from neatfool.compiling import inner, outer
from neatfool.cppn.compiled.lanes import LANES, add_product, bits_of, load, spread, store
from neatfool.cppn.compiled.nodes import activate, activate_common, aggregate, paint
from neatfool.cppn.functions.aggregations import SUM
from neatfool.cppn.functions.lattice import HALF

F = np.float32
# Adding this rounds to an integer, and the lowest bits hold that integer.
_ROUND: Final = F(1.5 * 2**23)

TILE: Final = 1024
"""The most pixels of a tile, so that the values of some hundred nodes fit the cache."""


@inner
def _load(
    inputs: Array, start: int, count: int, width: int, across: int, tables: Array, lines: Array
) -> None:
    """Read the inputs at a tile's pixels, and at the first pixel of each of its lines."""
    for table in range(len(inputs)):
        for row in range(inputs.shape[1]):
            for pixel in range(count):
                tables[table, row, pixel] = inputs[table, row, start + pixel]
            for pixel in range(count, width):
                tables[table, row, pixel] = F(0.0)
            for line in range(LANES):
                pixel = start + line * across
                known = inputs[table, row, pixel] if pixel < start + count else F(0.0)
                lines[table, row, line] = known


@inner
def _complete(
    row: int, lines: Array, tables: Array, same_across: bool, across: int, count: int
) -> None:
    """Fill the rest of a row that is the same along each line, or in all; and a bit beyond."""
    for table in range(len(tables)):
        for line in range((count + across - 1) // across):
            if same_across:
                value = spread(lines[table, row, line])
                for column in range(0, across, LANES):
                    store(tables[table], row, line * across + column, value)
            elif line:
                for column in range(0, across, LANES):
                    value = load(tables[table], row, column)
                    store(tables[table], row, line * across + column, value)


@inner
def _write(levels: Array, pixels: Array) -> None:
    for i in range(len(pixels)):
        pixels[i] = np.uint8(bits_of(levels[i] * F(255.0) + _ROUND))


@inner
def _paint(
    colour: int,
    tables: Array,
    rows: Array,
    channels: Array,
    image: Array,
    start: int,
    count: int,
    limited: bool | None,
) -> None:
    """Write the bytes of some pixels of an image, uint8 [C, Q]."""
    width = (count + LANES - 1) // LANES * LANES
    paint(colour, (tables, rows, channels, width, limited))
    for channel in range(len(image)):
        _write(channels[channel], image[channel][start : start + count])


_SIGNATURE: Final = (
    "void(Tuple((int64[::1], int32[:, ::1], float32[:, ::1], int32[::1], float32[::1], "
    "int32[:, ::1])), float32[:, :, ::1], UniTuple(int64, 2), UniTuple(int64, 4), int64, "
    "uint8[:, :, ::1], int64, Tuple((float32[:, :, ::1], float32[:, :, ::1], float32[::1], "
    "int32[::1], float32[:, ::1])), none, {})"
)


@outer()
def draw(
    tape: tuple[Array, ...],
    inputs: Array,
    part: tuple[int, int],
    tiling: tuple[int, int, int, int],
    colour: int,
    images: Array,
    offset: int,
    scratch: tuple[Array, ...],
    others: bool | None,
    limited: bool | None,
) -> None:
    """Draw some genomes at some pixels.

    Args:
        tape: From a :class:`~neatfool.cppn.Tape`: bounds, nodes, numbers, sources, factors and
            outputs.
        inputs: float32 [1 or 3, I, P], the inputs and, if nodes fade, their derivatives.
        part: The first of the P pixels to draw, and the one after the last.
        tiling: The pixels of a tile (up to ``TILE``, and up to ``LANES`` whole lines if any input
            is the same in all rows or columns), those of a line of the image, and the inputs that
            vary between columns, and between rows: bit i % 31 for input i.
        colour: The place of the colour map in ``COLOUR_MAPS``.
        images: uint8 [N, C, Q], the images to write, of which ``offset`` is the first pixel.
        offset: See ``images``.
        scratch: float32 [3, R, TILE + LANES] and [3, R, LANES] for inputs and nodes; float32 [k]
            and int32 [k] for the terms of a node; float32 [3, TILE + LANES].
        others: None if all nodes are sums with one of the ``COMMON`` activations: less is compiled.
        limited: None for points; the code for nodes that fade is not compiled then.
    """
    bounds, nodes, numbers, sources, factors, outputs = tape
    tables, lines, terms, order, channels = scratch
    tile, across, by_column, by_row = tiling
    # The last block of a line may extend beyond it.
    line = (across + LANES - 1) // LANES * LANES
    for start in range(part[0], part[1], tile):
        count = min(tile, part[1] - start)
        width = (count + LANES - 1) // LANES * LANES
        _load(inputs, start, count, width, across, tables, lines)
        for genome in range(len(outputs)):
            for place in range(bounds[genome], bounds[genome + 1]):
                node, row = nodes[place], nodes[place, 4]
                needs_all, needs_line = node[5] & by_column, node[5] & by_row
                here = tables if needs_all else lines
                columns = LANES if not needs_all else width if needs_line else line
                own, weights = sources[node[2] : node[3]], factors[node[2] : node[3]]
                if others is not None and node[1] != SUM:
                    aggregate(node[1], (here, row, own, weights, columns, terms, order))
                    own, weights = node[4:5], numbers[place, :1]
                given = here, own, weights, numbers[place, 1], row, columns, limited
                if others is not None:
                    activate(node[0], given)
                else:
                    activate_common(node[0], given)
                if not needs_all and node[6] & by_column:
                    _complete(row, lines, tables[: len(inputs)], True, across, count)
                elif needs_all and not needs_line and node[6] & by_row:
                    _complete(row, lines, tables[: len(inputs)], False, across, count)
            own_image, begin = images[genome], offset + start
            _paint(colour, tables, outputs[genome], channels, own_image, begin, count, limited)


# Code for genomes whose nodes are all common. Any other takes three times as long to compile, and
# is compiled when it is called.
cast("Any", draw).compile(_SIGNATURE.format("boolean"))


@inner
def _join(rows: Array, first: int, weights: Array, width: int, out: Array, row: int) -> None:
    """Write the weighted sum of some rows."""
    for x in range(0, width, LANES):
        total = spread(F(0.0))
        for tap in range(len(weights)):
            total = add_product(total, load(rows, first + tap, x), weights[tap])
        store(out, row, x, total)


@inner
def _turn(rows: Array, height: int, width: int, out: Array) -> None:
    for y in range(height):
        for x in range(width):
            out[x, y] = F(rows[y, x])


@outer()
def smooth(
    points: Array,
    first_down: Array,
    down: Array,
    first_across: Array,
    across: Array,
    pixels: Array,
    columns: Array,
    wide: Array,
    rows: Array,
) -> None:
    """Turn the points of a lattice into pixels.

    The points are uint8 [M, h, w], the pixels [M, H, W]. For each row of pixels there are the first
    row of points, int64 [H], and the weights of that and the following rows, float32 [H, TAPS]; so
    for columns. Scratch is float32 [w, ≥ h + LANES], [W + 1, ≥ max(h, W) + LANES] and
    [h, ≥ W + LANES].
    """
    height, width = points.shape[1:]
    for image in range(len(points)):
        _turn(points[image], height, width, columns)
        for x in range(len(first_across)):
            _join(columns, first_across[x], across[x], height, wide, x)
        _turn(wide, len(first_across), height, rows)
        for y in range(len(first_down)):
            _join(rows, first_down[y], down[y], len(first_across), wide, 0)
            for x in range(len(first_across)):
                pixels[image, y, x] = np.uint8(bits_of((wide[0, x] + F(HALF)) + _ROUND))
