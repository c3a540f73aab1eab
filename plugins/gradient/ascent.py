"""A step up the gradient, as the paper's code takes it, on several images at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Options

GRAIN: Final = 256
"""Pixels are kept to the 256th part of a grey level: a byte that is seen, and one that is not."""
LARGEST_RATE: Final = 1e30
LARGEST_MOVE: Final = 1e6


@dataclass(frozen=True)
class Positions:
    """Where images are on their way: their bytes, and what is between bytes.

    Attributes:
        images: uint8 [N, C, H, W], what is scored.
        rests: int8 [N, C, H, W], what is to be added to them, in 256ths of a grey level.
    """

    images: np.ndarray
    rests: np.ndarray

    @classmethod
    def of(cls, pixels: np.ndarray) -> Positions:
        """Round and clip pixels, floats [N, C, H, W], to positions."""
        parts = np.rint(np.clip(pixels, 0, 255) * GRAIN).astype(np.int32)
        images = (parts + GRAIN // 2) // GRAIN
        return cls(images.astype(np.uint8), (parts - GRAIN * images).astype(np.int8))

    def pixels(self) -> np.ndarray:
        """Give the pixels: float32 [N, C, H, W]."""
        return self.images.astype(np.float32) + self.rests.astype(np.float32) / GRAIN


def begin(options: Options, shape: tuple[int, int, int], seeds: Sequence[int]) -> Positions:
    """Make the images that a climb begins with: noise around the start.

    Args:
        options: The start's grey levels, and the noise's standard deviation.
        shape: (channels, height, width).
        seeds: For each image what its noise comes from.
    """
    noise = [np.random.default_rng(seed).normal(0, options.noise or 0, shape) for seed in seeds]
    return Positions.of(levels(options) + np.stack(noise))


def levels(options: Options) -> np.ndarray:
    """Give the start's grey levels: float32, for [N, C, H, W] to be added to."""
    return np.array(options.start, np.float32).reshape(1, -1, 1, 1)


def climb(
    options: Options,
    positions: Positions,
    odds: np.ndarray,
    gradients: np.ndarray,
    steps: Sequence[int],
) -> Positions:
    """Take a step.

    ``x`` being the difference from the start and ``g`` the gradient of the log-odds, x becomes
    (1 - decay) (x + g aim / g²), is blurred, pruned, and clipped to what bytes can say.

    Args:
        options: The preset's or the user's ways.
        positions: N images.
        odds: float64 [N], their log-odds.
        gradients: float32 [N, C, H, W], of the log-odds; not zero.
        steps: For each image the number of steps that it has taken.

    Returns:
        The images after the step.
    """
    start = levels(options)
    pixels = positions.pixels()
    x = pixels - start
    if options.gain is not None:
        gradients = _free(pixels, gradients)
    squares = np.square(gradients, dtype=np.float64).sum(axis=(1, 2, 3))
    with np.errstate(divide="ignore", over="ignore"):
        rates = np.minimum(aims(options, odds) / squares, LARGEST_RATE)
    # What is far out of the bytes' range is clipped in any case, and must not become infinite.
    moves = np.clip(rates[:, None, None, None] * gradients, -LARGEST_MOVE, LARGEST_MOVE)
    x = (x + moves.astype(np.float32)) * np.float32(1 - (options.decay or 0))
    _blur(options, x, steps)
    if options.prune_small:
        _prune(x, np.sqrt(np.square(x).sum(axis=1)), options.prune_small)
    if options.prune_idle:
        _prune(x, np.abs((gradients * x).sum(axis=1)), options.prune_idle)
    return Positions.of(x + start)


def aims(options: Options, odds: np.ndarray) -> np.ndarray:
    """Give what a step aims to add to the log-odds, were they linear: float64 [N].

    Ours goes over from ``gain`` to ``late_gain`` as the confidence p grows. The paper's code aims
    at a gain in confidence, min(early, late (1 - p)); its gradient is that of the log-odds times
    p (1 - p), and so is the gain.
    """
    p, rest = expit(odds), expit(-odds)
    if options.gain is not None and options.late_gain is not None:
        ours: np.ndarray = options.gain * rest + options.late_gain * p
        return ours
    early, late = options.early or np.inf, options.late or np.inf
    floor = np.finfo(np.float64).tiny
    aims: np.ndarray = np.minimum(early / np.maximum(rest, floor), late) / np.maximum(p, floor)
    return aims


def _free(pixels: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Leave out what would move pixels out of the range of bytes: no gain is to be had there.

    The paper's code counts it, so that its steps become shorter the more pixels are at an end.
    """
    stuck = ((pixels <= 0) & (gradients < 0)) | ((pixels >= 255) & (gradients > 0))
    return np.where(stuck, np.float32(0), gradients)


def _blur(options: Options, x: np.ndarray, steps: Sequence[int]) -> None:
    if options.blur:
        every = options.blur_every or 1
        for row in (row for row, taken in enumerate(steps) if taken % every == 0):
            x[row] = gaussian_filter(x[row], (0, options.blur, options.blur), mode="reflect")


def _prune(x: np.ndarray, weights: np.ndarray, percentage: float) -> None:
    """Set to zero, in place, the pixels of the least weight.

    Args:
        x: float32 [N, C, H, W].
        weights: float32 [N, H, W].
        percentage: The part of the pixels, in per cent.
    """
    least = np.percentile(weights, percentage, axis=(1, 2), keepdims=True)
    x *= (weights >= least)[:, None]
