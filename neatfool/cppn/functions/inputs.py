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
    """The pixels of an image, or of a box in it, row by row.

    Attributes:
        x: float64 [W], the input x of each column.
        y: float64 [H], the input y of each row.
        x_squared: float64 [W], the square of each column's normalised x.
        y_squared: float64 [H], the square of each row's normalised y.
    """

    x: np.ndarray
    y: np.ndarray
    x_squared: np.ndarray
    y_squared: np.ndarray

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
        width = len(self.x)
        top, skipped = divmod(start, width)
        rows = slice(top, -(-stop // width))
        whole = np.empty((4, max(rows.stop - top, 0), width), _FLOATS[dtype])
        whole[0] = self.x
        whole[1] = self.y[rows, None]
        whole[2] = np.sqrt(self.x_squared + self.y_squared[rows, None])
        whole[3] = 1.0
        inputs = whole.reshape(4, -1)[:, skipped : skipped + stop - start]
        return torch.from_numpy(np.ascontiguousarray(inputs))


@lru_cache(maxsize=8)
def pixel_grid(
    height: int,
    width: int,
    *,
    native: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
    kind: InputKind = "raw",
    shift: tuple[float, float] = (0.0, 0.0),
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
        shift: How far the places lie from the pixels' centres, (right, down), in native pixels.

    Returns:
        The grid, which is not to be written to. The grid of a box is exactly a part of the whole.

    Raises:
        ValueError: A size is below 1, the box is empty or not within the image, or there is no
            such kind.
    """
    native_height, native_width = native or (height, width)
    left, top, right, bottom = box or (0, 0, width, height)
    if min(height, width, native_height, native_width) < 1:
        raise ValueError(f"an image of {height}x{width} pixels: both must be >= 1")
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(f"box {box}: not a part of an image {width} wide and {height} high")
    if kind not in ("raw", "normalised"):
        raise ValueError(f"inputs {kind!r}: must be 'raw' or 'normalised'")
    x, normalised_x = _axis(left, right, width, native_width, shift[0])
    y, normalised_y = _axis(top, bottom, height, native_height, shift[1])
    raw = kind == "raw"
    return PixelGrid(
        x=x if raw else normalised_x,
        y=y if raw else normalised_y,
        x_squared=normalised_x**2,
        y_squared=normalised_y**2,
    )


def _axis(
    start: int, stop: int, size: int, native: int, shift: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give raw and normalised coordinates of pixels ``start`` to ``stop`` of ``size``."""
    odd = 2 * np.arange(start, stop, dtype=np.float64) + 1
    raw = (odd * native - size) / (2 * size) + shift
    return raw, 2 * raw / (native - 1) - 1 if native > 1 else np.zeros_like(raw)
