"""A few real digits, to check that a network reads digits."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

PER_CLASS: Final = 30
_SHEET: Final = Path(__file__).with_name("digits.png")


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Read the packaged digits, the first 30 of each class of MNIST's test set.

    They are in one picture, where row r, of 28 pixels, holds the digits r.

    Returns:
        Images, uint8 [300, 1, 28, 28], 0 background and 255 ink, and their labels, int64 [300].
    """
    with Image.open(_SHEET) as picture:
        sheet = np.asarray(picture.convert("L"))
    tiles = sheet.reshape(10, 28, PER_CLASS, 28).transpose(0, 2, 1, 3)
    return tiles.reshape(-1, 1, 28, 28).copy(), np.repeat(np.arange(10), PER_CLASS)
