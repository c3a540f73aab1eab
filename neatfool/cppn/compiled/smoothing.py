"""The bell, compiled; :mod:`neatfool.cppn.functions.bell` says what it is."""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.compiling import inner, outer
from neatfool.cppn.compiled.lanes import LANES, add_product, bits_of, load, store
from neatfool.cppn.functions.bell import WEIGHTS

F = np.float32
_ROUND: Final = F(1.5 * 2**23)
_END, _SIDE, _MIDDLE = (F(each) for each in WEIGHTS[:3])


@inner
def _read(points: np.ndarray, line: np.ndarray) -> None:
    for i in range(len(points)):
        line[i] = F(points[i])


@inner
def _write(line: np.ndarray, pixels: np.ndarray) -> None:
    for i in range(len(pixels)):
        pixels[i] = np.uint8(bits_of(line[i] + _ROUND))


@inner
def _join(
    table: np.ndarray, row: int, down: int, across: int, width: int, out: np.ndarray, at: int
) -> None:
    """Write the weighted sum of five rows (down is 1), or of five parts of a row (across is 1)."""
    for x in range(0, width, LANES):
        ends = load(table, row, x) + load(table, row + 4 * down, x + 4 * across)
        sides = load(table, row + down, x + across)
        sides = sides + load(table, row + 3 * down, x + 3 * across)
        middle = load(table, row + 2 * down, x + 2 * across)
        store(out, at, x, add_product(add_product(middle * _MIDDLE, sides, _SIDE), ends, _END))


@outer(
    "void(uint8[:, :, ::1], uint8[:, :, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1])"
)
def smooth_on_points(
    points: np.ndarray,
    pixels: np.ndarray,
    table: np.ndarray,
    lines: np.ndarray,
    line: np.ndarray,
) -> None:
    """Turn points into pixels, each of which lies on one.

    Args:
        points: uint8 [M, H + 4, W + 4].
        pixels: uint8 [M, H, W], to write to.
        table: float32 [H + 4, > W + 4 + LANES], scratch.
        lines: float32 [H, > W + 4 + LANES], scratch.
        line: float32 [1, > W + LANES], scratch.
    """
    for image in range(len(points)):
        for y in range(points.shape[1]):
            _read(points[image, y], table[y])
        for y in range(pixels.shape[1]):
            _join(table, y, 1, 0, points.shape[2], lines, y)
        for y in range(pixels.shape[1]):
            _join(lines, y, 0, 1, pixels.shape[2], line, 0)
            _write(line[0], pixels[image, y])
