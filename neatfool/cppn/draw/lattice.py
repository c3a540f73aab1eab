"""Where a CPPN is looked at: the inputs at a place, and the lattice of places that make an image.

An image has a *native* size, the target's. Any other size shows the same picture: the centre of a
pixel is mapped to its place in the native image.

With a band limit, the image is drawn at the points of a lattice that are a band limit apart, and a
spline joins them to pixels (:mod:`neatfool.cppn.draw.spline`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from pydantic import Field, FiniteFloat, PositiveInt
from pydantic.dataclasses import dataclass as validated

from neatfool.cppn.draw.colour import ColourMap, find_colour_map
from neatfool.cppn.formulas import Expression, Trace, by_numpy

if TYPE_CHECKING:
    import torch

    from neatfool.cppn.draw.spline import Axis

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
        found = input_formula(self.look).evaluate(by_numpy, self.x, self.y[rows, None])
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
    from neatfool.cppn.draw.spline import Axis

    across, down = (Axis.of(centres, look.band_limit) for centres in (x, y))
    return Lattice(look, across.places, down.places, (down, across))
