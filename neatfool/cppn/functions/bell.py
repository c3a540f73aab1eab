"""The bell: a picture is drawn at the points of a lattice, and a bell over them joins the points.

Nodes fade where they turn too fast for a pixel, and little of what is too fine is left. The bell
takes that away. The points of the lattice are a band limit apart, and the bell is a cubic B-spline:
on a point it weighs 1, 4 and 1. Both belong to the picture, and not to the size at which it is
drawn, so that it is the same at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from neatfool.cppn.functions.inputs import grid_at, pixel_centres, pixel_grid

if TYPE_CHECKING:
    from neatfool.cppn.functions.inputs import InputKind, PixelGrid

TAPS: Final = 4
"""The points in a line that a place between them is made of: two on either side."""

HALF: Final = 2.0**-10
"""Added to levels before they are rounded: where a ramp makes many exact halves, all go up, and the
last bits of a sum do not decide."""


def weigh(xp: Any, away: Any) -> Any:
    """Give the bell's weight of points so many steps away; ``xp`` has ``clip``."""
    far, near = (xp.clip(reach - abs(away), 0.0, 2.0) for reach in (2.0, 1.0))
    return (far * far * far - 4.0 * (near * near * near)) * (1 / 6)


@dataclass(frozen=True, eq=False)
class Axis:
    """How points along an axis become pixels.

    Attributes:
        places: float64 [m], the points' places in native pixels; 0 is the centre of the first.
        first: int64 [n], the first point of each pixel.
        weights: float32 [n, TAPS], the weights of that and the following points.
    """

    places: np.ndarray
    first: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, centres: np.ndarray, band_limit: float) -> Axis:
        """Lay points around the centres of pixels, given in native pixels."""
        counted = (centres + 0.5) / band_limit - 0.5
        below = np.floor(counted)
        points = np.arange(below[0] - 1, below[-1] + 3)
        away = (counted - below)[:, None] - np.arange(-1, TAPS - 1)
        return cls(
            places=(points + 0.5) * band_limit - 0.5,
            first=(below - below[0]).astype(np.int64),
            weights=weigh(np, away).astype(np.float32),
        )

    def join(self, points: torch.Tensor, dim: int) -> torch.Tensor:
        """Turn points into pixels along a dimension."""
        shape = [1] * points.dim()
        shape[dim] = len(self.first)
        first, weights = (
            torch.from_numpy(each).to(points.device) for each in (self.first, self.weights)
        )
        total = points.new_zeros(())
        for tap in range(TAPS):
            part = points.index_select(dim, first + tap)
            total = total + weights[:, tap].to(points).view(shape) * part
        return total


@dataclass(frozen=True, eq=False)
class Lattice:
    """The points that an image, or a box of it, is made of."""

    grid: PixelGrid
    axes: tuple[Axis, Axis] | None
    """How points become pixels, downwards and across; None if they are the pixels' centres."""

    @property
    def shape(self) -> tuple[int, int]:
        """How many points there are from top to bottom, and from left to right."""
        return len(self.grid.y), len(self.grid.x)


@lru_cache(maxsize=8)
def lay_lattice(
    height: int,
    width: int,
    *,
    band_limit: float,
    native: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
    kind: InputKind = "raw",
) -> Lattice:
    """Lay the points of an image.

    The arguments are those of ``pixel_grid`` and a band limit: 0 for the points at the pixels'
    centres, without a bell.
    """
    if not band_limit:
        return Lattice(pixel_grid(height, width, native=native, box=box, kind=kind), None)
    x, y = pixel_centres(height, width, native=native, box=box)
    across, down = (Axis.of(centres, band_limit) for centres in (x, y))
    grid = grid_at(across.places, down.places, native or (height, width), kind)
    return Lattice(grid, (down, across))


def smooth(points: torch.Tensor, lattice: Lattice) -> torch.Tensor:
    """Turn the points of a lattice, floats or bytes [N, C, h, w], into pixels [N, C, H, W]."""
    if lattice.axes is None:
        return points
    down, across = lattice.axes
    whole = points if points.is_floating_point() else points.float()
    whole = across.join(down.join(whole, -2), -1)
    return whole if points.is_floating_point() else whole.add_(HALF).round_().to(torch.uint8)


@torch.enable_grad()
def spread(gradients: torch.Tensor, lattice: Lattice) -> torch.Tensor:
    """Turn gradients by pixels [N, C, H, W] into those by points [N, C, h, w]."""
    if lattice.axes is None:
        return gradients
    points = gradients.new_zeros(*gradients.shape[:2], *lattice.shape, requires_grad=True)
    return torch.autograd.grad(smooth(points, lattice), points, gradients)[0]
