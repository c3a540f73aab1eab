"""The compiled renderer: a tape of nodes, run over the pixels a tile at a time.

A tile is a range of pixels, of which the values of all nodes of a genome stay in the processor's
cache. All loops over its pixels have a number of rounds that the processor's vectors divide, so
that each pixel is computed by the same instructions wherever in a tile it lies: the bits of an
image do not depend on the tile, on what else is rendered, or on the number of threads.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.cppn.fast_activations import activate
from neatfool.cppn.fast_aggregations import aggregate
from neatfool.cppn.fast_colour import paint
from neatfool.cppn.jit import inner, outer

F = np.float32

TILE: Final = 1024
"""The pixels of a tile, but for the last."""

GRAIN: Final = 64
"""What the pixels of any tile are a multiple of; some may lie beyond the image."""


@inner
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(len(target)):
        target[i] = source[i]


@outer(
    "void(int64[::1], int32[:, ::1], float32[:, ::1], int32[::1], float32[::1], int32[:, ::1], "
    "int64, int64, float32[:, ::1], int64, int64, int64, uint8[:, :, ::1], float32[:, :, ::1], "
    "int64, float32[:, ::1], float32[:, ::1], uint8[:, ::1])"
)
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
    colour: int,
    images: np.ndarray,
    raw: np.ndarray,
    offset: int,
    values: np.ndarray,
    scratch: np.ndarray,
    image: np.ndarray,
) -> None:
    """Draw some genomes at some pixels.

    Args:
        bounds: int64 [N + 1], where the nodes of each genome begin and end.
        nodes: int32 [M, 4], of each node its activation, its aggregation and where its terms
            begin and end.
        numbers: float32 [M, 2], what each node multiplies its aggregate by, and what it adds.
        sources: int32 [T], the row of each term: of an input, or the number of inputs + that of a
            node within its genome.
        factors: float32 [T], what that is multiplied by.
        outputs: int32 [N, O], the row of each output.
        first: The first genome to draw.
        last: The genome after the last.
        inputs: float32 [I, P].
        begin: The first of the P pixels to draw.
        end: The pixel after the last.
        colour: The place of the colour map in ``COLOUR_MAPS``; -1 for the outputs themselves.
        images: uint8 [N, C, Q], to write to, unless the outputs themselves are wanted.
        raw: float32 [N, O, Q], to write these to.
        offset: Which of the Q pixels the first of the P is.
        values: float32 [R, TILE], to write over: a row for each input and each node of any genome.
        scratch: float32 [k, TILE], to write over: a row for each term of any node.
        image: uint8 [C, TILE], to write over.
    """
    given = len(inputs)
    for start in range(begin, end, TILE):
        count = min(TILE, end - start)
        width = (count + GRAIN - 1) // GRAIN * GRAIN
        for row in range(given):
            for pixel in range(width):
                values[row, pixel] = inputs[row, start + pixel] if pixel < count else F(0.0)
        for genome in range(first, last):
            row = given
            for node in range(bounds[genome], bounds[genome + 1]):
                out = values[row][:width]
                own = slice(nodes[node, 2], nodes[node, 3])
                aggregate(nodes[node, 1], values, out, sources[own], factors[own], scratch)
                activate(nodes[node, 0], out, numbers[node, 0], numbers[node, 1])
                row += 1
            rows = outputs[genome]
            at = slice(offset + start, offset + start + count)
            if colour < 0:
                for output in range(len(rows)):
                    _copy(values[rows[output]], raw[genome, output][at])
            else:
                paint(colour, values, rows, image, width)
                for channel in range(len(image)):
                    _copy(image[channel], images[genome, channel][at])
