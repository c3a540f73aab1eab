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
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import Field, FiniteFloat, PositiveInt
from pydantic.dataclasses import dataclass as validated

from neatfool.cppn.draw.colour import ColourMap, find_colour_map
from neatfool.cppn.formulas import Expression, Trace, by_numpy

if TYPE_CHECKING:
    import torch

BY_COLUMN: Final = 0b0101
"""The inputs that vary between columns: bit i is input i."""

BY_ROW: Final = 0b0110
"""The inputs that vary between rows."""


@validated(frozen=True)
class Look:
    """How the outputs of a CPPN become a picture.

    Attributes:
        height: Pixels of the native image, the target's, from top to bottom.
        width: Pixels of the native image from left to right.
        inputs: ``"raw"``: x and y are counted in native pixels; ``"normalised"``: they go from -1
            to 1.
        colour_map: One of :data:`~neatfool.cppn.COLOUR_MAPS`.
        channels: 3 repeats a grey channel three times; by default those of the colour map.
        band_limit: How far each node reaches for the mean that it shows: a standard deviation in
            native pixels; see :mod:`neatfool.cppn.activations`. 0: a pixel shows the value at its
            centre.
    """

    height: PositiveInt
    width: PositiveInt
    inputs: Literal["raw", "normalised"] = "raw"
    colour_map: str = "grey"
    channels: int | None = None
    band_limit: FiniteFloat = Field(default=0.0, ge=0)

    @property
    def colours(self) -> ColourMap:
        """The colour map.

        Raises:
            ExperimentError: There is none of that name, or it does not fit the channels.
        """
        return find_colour_map(self.colour_map, channels=self.channels)


@lru_cache(maxsize=64)
def input_formula(look: Look) -> Expression:
    """Give the formula of the inputs at a place in native pixels, of which 0 is the first's centre.

    It is given x and y, and gives x, y, d and 1, each with what it changes by over the band limit
    to the right, and downwards: 12 numbers.
    """
    trace, reach = Trace(2), look.band_limit
    places, sides = trace.given, (look.width, look.height)
    steps = [2 / (side - 1) if side > 1 else 0.0 for side in sides]
    # Not place * step - 1, so that the centres of the outer pixels are exactly at -1 and 1.
    normal = [
        2.0 * place / (side - 1) - 1.0 if side > 1 else 0.0 * place
        for place, side in zip(places, sides, strict=True)
    ]
    distance = trace.sqrt(normal[0] * normal[0] + normal[1] * normal[1])
    away = trace.maximum(distance, 1e-30)
    along = (reach * step * place / away for step, place in zip(steps, normal, strict=True))
    (x, y), (across, down) = (places, (1.0, 1.0)) if look.inputs == "raw" else (normal, steps)
    inputs = (x, reach * across, 0.0), (y, 0.0, reach * down), (distance, *along), (1.0, 0.0, 0.0)
    return trace.formula([*chain(*inputs)])


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


@dataclass(frozen=True, eq=False)
class Lattice:
    """The points that an image, or a box of it, is made of, row by row."""

    look: Look
    x: np.ndarray  # float64 [w], the place of each column of points in native pixels
    y: np.ndarray  # float64 [h], the place of each row
    axes: tuple[Axis, Axis] | None = None
    """How points become pixels, downwards and across; None if they are the pixels' centres."""

    @property
    def points(self) -> int:
        """The number of points."""
        return len(self.x) * len(self.y)

    def tables(self, start: int, stop: int, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Give the inputs of some points as a tensor, float32 if no type is given."""
        import torch

        kind = np.float64 if dtype == torch.float64 else np.float32
        return torch.from_numpy(self.arrays(start, stop, kind))

    def arrays(self, start: int, stop: int, dtype: type[np.floating] = np.float32) -> np.ndarray:
        """Give the inputs of some points, counted row by row: floats [1, 4, stop - start].

        With a band limit, they are [3, 4, stop - start], with what the inputs change by over it to
        the right, and downwards.
        """
        width = len(self.x)
        top, skipped = divmod(start, width)
        rows = slice(top, -(-stop // width))
        shape = max(rows.stop - top, 0), width
        whole = np.zeros((3 if self.look.band_limit else 1, 4, *shape), dtype)
        found = input_formula(self.look).play(by_numpy, self.x, self.y[rows, None])
        for place, number in enumerate(found):
            if place % 3 < len(whole) and (isinstance(number, np.ndarray) or number):
                whole[place % 3, place // 3] = number
        tables = whole.reshape(len(whole), 4, -1)[:, :, skipped : skipped + stop - start]
        return np.ascontiguousarray(tables)


@lru_cache(maxsize=4)
def whole_tables(lattice: Lattice, device: torch.device | None = None) -> torch.Tensor:
    """Give the inputs of all points, which are not to be written to, as ``tables`` gives them."""
    return lattice.tables(0, lattice.points).to(device)


@lru_cache(maxsize=8)
def lay_lattice(
    look: Look,
    size: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
) -> Lattice:
    """Lay the points of a picture, or of a (left, top, right, bottom) box of it.

    Column i of N pixels is at x = ((2 i + 1) W - N) / (2 N) with the native width W; that is i if N
    is W. Normalised, it is 2 x / (W - 1) - 1, so that the outer native pixels are at -1 and 1 (a
    single one at 0). The same holds for rows. The distance d = sqrt(x^2 + y^2) is always
    normalised. The points of a box, which are not to be written to, are exactly a part of the
    whole's.
    """
    height, width = size or (look.height, look.width)
    left, top, right, bottom = box = box or (0, 0, width, height)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(f"box {box}: not a part of an image {width} wide and {height} high")
    x, y = (
        ((2 * np.arange(*ends, dtype=np.float64) + 1) * native - side) / (2 * side)
        for ends, native, side in (
            ((left, right), look.width, width),
            ((top, bottom), look.height, height),
        )
    )
    if not look.band_limit:
        return Lattice(look, x, y)
    across, down = (Axis.of(centres, look.band_limit) for centres in (x, y))
    return Lattice(look, across.places, down.places, (down, across))


def smooth(points: torch.Tensor, lattice: Lattice) -> torch.Tensor:
    """Turn the points of a lattice, floats or bytes [N, C, h, w], into pixels [N, C, H, W]."""
    if lattice.axes is None:
        return points
    import torch

    down, across = lattice.axes
    whole = points if points.is_floating_point() else points.float()
    whole = across.join(down.join(whole, -2), -1)
    return whole if points.is_floating_point() else whole.add_(HALF).round_().to(torch.uint8)


def spread(gradients: torch.Tensor, lattice: Lattice) -> torch.Tensor:
    """Turn gradients by pixels [N, C, H, W] into those by points [N, C, h, w]."""
    if lattice.axes is None:
        return gradients
    import torch

    shape = *gradients.shape[:2], len(lattice.y), len(lattice.x)
    points = gradients.new_zeros(shape, requires_grad=True)
    with torch.enable_grad():
        return torch.autograd.grad(smooth(points, lattice), points, gradients)[0]
