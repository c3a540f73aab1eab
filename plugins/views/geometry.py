"""Views from elsewhere: moved, turned, scaled, at an angle, cropped, resized."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .kind import Place, Step, draw, warp

DISTANCE: Final = 1.5
"""How far away a camera is that looks at an angle, in lengths of the picture's longer side."""
CORNERS: Final = ((-1, -1), (1, -1), (-1, 1), (1, 1), (0, 0))


class Move(Place):
    """Moved in any direction, by whole pixels, so that nothing is blurred."""

    unit = "pixels"
    strengths = (1, 3, 5, 10)
    limit = 100
    what = "moved"

    def place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
        """Move an image."""
        right, down = _whole(amount, 2 * math.pi * draw(seed, "direction")[0])
        return np.array([[1.0, 0, -right], [0, 1, -down], [0, 0, 1]])


class Turn(Place):
    """Turned about its centre."""

    unit = "degrees"
    strengths = (5, 10, 20, 45)
    limit = 180
    signed = True
    what = "turned"

    def place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
        """Turn an image, clockwise."""
        cos, sin = math.cos(math.radians(amount)), math.sin(math.radians(amount))
        return np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


class Scale(Place):
    """Larger or smaller about its centre."""

    strengths = (5, 15, 30, 50)
    limit = 75
    signed = True
    what = "made larger or smaller"

    def place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
        """Scale an image."""
        step = 1 / (1 + amount / 100)
        return np.diag([step, step, 1.0])


class Crops(Place):
    """One of the paper's ten crops, scaled back: a corner or the centre, perhaps mirrored."""

    strengths = (5, 11, 20, 30)
    limit = 75
    what = "cropped"

    def place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
        """Crop an image."""
        height, width = shape[-2:]
        part, cut = int(10 * draw(seed, "crop")[0]), amount / 100
        right, down = CORNERS[part % 5]
        kept, mirrored = 1 - cut, -1 if part >= 5 else 1
        return np.array(
            [
                [mirrored * kept, 0, right * cut * width / 2],
                [0, kept, down * cut * height / 2],
                [0, 0, 1],
            ]
        )


class Perspective(Step):
    """Seen at an angle, from any side.

    It is no :class:`Place`: a view that looks past its edges would look past its horizon.
    """

    unit = "degrees"
    strengths = (10, 20, 30, 45)
    limit = 60
    what = "seen at an angle"

    def see(self, images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
        """Tilt each image."""
        far = DISTANCE * max(images.shape[-2:])
        sides = [2 * math.pi * draw(seed, "side")[0] for seed in seeds]
        tilts = [math.radians(amount) for amount in amounts]
        matrices = [_tilt(*pair, far) for pair in zip(tilts, sides, strict=True)]
        return warp(images, np.stack(matrices))


class Size(Step):
    """Made smaller, as a thumbnail is, and scaled back."""

    unit = "% of the size"
    harmless = 100.0
    strengths = (90, 75, 50, 25)
    limit = 5
    what = "made smaller and scaled back"

    def see(self, images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
        """Make each image smaller, and scale it back."""
        # One by one, as each has a size of its own.
        return torch.cat(
            [_resize(images[i : i + 1], amount / 100) for i, amount in enumerate(amounts)]
        )


def _resize(image: Tensor, share: float) -> Tensor:
    height, width = image.shape[-2:]
    small = max(1, round(height * share)), max(1, round(width * share))
    image = F.interpolate(image, small, mode="bicubic", antialias=True, align_corners=False)
    return F.interpolate(image, (height, width), mode="bicubic", align_corners=False)


def _whole(far: float, angle: float) -> tuple[int, int]:
    """Give the whole pixels around a place of which the distance is nearest to ``far``."""
    x, y = math.floor(far * math.cos(angle)), math.floor(far * math.sin(angle))
    around = ((x + right, y + down) for right in (0, 1) for down in (0, 1))
    return min(around, key=lambda place: abs(math.hypot(*place) - far))


def _tilt(tilt: float, side: float, far: float) -> np.ndarray:
    """Say where the places of a tilted picture are, for a camera at the distance ``far``.

    Along the axis that the picture is tilted about (p), and across it (q), the picture's own
    coordinates are q far / (far cos - q sin) across, and p far cos / (far cos - q sin) along.
    """
    ux, uy = math.cos(side), math.sin(side)  # across; (-uy, ux) is along
    across, turn = 1 / math.cos(tilt), math.tan(tilt) / far
    return np.array(
        [
            [across * ux * ux + uy * uy, (across - 1) * ux * uy, 0],
            [(across - 1) * ux * uy, across * uy * uy + ux * ux, 0],
            [-turn * ux, -turn * uy, 1],
        ]
    )
