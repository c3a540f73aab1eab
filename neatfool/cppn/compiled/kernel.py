"""The compiled renderer: runs a tape of nodes over the pixels, a tile at a time.

A tile is a range of pixels, small enough for the values of a genome's nodes to stay in the
processor's cache. It is computed in blocks, with the same instructions for each pixel. So the bits
of an image do not depend on the tile, on other images, or on the number of threads.
"""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np

from neatfool.compiling import inlined, inner, outer
from neatfool.cppn.compiled.activations import activate
from neatfool.cppn.compiled.aggregations import aggregate
from neatfool.cppn.compiled.colour import paint
from neatfool.cppn.compiled.lanes import LANES, load, spread, store
from neatfool.cppn.functions.aggregations import SUM

F = np.float32

TILE: Final = 1024
"""The most pixels of a tile, so that the values of some hundred nodes fit the cache."""


@inlined
def _compute(
    node: np.ndarray,
    numbers: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    tables: np.ndarray,
    terms: np.ndarray,
    order: np.ndarray,
    width: int,
    others: bool | None,
    limited: bool | None,
) -> None:
    """Compute a node; :func:`draw` describes the arguments."""
    row = node[4]
    if others is not None and node[1] != SUM:
        aggregate(node[1], tables, row, sources, factors, width, terms, order)
        sources, factors = node[4:5], numbers[:1]
    activate(node[0], tables, sources, factors, numbers[1], row, width, others, limited)


@inner
def _load(
    inputs: np.ndarray,
    start: int,
    count: int,
    width: int,
    across: int,
    tables: np.ndarray,
    lines: np.ndarray,
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


@inner
def _complete(
    node: np.ndarray,
    lines: np.ndarray,
    values: np.ndarray,
    same_across: bool,
    same_down: bool,
    by_column: int,
    by_row: int,
    across: int,
    count: int,
) -> None:
    """Fill the rest of a row that is the same in all lines, or all along each."""
    if same_across:
        if node[6] & by_column:
            _spread_lines(lines, values, node[4], across, count)
    elif same_down and node[6] & by_row:
        _repeat_line(values, node[4], across, count)


_SIGNATURE: Final = (
    "void(int64[::1], int32[:, ::1], float32[:, ::1], int32[::1], float32[::1], int32[:, ::1], "
    "int64, int64, float32[:, :, ::1], int64, int64, int64, int64, int64, int64, int64, "
    "uint8[:, :, ::1], int64, float32[:, :, ::1], float32[:, :, ::1], float32[::1], int32[::1], "
    "float32[:, ::1], none, {})"
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
    offset: int,
    tables: np.ndarray,
    all_lines: np.ndarray,
    terms: np.ndarray,
    order: np.ndarray,
    channels: np.ndarray,
    others: bool | None,
    limited: bool | None,
) -> None:
    """Draw some genomes at some pixels.

    Args:
        bounds: int64 [N + 1], where the nodes of each genome begin and end.
        nodes: int32 [M, ≥ 7], for each node: activation, aggregation, begin and end of its terms,
            row, the inputs that it depends on, and the inputs that the nodes which use it depend
            on: bit i % 31 for input i, or -1 for an output.
        numbers: float32 [M, 2], the factor and the bias of each node's aggregate.
        sources: int32 [T], the row of each term: that of an input or of a node.
        factors: float32 [T], the factor of each term.
        outputs: int32 [N, O], the row of each output.
        first: The first genome to draw.
        last: The genome after the last.
        inputs: float32 [1 or 3, I, P], the inputs and, if nodes fade, their derivatives.
        begin: The first of the P pixels to draw.
        end: The pixel after the last.
        tile: The pixels of a tile: up to ``TILE``, and up to ``LANES`` whole lines if any input is
            the same in all rows or columns.
        across: The pixels of a line of the image.
        by_column: The inputs that vary between columns: bit i % 31 for input i.
        by_row: The inputs that vary between rows.
        colour: The place of the colour map in ``COLOUR_MAPS``.
        images: uint8 [N, C, Q], the images to write.
        offset: The place of the first of the P pixels among the Q.
        tables: float32 [3, R, TILE + LANES], scratch: values and derivatives, a row for each input
            and each node of a genome.
        all_lines: float32 [3, R, LANES], scratch.
        terms: float32 [k], scratch: a number for each term of a node.
        order: int32 [k], scratch.
        channels: float32 [3, TILE + LANES], scratch.
        others: None if all nodes are sums with one of the ``COMMON`` activations; the code for
            others is not compiled then.
        limited: None for points; the code for nodes that fade is not compiled then.
    """
    # The last block of a line may extend beyond it.
    line = (across + LANES - 1) // LANES * LANES
    for start in range(begin, end, tile):
        count = min(tile, end - start)
        width = (count + LANES - 1) // LANES * LANES
        _load(inputs, start, count, width, across, tables, all_lines)
        for genome in range(first, last):
            for place in range(bounds[genome], bounds[genome + 1]):
                node = nodes[place]
                reach, own = node[5], slice(node[2], node[3])
                same_across, same_down = reach & by_column == 0, reach & by_row == 0
                _compute(
                    node,
                    numbers[place],
                    sources[own],
                    factors[own],
                    all_lines if same_across else tables,
                    terms,
                    order,
                    LANES if same_across else line if same_down else width,
                    others,
                    limited,
                )
                for table in range(len(inputs)):
                    _complete(
                        node,
                        all_lines[table],
                        tables[table],
                        same_across,
                        same_down,
                        by_column,
                        by_row,
                        across,
                        count,
                    )
            paint(
                colour,
                tables,
                outputs[genome],
                channels,
                images[genome],
                offset + start,
                count,
                limited,
            )


# Code for genomes whose nodes are all common. Any other takes three times as long to compile, and
# is compiled when it is called.
cast("Any", draw).compile(_SIGNATURE.format("boolean"))
