"""The cubic B-spline that joins the points of a lattice to pixels.

With a band limit, nodes fade where they turn too fast for a pixel, and little of what is too fine
is left. The spline removes that: the image is drawn at the points of a lattice that are a band
limit apart, and a pixel is a weighted mean of the points around it. Both belong to the picture, and
not to the size at which it is drawn, so that it is the same at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.cppn.draw.colour import HALF

if TYPE_CHECKING:
    import torch


TAPS: Final = 4
"""The points in a line that a place between them is made of: two on either side."""


def weigh(xp: Any, away: Any) -> Any:
    """Give the spline's weight of points so many steps away; ``xp`` has ``clip``."""
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

    @property
    def matrix(self) -> np.ndarray:
        """The weight of each point in each pixel, float32 [n, m]."""
        whole = np.zeros((len(self.first), len(self.places)), np.float32)
        pixels = np.arange(len(self.first))[:, None]
        whole[pixels, self.first[:, None] + np.arange(TAPS)] = self.weights
        return whole

    def join(self, points: torch.Tensor, dim: int) -> torch.Tensor:
        """Turn points into pixels along a dimension."""
        import torch

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


def smooth(points: torch.Tensor, axes: tuple[Axis, Axis]) -> torch.Tensor:
    """Turn the points of a lattice, floats or bytes [N, C, h, w], into pixels [N, C, H, W]."""
    import torch

    down, across = axes
    whole = points if points.is_floating_point() else points.float()
    whole = across.join(down.join(whole, -2), -1)
    return whole if points.is_floating_point() else whole.add_(HALF).round_().to(torch.uint8)


def spread(gradients: torch.Tensor, axes: tuple[Axis, Axis]) -> torch.Tensor:
    """Turn gradients by pixels [N, C, H, W] into those by points [N, C, h, w]."""
    import torch

    shape = *gradients.shape[:2], *(len(axis.places) for axis in axes)
    points = gradients.new_zeros(shape, requires_grad=True)
    with torch.enable_grad():
        return torch.autograd.grad(smooth(points, axes), points, gradients)[0]
