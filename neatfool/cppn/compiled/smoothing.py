"""The bell, compiled; :mod:`neatfool.cppn.functions.bell` says what it is."""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.compiling import inner, outer
from neatfool.cppn.compiled.lanes import LANES, add_product, bits_of, load, spread, store
from neatfool.cppn.functions.bell import HALF

F = np.float32
_ROUND: Final = F(1.5 * 2**23)
_HALF: Final = F(HALF)


@inner
def _join(
    rows: np.ndarray, first: int, weights: np.ndarray, width: int, out: np.ndarray, row: int
) -> None:
    """Write the weighted sum of some rows."""
    for x in range(0, width, LANES):
        total = spread(F(0.0))
        for tap in range(len(weights)):
            total = add_product(total, load(rows, first + tap, x), weights[tap])
        store(out, row, x, total)


@inner
def _turn(rows: np.ndarray, height: int, width: int, out: np.ndarray) -> None:
    for y in range(height):
        for x in range(width):
            out[x, y] = F(rows[y, x])


@inner
def _write(line: np.ndarray, pixels: np.ndarray) -> None:
    for i in range(len(pixels)):
        pixels[i] = np.uint8(bits_of((line[i] + _HALF) + _ROUND))


@outer(
    "void(uint8[:, :, ::1], int64[::1], float32[:, ::1], int64[::1], float32[:, ::1], "
    "uint8[:, :, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1])"
)
def smooth(
    points: np.ndarray,
    first_down: np.ndarray,
    down: np.ndarray,
    first_across: np.ndarray,
    across: np.ndarray,
    pixels: np.ndarray,
    columns: np.ndarray,
    wide: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Turn the points of a lattice into pixels.

    Args:
        points: uint8 [M, h, w].
        first_down: int64 [H], the first row of points of each row of pixels.
        down: float32 [H, TAPS], the weights of that and the following rows.
        first_across: int64 [W], the same across.
        across: float32 [W, TAPS].
        pixels: uint8 [M, H, W], to write to.
        columns: float32 [w, ≥ h + LANES], scratch.
        wide: float32 [W + 1, ≥ max(h, W) + LANES], scratch.
        rows: float32 [h, ≥ W + LANES], scratch.
    """
    height, width = points.shape[1:]
    for image in range(len(points)):
        _turn(points[image], height, width, columns)
        for x in range(len(first_across)):
            _join(columns, first_across[x], across[x], height, wide, x)
        _turn(wide, len(first_across), height, rows)
        for y in range(len(first_down)):
            _join(rows, first_down[y], down[y], len(first_across), wide, 0)
            _write(wide[0], pixels[image, y])
