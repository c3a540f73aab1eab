"""The compiled spline: joins the points of a lattice to pixels on a CPU."""

import numpy as np
import torch
from numpy import ndarray as Array

from neatfool.compiling import inner, outer
from neatfool.cppn.draw.colour import HALF
from neatfool.cppn.draw.cpu import share
from neatfool.cppn.draw.kernel import ROUND, F
from neatfool.cppn.draw.lanes import LANES, add_fused, bits_of, load, spread, store
from neatfool.cppn.draw.spline import Axis


def smooth_bytes(points: torch.Tensor, axes: tuple[Axis, Axis]) -> torch.Tensor:
    """Turn points into pixels: uint8 [N, C, h, w] into [N, C, H, W]."""
    down, across = axes
    count, channels, height, width = points.shape
    tall, wide = len(down.first), len(across.first)
    pixels = np.empty((count * channels, tall, wide), np.uint8)
    given = points.flatten(0, 1).numpy()

    def work(images: slice, _: slice) -> None:
        sides = (width, height), (wide + 1, max(height, wide)), (height, wide)
        scratch = (np.empty((side, line + LANES), np.float32) for side, line in sides)
        weights = down.first, down.weights, across.first, across.weights
        smooth(given[images], *weights, pixels[images], *scratch)

    share(work, len(given), 1, 4 * pixels.size, 1)
    return torch.from_numpy(pixels).view(count, channels, tall, wide)


@inner
def _join(rows: Array, first: int, weights: Array, width: int, out: Array, row: int) -> None:
    """Write the weighted sum of some rows."""
    for x in range(0, width, LANES):
        total = spread(F(0.0))
        for tap in range(len(weights)):
            total = add_fused(total, load(rows, first + tap, x), weights[tap])
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
    """Turn the points of a lattice, uint8 [M, h, w], into pixels, [M, H, W].

    For each row and column of pixels there are its first points, int64, and the weights of those
    and the following, float32 [n, TAPS]. Scratch is float32 [w, ≥ h + LANES], [W + 1, ≥ max(h, W) +
    LANES] and [h, ≥ W + LANES].
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
                pixels[image, y, x] = np.uint8(bits_of((wide[0, x] + F(HALF)) + ROUND))
