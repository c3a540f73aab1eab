"""The compiled renderer: a tape of nodes, run over the pixels a tile at a time.

A tile is a range of pixels, of which the values of all nodes of a genome stay in the processor's
cache. It is computed in blocks, each pixel by the same instructions wherever it lies: the bits
of an image do not depend on the tile, on what else is rendered, or on the number of threads.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.cppn.fast_activations import activate
from neatfool.cppn.fast_aggregations import SUM, aggregate
from neatfool.cppn.fast_colour import paint
from neatfool.cppn.fast_lanes import LANES
from neatfool.cppn.jit import inlined, inner, outer

F = np.float32

TILE: Final = 1024
"""The pixels of a tile, but for the last."""


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
) -> None:
    """Compute a node, as :func:`draw` describes it."""
    own, row = slice(node[2], node[3]), node[4]
    terms, weights = sources[own], factors[own]
    if node[1] != SUM:
        aggregate(node[1], values, values[row][:width], terms, weights, scratch)
        terms, weights = node[4:5], numbers[:1]
    activate(node[0], values, terms, weights, numbers[1], values, row, width)


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
        nodes: int32 [M, 5], of each node its activation, its aggregation, where its terms begin
            and end, and its row.
        numbers: float32 [M, 2], what each node multiplies its aggregate by, and what it adds.
        sources: int32 [T], the row of each term: that of an input or of a node.
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
    for start in range(begin, end, TILE):
        count = min(TILE, end - start)
        # The last block may reach beyond the image.
        width = (count + LANES - 1) // LANES * LANES
        for row in range(len(inputs)):
            for pixel in range(width):
                values[row, pixel] = inputs[row, start + pixel] if pixel < count else F(0.0)
        for genome in range(first, last):
            for node in range(bounds[genome], bounds[genome + 1]):
                _compute(nodes[node], numbers[node], sources, factors, values, scratch, width)
            rows = outputs[genome]
            at = slice(offset + start, offset + start + count)
            if colour < 0:
                for output in range(len(rows)):
                    _copy(values[rows[output]], raw[genome, output][at])
            else:
                paint(colour, values, rows, image, width)
                for channel in range(len(image)):
                    _copy(image[channel], images[genome, channel][at])
