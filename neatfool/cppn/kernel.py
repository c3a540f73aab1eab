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

TILE: Final = 512
"""The pixels of a tile, but for the last."""

GRAIN: Final = 64
"""What the pixels of any tile are a multiple of; some may lie beyond the image."""


@inner
def _copy(source: np.ndarray, at: int, target: np.ndarray, to: int, count: int) -> None:
    source, target = source[at : at + count], target[to : to + count]
    for i in range(count):
        target[i] = source[i]


@inner
def _run(
    nodes: np.ndarray,
    begin: int,
    end: int,
    numbers: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    inputs: int,
    values: np.ndarray,
    scratch: np.ndarray,
    width: int,
) -> None:
    """Compute the rows of a genome's nodes, below those of its inputs."""
    for node in range(begin, end):
        activation, kind = nodes[node, 0], nodes[node, 1]
        start, stop = nodes[node, 2], nodes[node, 3]
        out = values[inputs + node - begin][:width]
        aggregate(kind, values, out, sources[start:stop], factors[start:stop], scratch)
        activate(activation, out, numbers[node, 0], numbers[node, 1])


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
            _copy(inputs[row], start, values[row], 0, count)
            for pixel in range(count, width):
                values[row, pixel] = F(0.0)
        at = offset + start
        for genome in range(first, last):
            own = bounds[genome], bounds[genome + 1]
            _run(nodes, *own, numbers, sources, factors, given, values, scratch, width)
            rows = outputs[genome]
            if colour < 0:
                for output in range(len(rows)):
                    _copy(values[rows[output]], 0, raw[genome, output], at, count)
            else:
                paint(colour, values, rows, image, width)
                for channel in range(len(image)):
                    _copy(image[channel], 0, images[genome, channel], at, count)
