"""Compiled spreading, the way back from smoothing: gradients by pixels become those by samples.

:mod:`neatfool.cppn.functions.surroundings` says how a pixel is made of samples.
"""

from __future__ import annotations

import numpy as np

from neatfool.compiling import inner, outer

F = np.float32


@inner
def _add(line: np.ndarray, factor: F, out: np.ndarray) -> None:
    for i in range(len(out)):
        out[i] += line[i] * factor


@outer(
    "void(float32[:, :, ::1], int64, float32[::1], float32[::1], int64[::1], float32[:, ::1], "
    "float32[:, :, ::1], float32[:, ::1])"
)
def spread(
    images: np.ndarray,
    first_across: int,
    across: np.ndarray,
    factors: np.ndarray,
    first_down: np.ndarray,
    down: np.ndarray,
    samples: np.ndarray,
    lines: np.ndarray,
) -> None:
    """Turn gradients by the pixels of M images into those by the samples of a grid.

    Args:
        images: float32 [M, H, W], the gradients by the pixels.
        first_across: The first sample of the first column; that of the next is one further.
        across: float32 [K], the weights of K samples in each column.
        factors: float32 [W], by how much these are to be multiplied in each column.
        first_down: int64 [H], the first sample of each row; it may lie outside.
        down: float32 [H, L], the weights of L samples for each row.
        samples: float32 [M, h, w]; the gradients by the samples are added to it.
        lines: float32 [2, >= W and w], scratch.
    """
    height, width = images.shape[1:]
    tall, broad = samples.shape[1:]
    line, wide = lines[0][:width], lines[1][:broad]
    for image in range(len(images)):
        for y in range(height):
            for x in range(width):
                line[x] = images[image, y, x] * factors[x]
            for x in range(broad):
                wide[x] = F(0.0)
            for tap in range(len(across)):
                # What falls beyond the edges is lost.
                first = first_across + tap
                begin, end = max(0, first), min(broad, first + width)
                _add(line[begin - first :], across[tap], wide[begin:end])
            begin = max(0, -first_down[y])
            for tap in range(begin, min(down.shape[1], tall - first_down[y])):
                _add(wide, down[y, tap], samples[image, first_down[y] + tap])
