"""Images to try a target on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from neatfool.spec.image_spec import ImageSpec


def sample_images(spec: ImageSpec) -> np.ndarray:
    """Make eight different images, uint8 [8, C, H, W]: plain, noisy, smooth and regular ones."""
    rng = np.random.default_rng(1502)
    channels, height, width = spec.shape
    rows, columns = np.mgrid[:height, :width]
    patterns = [
        np.zeros((height, width)),
        np.ones((height, width)),
        np.full((height, width), 0.5),
        (columns + 0.5) / width,
        (rows + columns) % 2,
        np.hypot(rows - height / 2, columns - width / 2) < min(height, width) / 3,
    ]
    noise = [rng.random(spec.shape), rng.random(spec.shape) > 0.9]
    plain = [np.broadcast_to(pattern, (channels, height, width)) for pattern in patterns]
    return np.rint(np.stack([*plain, *noise]) * 255.0).astype(np.uint8)


def plain_images(spec: ImageSpec) -> dict[str, np.ndarray]:
    """Make a black, a white and a noisy image by name, uint8 [1, C, H, W] each."""
    noise = np.random.default_rng(2015).integers(0, 256, (1, *spec.shape))
    return {
        "a black image": np.zeros((1, *spec.shape), np.uint8),
        "a white image": np.full((1, *spec.shape), 255, np.uint8),
        "an image of noise": noise.astype(np.uint8),
    }
