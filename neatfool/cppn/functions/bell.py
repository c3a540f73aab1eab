"""The bell: what a pixel shows is a mean of places around it.

Nodes fade where they turn too fast for a pixel, and little of what is too fine is left. The bell
takes that away: weights 1, 4, 6, 4 and 1 across and down, at steps of half of the band limit. They
belong to the picture, and not to the size at which it is drawn.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional as F

from neatfool.cppn.functions.inputs import pixel_grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool.cppn.functions.inputs import InputKind, PixelGrid

WEIGHTS: Final = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""Their standard deviation is one step."""

PLACES: Final = tuple(
    (a * b, (x - 2) / 2, (y - 2) / 2) for (x, a), (y, b) in product(enumerate(WEIGHTS), repeat=2)
)
"""The weight of each of the 25 places, and where it is across and down, in band limits."""


def steps(
    height: int, width: int, native: tuple[int, int] | None, band_limit: float
) -> tuple[int, int] | None:
    """Give the bell's step in whole drawn pixels, down and across; None if these do not fit."""
    if not band_limit:
        return None
    sides = zip((height, width), native or (height, width), strict=True)
    down, across = (band_limit / 2 * side / max(own, 1) for side, own in sides)
    if down % 1 or across % 1:
        return None
    return int(down), int(across)


def draw_smooth(
    draw: Callable[[PixelGrid], torch.Tensor],
    *,
    height: int,
    width: int,
    native: tuple[int, int] | None,
    box: tuple[int, int, int, int] | None,
    kind: InputKind,
    band_limit: float,
    smooth: Callable[[torch.Tensor, tuple[int, int]], torch.Tensor],
) -> torch.Tensor:
    """Draw a picture, or a box of it: floats or bytes [N, C, H, W].

    Args:
        draw: Draws the points of a grid: [N, C, P].
        height: As for :func:`neatfool.cppn.rendering.render`.
        width: As there.
        native: As there.
        box: As there.
        kind: As its ``inputs``.
        band_limit: As there.
        smooth: Turns points into pixels, as :func:`smooth` does.
    """
    around = steps(height, width, native, band_limit)
    given = {"native": native, "box": box, "kind": kind}
    if around is not None:
        grid = pixel_grid(height, width, **given, beyond=around)
        return smooth(_shape(draw(grid), grid), around)
    if not band_limit:
        grid = pixel_grid(height, width, **given)
        return _shape(draw(grid), grid)
    total = torch.zeros(())
    for weight, x, y in PLACES:
        shift = (x * band_limit, y * band_limit)
        grid = pixel_grid(height, width, **given, shift=shift)
        points = draw(grid)
        total = total.to(points.device) + weight * points
    return _shape(total if points.is_floating_point() else quantised(total), grid)


def _shape(points: torch.Tensor, grid: PixelGrid) -> torch.Tensor:
    return points.view(*points.shape[:2], len(grid.y), len(grid.x))


def quantised(levels: torch.Tensor) -> torch.Tensor:
    """Round levels to bytes."""
    return levels.round_().to(torch.uint8)


def smooth(points: torch.Tensor, around: tuple[int, int]) -> torch.Tensor:
    """Turn points into the pixels that have a bell around them.

    Args:
        points: Floats or bytes [N, C, h, w].
        around: The step of the bell down and across.
    """
    count, channels, *sides = points.shape
    whole = points.reshape(-1, 1, *sides)
    whole = whole if whole.is_floating_point() else whole.float()
    weights = whole.new_tensor(WEIGHTS)
    whole = F.conv2d(whole, weights.view(1, 1, 5, 1), dilation=(around[0], 1))
    whole = F.conv2d(whole, weights.view(1, 1, 1, 5), dilation=(1, around[1]))
    whole = whole.view(count, channels, *whole.shape[2:])
    return whole if points.is_floating_point() else quantised(whole)


def spread(gradients: torch.Tensor, around: tuple[int, int]) -> torch.Tensor:
    """Turn gradients by pixels [N, C, H, W] into those by points [N, C, h, w]."""
    down, across = (4 * each for each in around)
    return smooth(F.pad(gradients, (across, across, down, down)), around)
