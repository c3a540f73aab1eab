"""Pixels at other places: warped, shifted and blurred images, mirrored at their edges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

import torch
import torch.nn.functional as F

from .kind import factors

if TYPE_CHECKING:
    from collections.abc import Sequence

Homography: TypeAlias = tuple[float, float, float, float, float, float, float, float]
"""(a, b, c, d, e, f, g, h): the value at (x, y), in pixels from the centre, is taken from
((ax + by + c) / (gx + hy + 1), (dx + ey + f) / (gx + hy + 1))."""

BELOW: Final = 6
"""Where the numbers below the line stand in a homography."""
REACH: Final = 3.0
"""A Gaussian ends after this many standard deviations: 0.3 % of it lie beyond."""


def warp(images: torch.Tensor, homographies: Sequence[Homography]) -> torch.Tensor:
    """Take each image's values from other places, by bicubic interpolation.

    Args:
        images: Floats [N, C, H, W].
        homographies: Where from, for each of the N images.
    """
    height, width = images.shape[-2:]
    x = torch.arange(width, device=images.device) - (width - 1) / 2
    y = torch.arange(height, device=images.device)[:, None] - (height - 1) / 2

    def plane(which: int, by: float, plus: float) -> torch.Tensor:
        """Compute by (px + qy + r) + plus, [N, H, W], with three numbers of each homography."""
        p, q = (images.new_tensor([by * each[which + k] for each in homographies])[:, None, None]
                for k in (0, 1))  # fmt: skip
        r = [by * each[which + 2] + plus if which < BELOW else plus for each in homographies]
        return (p * x + images.new_tensor(r)[:, None, None]) + q * y

    # In grid_sample's units an image reaches from -1 to 1.
    grid = torch.stack([plane(0, 2 / width, 0), plane(3, 2 / height, 0)], -1)
    if any(each[BELOW] or each[BELOW + 1] for each in homographies):
        grid = grid / plane(BELOW, 1, 1)[..., None]
    return F.grid_sample(images, grid, "bicubic", "reflection", align_corners=False)


def shift(images: torch.Tensor, right: Sequence[int], down: Sequence[int]) -> torch.Tensor:
    """Move each image by whole pixels."""
    height, width = images.shape[-2:]
    across, along = (torch.arange(side, device=images.device) for side in (width, height))
    return torch.stack(
        [
            image.index_select(2, mirror(across - x, width)).index_select(
                1, mirror(along - y, height)
            )
            for image, x, y in zip(images, right, down, strict=True)
        ]
    )


def mirror(places: torch.Tensor, length: int) -> torch.Tensor:
    """Bring places outside 0 to length - 1 back, as if mirrors stood at both edges."""
    places = places.remainder(2 * length)
    return torch.where(places < length, places, 2 * length - 1 - places)


def blur(images: torch.Tensor, sigmas: Sequence[float]) -> torch.Tensor:
    """Blur each image by a Gaussian.

    Args:
        images: Floats [N, C, H, W].
        sigmas: N standard deviations in pixels, at least 0; 0 leaves an image as it is.
    """
    weights = [_gaussian(sigma) for sigma in sigmas]
    reach = max(map(len, weights)) - 1
    # Weights of 0 change no bit, so that an image's result does not depend on the widest blur.
    by_place = [factors([each[k] if k < len(each) else 0.0 for each in weights], images)
                for k in range(reach + 1)]  # fmt: skip
    for dim in (-1, -2):
        length = images.shape[dim]
        around = mirror(torch.arange(-reach, length + reach, device=images.device), length)
        wide = images.index_select(dim, around)
        total = by_place[0] * images
        for k in range(1, reach + 1):
            both = wide.narrow(dim, reach - k, length) + wide.narrow(dim, reach + k, length)
            total += both.mul_(by_place[k])
        images = total
    return images


def _gaussian(sigma: float) -> list[float]:
    """Give the weights of a place, of both its neighbours, and so on; in all they sum to 1."""
    if sigma < 1e-3:
        return [1.0]
    parts = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(math.ceil(REACH * sigma) + 1)]
    total = parts[0] + 2 * sum(parts[1:])
    return [part / total for part in parts]
