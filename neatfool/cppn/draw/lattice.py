"""Where a CPPN is looked at: the inputs at a place, and the lattice of places that make an image.

An image has a *native* size, the target's. Any other size shows the same picture: the centre of a
pixel is mapped to its place in the native image.

With a band limit, nodes fade where they turn too fast for a pixel, and little of what is too fine
is left. A bell takes that away: the image is drawn at the points of a lattice that are a band limit
apart, and the bell over them, a cubic B-spline, joins the points: on a point it weighs 1, 4 and 1.
Both belong to the picture, and not to the size at which it is drawn, so that it is the same at any
size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import torch

from neatfool.cppn.formulas import Expression, Trace, by_numpy

InputKind: TypeAlias = Literal["raw", "normalised"]

BY_COLUMN: Final = 0b0101
"""The inputs that vary between columns: bit i is input i."""

BY_ROW: Final = 0b0110
"""The inputs that vary between rows."""

_FLOATS: Final = {torch.float32: np.float32, torch.float64: np.float64}


@lru_cache(maxsize=64)
def input_formula(native: tuple[int, int], kind: InputKind, reach: float) -> Expression:
    """Give the formula of the inputs at a place in native pixels, of which 0 is the first's centre.

    It is given x and y, and gives x, y, d and 1, each with what it changes by over a reach to the
    right, and downwards: 12 numbers.
    """
    trace = Trace(2)
    places, sides = trace.given, native[::-1]
    steps = [2 / (side - 1) if side > 1 else 0.0 for side in sides]
    # Not place * step - 1, so that the centres of the outer pixels are exactly at -1 and 1.
    normal = [
        2.0 * place / (side - 1) - 1.0 if side > 1 else 0.0 * place
        for place, side in zip(places, sides, strict=True)
    ]
    distance = trace.sqrt(normal[0] * normal[0] + normal[1] * normal[1])
    away = trace.maximum(distance, 1e-30)
    along = (reach * step * place / away for step, place in zip(steps, normal, strict=True))
    (x, y), (across, down) = (places, (1.0, 1.0)) if kind == "raw" else (normal, steps)
    inputs = (x, reach * across, 0.0), (y, 0.0, reach * down), (distance, *along), (1.0, 0.0, 0.0)
    return trace.formula([*chain(*inputs)])


@dataclass(frozen=True, eq=False)
class PixelGrid:
    """The pixels of an image, or of a box in it, row by row."""

    x: np.ndarray  # float64 [W], the place of each column in native pixels
    y: np.ndarray  # float64 [H], the place of each row
    native: tuple[int, int]  # the native height and width
    kind: InputKind = "raw"  # whether x and y are counted in native pixels, or go from -1 to 1
    reach: float = 0.0  # how far a pixel reaches, in native pixels; 0 for points

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return len(self.x) * len(self.y)

    def tables(self, start: int, stop: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Give the inputs of some pixels, counted row by row: floats [1, 4, stop - start].

        For a reach above 0, they are [3, 4, stop - start], with what the inputs change by over it
        to the right, and downwards.
        """
        width = len(self.x)
        top, skipped = divmod(start, width)
        rows = slice(top, -(-stop // width))
        shape = max(rows.stop - top, 0), width
        whole = np.zeros((3 if self.reach else 1, 4, *shape), _FLOATS[dtype])
        formula = input_formula(self.native, self.kind, self.reach)
        found = formula.play(by_numpy, self.x, self.y[rows, None])
        for place, number in enumerate(found):
            if place % 3 < len(whole) and (isinstance(number, np.ndarray) or number):
                whole[place % 3, place // 3] = number
        tables = whole.reshape(len(whole), 4, -1)[:, :, skipped : skipped + stop - start]
        return torch.from_numpy(np.ascontiguousarray(tables))


@lru_cache(maxsize=4)
def whole_tables(grid: PixelGrid, device: torch.device | None = None) -> torch.Tensor:
    """Give the inputs of all pixels, which are not to be written to, as ``tables`` gives them."""
    return grid.tables(0, grid.pixels).to(device)


@lru_cache(maxsize=8)
def pixel_grid(
    height: int,
    width: int,
    *,
    native: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
    kind: InputKind = "raw",
) -> PixelGrid:
    """Lay a grid of pixels over a picture, or over a (left, top, right, bottom) box of it.

    Column i of N is at x = ((2 i + 1) W - N) / (2 N) with the native width W; that is i if N is W.
    Normalised, it is 2 x / (W - 1) - 1, so that the outer native pixels are at -1 and 1 (a single
    one at 0). The same holds for rows. The distance d = sqrt(x^2 + y^2) is always normalised.
    The grid, which is not to be written to, of a box is exactly a part of the whole.
    """
    native = native or (height, width)
    left, top, right, bottom = box or (0, 0, width, height)
    if min(height, width, *native) < 1:
        raise ValueError(f"an image of {height}x{width} pixels: both must be >= 1")
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(f"box {box}: not a part of an image {width} wide and {height} high")
    if kind not in ("raw", "normalised"):
        raise ValueError(f"inputs {kind!r}: must be 'raw' or 'normalised'")
    x, y = (
        ((2 * np.arange(*ends, dtype=np.float64) + 1) * own - side) / (2 * side)
        for ends, own, side in (
            ((left, right), native[1], width),
            ((top, bottom), native[0], height),
        )
    )
    return PixelGrid(x, y, native, kind)


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
    """Lay the points of an image, as ``pixel_grid`` does; a band limit of 0 needs no bell."""
    grid = pixel_grid(height, width, native=native, box=box, kind=kind)
    if not band_limit:
        return Lattice(grid, None)
    across, down = (Axis.of(centres, band_limit) for centres in (grid.x, grid.y))
    points = PixelGrid(across.places, down.places, grid.native, kind, band_limit)
    return Lattice(points, (down, across))


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
