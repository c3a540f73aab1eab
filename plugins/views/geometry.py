"""Views from elsewhere: moved, turned, scaled, at an angle, cropped, resized."""

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

    def _place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
        angle = 2 * math.pi * draw(seed, "direction")[0]
        x, y = math.floor(amount * math.cos(angle)), math.floor(amount * math.sin(angle))
        around = [(x + right, y + down) for right in (0, 1) for down in (0, 1)]
        right, down = min(around, key=lambda place: abs(math.hypot(*place) - amount))
        return np.array([[1.0, 0, -right], [0, 1, -down], [0, 0, 1]])


class Turn(Place):
    """Turned about its centre."""

    unit = "degrees"
    strengths = (5, 10, 20, 45)
    limit = 180
    signed = True
    what = "turned"

    def _place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
        cos, sin = math.cos(math.radians(amount)), math.sin(math.radians(amount))
        return np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


class Scale(Place):
    """Larger or smaller about its centre."""

    strengths = (5, 15, 30, 50)
    limit = 75
    signed = True
    what = "made larger or smaller"

    def _place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
        step = 1 / (1 + amount / 100)
        return np.diag([step, step, 1.0])


class Crops(Place):
    """One of the paper's ten crops, scaled back: a corner or the centre, perhaps mirrored."""

    strengths = (5, 11, 20, 30)
    limit = 75
    what = "cropped"

    def _place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
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

    It is no :class:`Place`: a view that looks past its edges would look past its horizon. Along the
    axis that the picture is tilted about (p), and across it (q), the picture's own coordinates are
    q far / (far cos - q sin) across, and p far cos / (far cos - q sin) along.
    """

    unit = "degrees"
    strengths = (10, 20, 30, 45)
    limit = 60
    what = "seen at an angle"

    def _see(self, images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
        far, matrices = DISTANCE * max(images.shape[-2:]), []
        for amount, seed in zip(amounts, seeds, strict=True):
            tilt, side = math.radians(amount), 2 * math.pi * draw(seed, "side")[0]
            x, y = math.cos(side), math.sin(side)  # across; (-y, x) is along
            across, turn = 1 / math.cos(tilt), math.tan(tilt) / far
            matrices.append(
                [
                    [across * x * x + y * y, (across - 1) * x * y, 0],
                    [(across - 1) * x * y, across * y * y + x * x, 0],
                    [-turn * x, -turn * y, 1],
                ]
            )
        return warp(images, np.array(matrices))


class Size(Step):
    """Made smaller, as a thumbnail is, and scaled back."""

    unit = "% of the size"
    harmless = 100.0
    strengths = (90, 75, 50, 25)
    limit = 5
    what = "made smaller and scaled back"

    def _see(self, images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
        # One by one, as each has a size of its own.
        size, back = images.shape[-2:], []
        for image, amount in zip(torch.split(images, 1), amounts, strict=True):
            sides = [max(1, round(side * amount / 100)) for side in size]
            small = F.interpolate(image, sides, mode="bicubic", antialias=True, align_corners=False)
            back.append(F.interpolate(small, size, mode="bicubic", align_corners=False))
        return torch.cat(back)
