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

REACH: Final = 3.0
"""A Gaussian ends after this many standard deviations: 0.3 % of it lie beyond."""


def warp(images: torch.Tensor, homographies: Sequence[Homography]) -> torch.Tensor:
    """Take each image's values from other places, by bicubic interpolation.

    Args:
        images: Floats [N, C, H, W].
        homographies: Where from, for each of the N images.
    """
    height, width = images.shape[-2:]
    a, b, c, d, e, f, g, h = (
        torch.tensor(column, dtype=torch.float64, device=images.device)[:, None, None]
        for column in zip(*homographies, strict=True)
    )
    x = torch.arange(width, dtype=torch.float64, device=images.device) - (width - 1) / 2
    y = torch.arange(height, dtype=torch.float64, device=images.device)[:, None] - (height - 1) / 2
    below = g * x + h * y + 1
    # From pixels to grid_sample's units, in which an image reaches from -1 to 1.
    grid = torch.stack(
        [(a * x + b * y + c) / below * (2 / width), (d * x + e * y + f) / below * (2 / height)], -1
    )
    return F.grid_sample(images, grid.to(images), "bicubic", "reflection", align_corners=False)


def shift(images: torch.Tensor, right: Sequence[int], down: Sequence[int]) -> torch.Tensor:
    """Move each image by whole pixels."""
    height, width = images.shape[-2:]
    columns = torch.stack([mirror(torch.arange(width) - by, width) for by in right])
    rows = torch.stack([mirror(torch.arange(height) - by, height) for by in down])
    moved = images.gather(3, columns.to(images.device)[:, None, None, :].expand(images.shape))
    return moved.gather(2, rows.to(images.device)[:, None, :, None].expand(images.shape))


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
            total = total + by_place[k] * both
        images = total
    return images


def _gaussian(sigma: float) -> list[float]:
    """Give the weights of a place, of both its neighbours, and so on; in all they sum to 1."""
    if sigma < 1e-3:
        return [1.0]
    parts = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(math.ceil(REACH * sigma) + 1)]
    total = parts[0] + 2 * sum(parts[1:])
    return [part / total for part in parts]
