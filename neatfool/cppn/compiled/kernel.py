"""The compiled renderer: runs a tape of nodes over the pixels, a tile at a time.

A tile is a range of pixels, small enough for the values of a genome's nodes to stay in the
processor's cache. It is computed in blocks, with the same instructions for each pixel. So the bits
of an image do not depend on the tile, on other images, or on the number of threads.
"""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np

from neatfool.compiling import inlined, inner, outer
from neatfool.cppn.compiled.activations import activate, activate_common
from neatfool.cppn.compiled.aggregations import SUM, aggregate
from neatfool.cppn.compiled.colour import paint
from neatfool.cppn.compiled.lanes import LANES, load, spread, store

F = np.float32

TILE: Final = 2048
"""The most pixels of a tile, so that the values of some hundred nodes fit the cache."""


@inner
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(len(target)):
        target[i] = source[i]


@inlined
def _compute(
    node: np.ndarray,
    numbers: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    values: np.ndarray,
    scratch: np.ndarray,
    width: int,
    others: bool | None,
) -> None:
    """Compute a node; :func:`draw` describes the arguments."""
    row = node[4]
    if others is not None:
        if node[1] != SUM:
            aggregate(node[1], values, values[row][:width], sources, factors, scratch)
            sources, factors = node[4:5], numbers[:1]
        activate(node[0], values, sources, factors, numbers[1], values, row, width)
    else:
        activate_common(node[0], values, sources, factors, numbers[1], values, row, width)


@inner
def _load(
    inputs: np.ndarray,
    start: int,
    count: int,
    width: int,
    across: int,
    values: np.ndarray,
    lines: np.ndarray,
) -> None:
    """Read the inputs at a tile's pixels, and at the first pixel of each of its lines."""
    for row in range(len(inputs)):
        for pixel in range(count):
            values[row, pixel] = inputs[row, start + pixel]
        for pixel in range(count, width):
            values[row, pixel] = F(0.0)
        for line in range(LANES):
            pixel = start + line * across
            lines[row, line] = inputs[row, pixel] if pixel < start + count else F(0.0)


@inner
def _spread_lines(lines: np.ndarray, values: np.ndarray, row: int, across: int, count: int) -> None:
    """Fill each line with its value; this also writes some pixels beyond the tile."""
    for line in range((count + across - 1) // across):
        value = spread(lines[row, line])
        for column in range(0, across, LANES):
            store(values, row, line * across + column, value)


@inner
def _repeat_line(values: np.ndarray, row: int, across: int, count: int) -> None:
    """Copy the first line to all lines; this also writes some pixels beyond the tile."""
    for start in range(across, count, across):
        for column in range(0, across, LANES):
            store(values, row, start + column, load(values, row, column))


_SIGNATURE: Final = (
    "void(int64[::1], int32[:, ::1], float32[:, ::1], int32[::1], float32[::1], int32[:, ::1], "
    "int64, int64, float32[:, ::1], int64, int64, int64, int64, int64, int64, int64, "
    "uint8[:, :, ::1], float32[:, :, ::1], int64, float32[:, ::1], float32[:, ::1], "
    "float32[:, ::1], uint8[:, ::1], none)"
)


@outer()
def draw(
    bounds: np.ndarray,
    nodes: np.ndarray,
    numbers: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    outputs: np.ndarray,
    first: int,
    last: int,
    inputs: np.ndarray,
    begin: int,
    end: int,
    tile: int,
    across: int,
    by_column: int,
    by_row: int,
    colour: int,
    images: np.ndarray,
    raw: np.ndarray,
    offset: int,
    values: np.ndarray,
    lines: np.ndarray,
    scratch: np.ndarray,
    image: np.ndarray,
    others: bool | None,
) -> None:
    """Draw some genomes at some pixels.

    Args:
        bounds: int64 [N + 1], where the nodes of each genome begin and end.
        nodes: int32 [M, 7], for each node: activation, aggregation, begin and end of its terms,
            row, the inputs that it depends on, and the inputs that the nodes which use it depend
            on: bit i % 31 for input i, or -1 for an output.
        numbers: float32 [M, 2], the factor and the bias of each node's aggregate.
        sources: int32 [T], the row of each term: that of an input or of a node.
        factors: float32 [T], the factor of each term.
        outputs: int32 [N, O], the row of each output.
        first: The first genome to draw.
        last: The genome after the last.
        inputs: float32 [I, P].
        begin: The first of the P pixels to draw.
        end: The pixel after the last.
        tile: The pixels of a tile: up to ``TILE``, and up to ``LANES`` whole lines if any input is
            the same in all rows or columns.
        across: The pixels of a line of the image.
        by_column: The inputs that vary between columns: bit i % 31 for input i.
        by_row: The inputs that vary between rows.
        colour: The place of the colour map in ``COLOUR_MAPS``; -1 for the outputs themselves.
        images: uint8 [N, C, Q], the images to write.
        raw: float32 [N, O, Q], the outputs to write if ``colour`` is -1.
        offset: The place of the first of the P pixels among the Q.
        values: float32 [R, TILE + LANES], scratch: a row for each input and each node of a genome.
        lines: float32 [R, LANES], scratch.
        scratch: float32 [k, TILE], scratch: a row for each term of a node.
        image: uint8 [C, TILE], scratch.
        others: None if all nodes are sums with one of the ``COMMON`` activations; the code for
            others is not compiled then.
    """
    # The last block of a line may extend beyond it.
    line = (across + LANES - 1) // LANES * LANES
    for start in range(begin, end, tile):
        count = min(tile, end - start)
        width = (count + LANES - 1) // LANES * LANES
        _load(inputs, start, count, width, across, values, lines)
        for genome in range(first, last):
            for place in range(bounds[genome], bounds[genome + 1]):
                node = nodes[place]
                row, reach, own = node[4], node[5], slice(node[2], node[3])
                same_across, same_down = reach & by_column == 0, reach & by_row == 0
                table = lines if same_across else values
                size = LANES if same_across else line if same_down else width
                _compute(
                    node, numbers[place], sources[own], factors[own], table, scratch, size, others
                )
                if same_across:
                    if node[6] & by_column:
                        _spread_lines(lines, values, row, across, count)
                elif same_down and node[6] & by_row:
                    _repeat_line(values, row, across, count)
            rows = outputs[genome]
            at = slice(offset + start, offset + start + count)
            if colour < 0:
                for output in range(len(rows)):
                    _copy(values[rows[output]], raw[genome, output][at])
            else:
                paint(colour, values, rows, image, width)
                for channel in range(len(image)):
                    _copy(image[channel], images[genome, channel][at])


# Code for genomes whose nodes are all common. Any other takes three times as long to compile, and
# is compiled when it is called.
cast("Any", draw).compile(_SIGNATURE)
