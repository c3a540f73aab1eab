"""Compiled smoothing: samples become pixels.

:mod:`neatfool.cppn.functions.surroundings` says how.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.compiling import inner, outer
from neatfool.cppn.compiled.lanes import LANES, add_product, bits_of, load, spread, store

F = np.float32
_ROUND: Final = F(1.5 * 2**23)

ROWS: Final = 16
"""The rows of samples that are read at a time. They are smoothed when they have reached the
processor's cache: shifted parts of what was just written are slow to read."""


@inner
def _read(samples: np.ndarray, line: np.ndarray) -> None:
    for i in range(len(samples)):
        line[i] = F(samples[i])


@inner
def _write(line: np.ndarray, pixels: np.ndarray) -> None:
    for i in range(len(pixels)):
        pixels[i] = np.uint8(bits_of(line[i] + _ROUND))


@inner
def _smooth_line(
    padded: np.ndarray,
    row: int,
    first: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
    out: np.ndarray,
    at: int,
) -> None:
    """Turn a row of samples into a row of the image's width."""
    if factors.shape[1]:
        # At the native size: the same weights everywhere, which add up to less at the edges.
        for x in range(0, factors.shape[1], LANES):
            total = spread(F(0.0))
            for tap in range(len(weights)):
                part = load(padded, row, first[0] + x + tap)
                total = add_product(total, part, weights[tap, 0])
            store(out, at, x, total * load(factors, 0, x))
        return
    for x in range(len(first)):
        number = F(0.0)
        for tap in range(len(weights)):
            number = add_product(number, padded[row, first[x] + tap], weights[tap, x])
        out[at, x] = number


@inner
def _add_rows(
    lines: np.ndarray, height: int, first: np.ndarray, weights: np.ndarray, out: np.ndarray
) -> None:
    """Add up weighted rows of all grids; those outside do not count."""
    for x in range(0, lines.shape[1], LANES):
        total = spread(F(0.0))
        for grid in range(len(first)):
            begin = max(first[grid], 0)
            end = min(first[grid] + weights.shape[1], height)
            for row in range(begin, end):
                part = load(lines, grid * height + row, x)
                total = add_product(total, part, weights[grid, row - first[grid]])
        store(out, 0, x, total)


@outer(
    "void(uint8[:, :, :, :, ::1], int64[:, ::1], float32[:, :, ::1], float32[:, ::1], "
    "int64[:, ::1], float32[:, :, ::1], uint8[:, :, :, ::1], float32[:, ::1], float32[:, ::1])"
)
def smooth(
    samples: np.ndarray,
    first_across: np.ndarray,
    across: np.ndarray,
    factors: np.ndarray,
    first_down: np.ndarray,
    down: np.ndarray,
    images: np.ndarray,
    lines: np.ndarray,
    padded: np.ndarray,
) -> None:
    """Turn the samples of N genomes into pixels.

    Args:
        samples: uint8 [S, >= N, C, h, w], the samples of S grids.
        first_across: int64 [S, W], the first sample of each column, plus K.
        across: float32 [S, K, W], the weights of K samples for each column; or [S, K, 1], if they
            are the same for all and the first sample moves on by one from column to column.
        factors: float32 [S, W'], in that case by how much the weights are to be multiplied in each
            column, with W' a multiple of ``LANES``; else [S, 0].
        first_down: int64 [H, S], the first sample of each row; it may lie outside.
        down: float32 [H, S, L], the weights of L samples for each row.
        images: uint8 [N, C, H, W], to write to.
        lines: float32 [S * h, W'], scratch.
        padded: float32 [``ROWS`` + 1, ...], zeros, with room for K zeros, w samples, and K +
            ``LANES`` zeros, and for W' pixels.
    """
    grids, _, channels, height, _ = samples.shape
    for genome in range(len(images)):
        for channel in range(channels):
            for grid in range(grids):
                for top in range(0, height, ROWS):
                    below = min(top + ROWS, height)
                    for y in range(top, below):
                        row = padded[y - top][across.shape[1] :]
                        _read(samples[grid, genome, channel, y], row)
                    for y in range(top, below):
                        _smooth_line(
                            padded,
                            y - top,
                            first_across[grid],
                            across[grid],
                            factors[grid : grid + 1],
                            lines,
                            grid * height + y,
                        )
            for y in range(images.shape[2]):
                _add_rows(lines, height, first_down[y], down[y], padded[ROWS:])
                _write(padded[ROWS], images[genome, channel, y])
