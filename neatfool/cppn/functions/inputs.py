"""The inputs of a CPPN: the position of a pixel's centre.

An image has a *native* size, the target's. Any other size shows the same picture: the centre of a
pixel is mapped to its place in the native image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np
import torch

InputKind: TypeAlias = Literal["raw", "normalised"]

INPUT_LABELS: Final = ("x", "y", "d", "1")
"""The inputs in their order: column, row, distance from the centre, and one."""

BY_COLUMN: Final = 0b0101
"""The inputs that vary between columns: bit i is input i."""

BY_ROW: Final = 0b0110
"""The inputs that vary between rows."""

_FLOATS: Final = {torch.float32: np.float32, torch.float64: np.float64}


@dataclass(frozen=True, eq=False)
class PixelGrid:
    """The pixels of an image, or of a box in it, row by row."""

    x: np.ndarray
    """float64 [W], the input x of each column."""
    y: np.ndarray
    """float64 [H], the input y of each row."""
    normal_x: np.ndarray
    """float64 [W], the normalised x of each column."""
    normal_y: np.ndarray
    """float64 [H], the normalised y of each row."""
    steps: tuple[float, float, float, float]
    """What x and y, and the normalised x and y, change by in a native pixel."""

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return len(self.x) * len(self.y)

    def inputs(self, start: int, stop: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Give the inputs of some pixels.

        Args:
            start: The first pixel, counted row by row.
            stop: The pixel after the last.
            dtype: float32 or float64. The inputs are computed in float64 and then rounded.

        Returns:
            Floats [4, stop - start]: x, y, d and ones, in the order of ``INPUT_LABELS``.
        """
        return self.tables(start, stop, 0.0, dtype)[0]

    def tables(
        self, start: int, stop: int, reach: float, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Give the inputs of some pixels and, for a reach, their derivatives.

        Args:
            start: As for :meth:`inputs`.
            stop: As for :meth:`inputs`.
            reach: How far to the right and downwards, in native pixels; 0 for no derivatives.
            dtype: As for :meth:`inputs`.

        Returns:
            Floats [1, 4, stop - start], or [3, 4, stop - start]: the inputs, and what they change
            by over the reach to the right, and downwards.
        """
        width = len(self.x)
        top, skipped = divmod(start, width)
        rows = slice(top, -(-stop // width))
        shape = max(rows.stop - top, 0), width
        whole = np.zeros((3 if reach else 1, 4, *shape), _FLOATS[dtype])
        normal_x, normal_y = self.normal_x, self.normal_y[rows, None]
        distance = np.sqrt(normal_x**2 + normal_y**2)
        whole[0, 0], whole[0, 1], whole[0, 2], whole[0, 3] = self.x, self.y[rows, None], distance, 1
        if reach:
            along_x, along_y, normal_along_x, normal_along_y = (reach * each for each in self.steps)
            distance = np.maximum(distance, 1e-30)
            whole[1, 0], whole[1, 2] = along_x, normal_along_x * normal_x / distance
            whole[2, 1], whole[2, 2] = along_y, normal_along_y * normal_y / distance
        tables = whole.reshape(len(whole), 4, -1)[:, :, skipped : skipped + stop - start]
        return torch.from_numpy(np.ascontiguousarray(tables))


@lru_cache(maxsize=8)
def pixel_grid(
    height: int,
    width: int,
    *,
    native: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
    kind: InputKind = "raw",
) -> PixelGrid:
    """Lay a grid of pixels over a picture.

    Column i of N has x = ((2 i + 1) W - N) / (2 N) with the native width W; that is i if N is W.
    Normalised, it is 2 x / (W - 1) - 1, so that the outer native pixels are at -1 and 1 (a single
    one at 0). The same holds for rows. The distance d = sqrt(x^2 + y^2) is always normalised.

    Args:
        height: Pixels of the whole image from top to bottom, at least 1.
        width: Pixels of the whole image from left to right, at least 1.
        native: The native (height, width); by default the size of the image.
        box: (left, top, right, bottom) of the wanted part; all of it if absent.
        kind: Whether x and y are ``"raw"`` (native column and row, counted from 0) or
            ``"normalised"``.

    Returns:
        The grid, which is not to be written to. The grid of a box is exactly a part of the whole.

    Raises:
        ValueError: A size is below 1, the box is empty or not within the image, or there is no
            such kind.
    """
    centres = pixel_centres(height, width, native=native, box=box)
    return grid_at(*centres, native or (height, width), kind)


def pixel_centres(
    height: int,
    width: int,
    *,
    native: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Give the centres of columns and rows in native pixels; arguments as for ``pixel_grid``."""
    native_height, native_width = native or (height, width)
    left, top, right, bottom = box or (0, 0, width, height)
    if min(height, width, native_height, native_width) < 1:
        raise ValueError(f"an image of {height}x{width} pixels: both must be >= 1")
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(f"box {box}: not a part of an image {width} wide and {height} high")
    odd_x, odd_y = (
        2 * np.arange(*ends, dtype=np.float64) + 1 for ends in ((left, right), (top, bottom))
    )
    return (
        (odd_x * native_width - width) / (2 * width),
        (odd_y * native_height - height) / (2 * height),
    )


def grid_at(x: np.ndarray, y: np.ndarray, native: tuple[int, int], kind: InputKind) -> PixelGrid:
    """Lay a grid of points.

    Args:
        x: float64 [W], the places of columns in native pixels; 0 is the centre of the first.
        y: float64 [H], those of rows.
        native: The native (height, width).
        kind: As for :func:`pixel_grid`.
    """
    if kind not in ("raw", "normalised"):
        raise ValueError(f"inputs {kind!r}: must be 'raw' or 'normalised'")
    across, down = (2 / (side - 1) if side > 1 else 0.0 for side in reversed(native))
    # Not x * across - 1, so that the centres of the outer pixels are exactly at -1 and 1.
    normal_x, normal_y = (
        2 * places / (side - 1) - 1 if side > 1 else np.zeros_like(places)
        for places, side in ((x, native[1]), (y, native[0]))
    )
    raw = kind == "raw"
    return PixelGrid(
        x=x if raw else normal_x,
        y=y if raw else normal_y,
        normal_x=normal_x,
        normal_y=normal_y,
        steps=(1.0, 1.0, across, down) if raw else (across, down, across, down),
    )
