"""One class's climb, and a step up the gradient, on several images at once, as in the paper."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit, logit

from neatfool import Candidate

from . import Options

GRAIN: Final = 256
"""Pixels are kept to 1/256 of a grey level: a byte that the target sees, and one for the rest."""
LARGEST_RATE: Final = 1e30
LARGEST_MOVE: Final = 1e6
MARKS: Final = (0.99, 0.999, 0.9999)
"""The first image above each of these confidences is kept, as in the paper's code."""
TENFOLD: Final = math.log(10)
"""An image also takes its niche if its log-odds are this much higher than the elite's.

So one can watch the run, and the database holds about ten images for each class, not every step.
"""


@dataclass(frozen=True)
class Positions:
    """Images that climb: their bytes, and fractions of bytes."""

    images: np.ndarray
    """uint8 [N, C, H, W], which are scored."""
    rests: np.ndarray
    """int8 [N, C, H, W], to be added to the images, in 1/256 of a grey level."""

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
    """Make the first images (channels, height, width) of climbs: noise around the start levels."""
    noise = [np.random.default_rng(seed).normal(0, options.noise or 0, shape) for seed in seeds]
    levels = np.array(options.start, np.float32).reshape(1, -1, 1, 1)
    return Positions.of(levels + np.stack(noise))


def climb(
    options: Options,
    positions: Positions,
    odds: np.ndarray,
    gradients: np.ndarray,
    steps: Sequence[int],
) -> Positions:
    """Take a step.

    ``x`` is the difference from the start and ``g`` the gradient of the log-odds. x becomes
    (1 - decay) (x + g aim / g²), is blurred, pruned, and clipped to the range of bytes.

    ``odds`` are float64 [N], ``gradients`` float32 [N, C, H, W], not zero, and ``steps`` the number
    of steps that each image has taken.
    """
    start = np.array(options.start, np.float32).reshape(1, -1, 1, 1)
    pixels = positions.pixels()
    x = pixels - start
    if options.gain is not None:
        # A pixel at the end of its range cannot move. The paper's code keeps its gradient, so that
        # its steps become shorter the more pixels are at an end.
        stuck = ((pixels <= 0) & (gradients < 0)) | ((pixels >= 255) & (gradients > 0))
        gradients = np.where(stuck, np.float32(0), gradients)
    squares = np.square(gradients, dtype=np.float64).sum(axis=(1, 2, 3))
    with np.errstate(divide="ignore", over="ignore"):
        rates = np.minimum(aims(options, odds) / squares, LARGEST_RATE)
    # Moves far out of the bytes' range are clipped, so that they do not become infinite.
    moves = np.clip(rates[:, None, None, None] * gradients, -LARGEST_MOVE, LARGEST_MOVE)
    x = (x + moves.astype(np.float32)) * np.float32(1 - (options.decay or 0))
    if options.blur:
        for row, taken in enumerate(steps):
            if taken % (options.blur_every or 1) == 0:
                x[row] = gaussian_filter(x[row], (0, options.blur, options.blur), mode="reflect")
    if options.prune_small:
        _prune(x, np.sqrt(np.square(x).sum(axis=1)), options.prune_small)
    if options.prune_idle:
        _prune(x, np.abs((gradients * x).sum(axis=1)), options.prune_idle)
    return Positions.of(x + start)


def aims(options: Options, odds: np.ndarray) -> np.ndarray:
    """Give what a step should add to the log-odds if they were linear: float64 [N].

    neatfool's own aim changes from ``gain`` to ``late_gain`` as the confidence p grows. The paper's
    code aims at a gain in confidence, min(early, late (1 - p)), which is p (1 - p) times the gain
    in log-odds.
    """
    p, rest = expit(odds), expit(-odds)
    if options.gain is not None and options.late_gain is not None:
        return np.asarray(options.gain * rest + options.late_gain * p)
    early, late = options.early or np.inf, options.late or np.inf
    floor = np.finfo(np.float64).tiny
    return np.asarray(np.minimum(early / np.maximum(rest, floor), late) / np.maximum(p, floor))


def _prune(x: np.ndarray, weights: np.ndarray, percentage: float) -> None:
    """Set to zero the given percentage of x [N, C, H, W], where weights [N, H, W] are least."""
    least = np.percentile(weights, percentage, axis=(1, 2), keepdims=True)
    x *= (weights >= least)[:, None]


@dataclass(frozen=True)
class Climb:
    """A class's climb after its last image."""

    class_index: int
    candidate: Candidate
    """The last image."""
    rest: np.ndarray
    """int8 [C, H, W], the image's fractions of bytes."""
    steps: int = 0
    best: Candidate | None = None
    """The best image so far, None while none has a score."""
    best_rank: float = -math.inf
    """Its rank, -inf without one."""
    best_confidence: float = 0.0
    leads: bool = False
    """Whether the class has been the target's first choice for an image."""
    ended: bool = False
    """Whether the climb stands still and shows its best image once more."""

    def state(self) -> list[Any]:
        """Give the climb as JSON, with candidates by their ids."""
        best = self.best and [self.best.id, self.best_rank, self.best_confidence]
        rest = base64.b64encode(self.rest.tobytes()).decode()
        own = self.class_index, self.candidate.id
        return [*own, rest, self.steps, best, self.leads, self.ended]

    @classmethod
    def from_state(
        cls, state: list[Any], candidates: Mapping[int, Candidate], shape: tuple[int, int, int]
    ) -> Climb:
        """Make a climb from its state."""
        class_index, id_, rest, steps, best, leads, ended = state
        bytes_ = np.frombuffer(base64.b64decode(rest), np.int8).reshape(shape)
        best_id, rank, confidence = best or (None, -math.inf, 0.0)
        held = None if best_id is None else candidates[best_id]
        last = candidates[id_]
        return cls(class_index, last, bytes_, steps, held, rank, confidence, leads, ended)


def passes(confidence: float, held: float, marks: tuple[float, ...]) -> bool:
    """Say whether a confidence passes a mark that ``held``, the elite's (or 0), has not reached.

    Log-odds that are tenfold the elite's pass too.
    """
    tenfold = bool(logit(confidence) > logit(held) + TENFOLD)
    return tenfold or any(held < mark <= confidence for mark in marks)
