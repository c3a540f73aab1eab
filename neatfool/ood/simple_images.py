"""Simple images that no search made: noise, blanks, gradients and textures."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from neatfool.spec.image_spec import ImageSpec


def simple_images(
    spec: ImageSpec, number: int, seed: int = 1
) -> Iterator[tuple[str, str, str, torch.Tensor]]:
    """Draw images of a target's size, of each kind the same number.

    Yields:
        The kind, its group (noise, blank or texture), what it is in words, and uint8 [N, C, H, W].
    """
    chance = np.random.default_rng(seed)
    size = (spec.height, spec.width)
    rows, columns = np.mgrid[: spec.height, : spec.width] / max(size)

    def some(low: float, high: float, channels: int = 1) -> Any:
        return chance.uniform(low, high, (number, channels, 1, 1))

    def across() -> Any:
        """Give how far each pixel lies in a random direction, from -0.7 to 0.7."""
        angles = some(0, 2 * np.pi)
        return (rows - 0.5) * np.sin(angles) + (columns - 0.5) * np.cos(angles)

    def stripes() -> Any:
        return 0.5 + 0.5 * np.sin(2 * np.pi * some(2, 20) * across() + some(0, 2 * np.pi))

    first, second = (some(0, 255, spec.channels) for _ in range(2))
    textures = [stripes(), np.round(stripes()) != np.round(stripes())]
    clouds = np.full((number, 1, *size), 0.5)
    for cells in (3, 6, 12, 24):  # Noise of several scales, the coarser the stronger.
        grid = torch.from_numpy(chance.uniform(-1, 1, (number, 1, cells, cells)))
        clouds += torch.nn.functional.interpolate(grid, size, mode="bicubic").numpy() * 2 / cells
    turns = (np.arange(number) % 3)[:, None, None, None]
    texture = np.choose(turns, [*textures, clouds])
    shape = (number, spec.channels, *size)
    for kind, group, what, values in (
        ("uniform", "noise", "uniform noise", chance.uniform(0, 255, shape)),
        ("gaussian", "noise", "Gaussian noise", chance.normal(128, 64, shape)),
        ("blank", "blank", "blank images", np.broadcast_to(first, shape)),
        ("gradient", "blank", "gradients", first + (second - first) * (0.5 + across() / 1.4)),
        ("texture", "texture", "stripes, checks and clouds", first + (second - first) * texture),
    ):
        yield kind, group, what, torch.from_numpy(values.round().clip(0, 255).astype(np.uint8))
