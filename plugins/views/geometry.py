"""Views from elsewhere: moved, turned, scaled, at an angle, cropped, resized."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
import torch.nn.functional as F

from .kind import Kind, draw
from .sampling import Homography, blur, shift, warp

if TYPE_CHECKING:
    from collections.abc import Sequence

DISTANCE: Final = 1.5
"""How far away a camera is that looks at an angle, in lengths of the picture's longer side."""
CORNERS: Final = ((-1, -1), (1, -1), (-1, 1), (1, 1), (0, 0))


class Move(Kind):
    """Moved in any direction, by whole pixels, so that nothing is blurred."""

    unit = "pixels"
    strengths = (1, 3, 5, 10)
    limit = 100
    what = "moved"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Move each image."""
        angles = [2 * math.pi * draw(seed, "direction")[0] for seed in seeds]
        moves = [_whole(by, angle) for by, angle in zip(amounts, angles, strict=True)]
        return shift(images, *zip(*moves, strict=True))


class Turn(Kind):
    """Turned about its centre."""

    unit = "degrees"
    strengths = (5, 10, 20, 45)
    limit = 180
    signed = True
    what = "turned"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Turn each image, clockwise."""
        return warp(images, [_turn(math.radians(amount)) for amount in amounts])


class Scale(Kind):
    """Larger or smaller about its centre."""

    strengths = (5, 15, 30, 50)
    limit = 75
    signed = True
    what = "made larger or smaller"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Scale each image; what gets smaller is first blurred, so that its detail fits."""
        steps = [1 / (1 + amount / 100) for amount in amounts]
        smooth = blur(images, [0.45 * math.sqrt(max(step**2 - 1, 0)) for step in steps])
        return warp(smooth, [(step, 0, 0, 0, step, 0, 0, 0) for step in steps])


class Perspective(Kind):
    """Seen at an angle, from any side."""

    unit = "degrees"
    strengths = (10, 20, 30, 45)
    limit = 60
    what = "seen at an angle"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Tilt each image."""
        far = DISTANCE * max(images.shape[-2:])
        sides = [2 * math.pi * draw(seed, "side")[0] for seed in seeds]
        tilts = [math.radians(amount) for amount in amounts]
        return warp(images, [_tilt(*pair, far) for pair in zip(tilts, sides, strict=True)])


class Crops(Kind):
    """One of the paper's ten crops, scaled back: a corner or the centre, perhaps mirrored."""

    strengths = (5, 11, 20, 30)
    limit = 75
    what = "cropped"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Crop each image."""
        height, width = images.shape[-2:]
        places: list[Homography] = []
        for amount, seed in zip(amounts, seeds, strict=True):
            which, cut = int(10 * draw(seed, "crop")[0]), amount / 100
            right, down = CORNERS[which % 5]
            kept, mirrored = 1 - cut, -1 if which >= 5 else 1
            middle = right * cut * width / 2, down * cut * height / 2
            places.append((mirrored * kept, 0, middle[0], 0, kept, middle[1], 0, 0))
        return warp(images, places)


class Size(Kind):
    """Made smaller, as a thumbnail is, and scaled back."""

    unit = "% of the size"
    harmless = 100.0
    strengths = (90, 75, 50, 25)
    limit = 5
    what = "made smaller and scaled back"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Make each image smaller, and scale it back."""
        # One by one, as each has a size of its own.
        return torch.cat(
            [_resize(images[i : i + 1], amount / 100) for i, amount in enumerate(amounts)]
        )


def _resize(image: torch.Tensor, share: float) -> torch.Tensor:
    height, width = image.shape[-2:]
    small = max(1, round(height * share)), max(1, round(width * share))
    image = F.interpolate(image, small, mode="bicubic", antialias=True, align_corners=False)
    return F.interpolate(image, (height, width), mode="bicubic", align_corners=False)


def _whole(far: float, angle: float) -> tuple[int, int]:
    """Give the whole pixels around a place of which the distance is nearest to ``far``."""
    x, y = math.floor(far * math.cos(angle)), math.floor(far * math.sin(angle))
    around = ((x + right, y + down) for right in (0, 1) for down in (0, 1))
    return min(around, key=lambda place: abs(math.hypot(*place) - far))


def _turn(angle: float) -> Homography:
    cos, sin = math.cos(angle), math.sin(angle)
    return cos, sin, 0, -sin, cos, 0, 0, 0


def _tilt(tilt: float, side: float, far: float) -> Homography:
    """Say where the places of a tilted picture are, for a camera at the distance ``far``.

    Along the axis that the picture is tilted about (p), and across it (q), the picture's own
    coordinates are q far / (far cos - q sin) across, and p far cos / (far cos - q sin) along.
    """
    ux, uy = math.cos(side), math.sin(side)  # across; (-uy, ux) is along
    cos, sin = math.cos(tilt), math.sin(tilt)
    across, along = 1 / cos, 1.0
    turn = sin / (far * cos)
    return (
        across * ux * ux + along * uy * uy,
        (across - along) * ux * uy,
        0,
        (across - along) * ux * uy,
        across * uy * uy + along * ux * ux,
        0,
        -turn * ux,
        -turn * uy,
    )
