"""How alike two images are, in two spaces that no network has learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import EliteView

SIDE: Final = 32
"""Pictures are compared at this many pixels a side, where a motif's place and colour are left."""
SPECTRUM_SIDE: Final = 64
"""Spectra are those of grey pictures of this size: scale and direction of stripes, not place."""
SPACES: Final = {
    "layout": "the same colours in the same places",
    "texture": "stripes of the same widths and directions, wherever they are",
}


def image_features(elites: Sequence[EliteView]) -> dict[str, np.ndarray]:
    """Describe images by vectors whose scalar product is the correlation of two images.

    ``layout`` is the image reduced to 32x32. ``texture`` is the logarithm of the amplitudes of the
    grey image's Fourier transform, 64x64. The run's mean is taken away from both, so that images
    are compared in what sets them apart within their run.

    Returns:
        For each space float32 [N, D], rows of length 1 (or 0, if nothing is left of an image).
    """
    rows: dict[str, list[torch.Tensor]] = {name: [] for name in SPACES}
    for elite in elites:
        pixels = torch.from_numpy(elite.saved_pixels())[None].float() / 255
        shrink = torch.nn.functional.adaptive_avg_pool2d
        rows["layout"].append(shrink(pixels.expand(-1, 3, -1, -1), SIDE).flatten())
        grey = shrink(pixels.mean(1, keepdim=True), SPECTRUM_SIDE)[0, 0]
        amplitudes = torch.fft.rfft2(grey - grey.mean()).abs()
        rows["texture"].append(torch.log1p(amplitudes).flatten())
    return {name: _unit(torch.stack(vectors).numpy()) for name, vectors in rows.items()}


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(0)
    if len(rows) > 1:
        rows = rows - rows.mean(1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-6)
    return unit
