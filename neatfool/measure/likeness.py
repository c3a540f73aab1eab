"""How alike images are, in three spaces that no network learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from neatfool.run.individual import EliteView

SIDE: Final = 32
"""Pictures are compared at this many pixels a side, where a motif's place and colour are left."""
SPECTRUM_SIDE: Final = 64
"""Spectra are those of grey pictures of this size: scale and direction of stripes, not place."""
SPACES: Final = {
    "layout": "the same colours in the same places",
    "texture": "stripes of the same widths and directions, wherever they are",
    "colour": "as much of the same colours, wherever they are",
}


def image_features(
    elites: Sequence[EliteView], note: Callable[[], None] = lambda: None
) -> dict[str, np.ndarray]:
    """Describe images by vectors whose scalar product is the correlation of two images.

    ``layout`` is the image reduced to 32x32; ``texture`` the logarithm of the amplitudes of its
    grey Fourier transform, 64x64; ``colour`` the square root of the histogram of the layout's
    colours. The mean of these images is taken away, so that what sets them apart counts. Each is
    float32 [N, D], rows of length 1 (or 0, if nothing is left).
    """
    rows: dict[str, list[np.ndarray]] = {name: [] for name in SPACES}
    for elite in elites:
        image = elite.image()
        layout = _reduced(image.convert("RGB"), SIDE)
        rows["layout"].append(layout.ravel())
        grey = _reduced(image.convert("L"), SPECTRUM_SIDE)
        amplitudes = np.log1p(np.abs(np.fft.rfft2(grey - grey.mean())))
        rows["texture"].append(amplitudes.ravel())
        bins = (layout * 3.99).astype(np.int64) @ (16, 4, 1)
        rows["colour"].append(np.sqrt(np.bincount(bins.ravel(), minlength=64)))
        note()
    return {name: _unit(np.stack(vectors)) for name, vectors in rows.items()}


def join_spaces(features: Mapping[str, np.ndarray]) -> np.ndarray:
    """Join :func:`image_features`: scalar products become the mean of the correlations."""
    spaces = [np.column_stack([rows, ~rows.any(1)]) for rows in features.values()]
    joined: np.ndarray = np.hstack(spaces) / np.sqrt(len(spaces))
    return joined.astype(np.float32)


def _reduced(image: Image.Image, side: int) -> np.ndarray:
    return np.asarray(image.resize((side, side), Image.Resampling.BOX), np.float32) / 255


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(0)
    rows = rows - rows.mean(1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-4)
    return unit.astype(np.float32)
