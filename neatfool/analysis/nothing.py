"""Images of nothing that no search made: noise, blanks, gradients and textures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from neatfool.spec.image_spec import ImageSpec


def images_of_nothing(
    spec: ImageSpec, number: int, seed: int = 1
) -> Iterator[tuple[str, str, str, torch.Tensor]]:
    """Draw images of a target's size, of each kind the same number.

    Yields:
        The kind, its group (noise, blank or texture), what it is in words, and uint8 [N, C, H, W].
    """
    chance = np.random.default_rng(seed)
    shape = (number, spec.channels, spec.height, spec.width)
    rows, columns = np.mgrid[: spec.height, : spec.width] / max(spec.height, spec.width)

    def some(low: float, high: float, channels: int = 1) -> np.ndarray:
        return chance.uniform(low, high, (number, channels, 1, 1))

    def across() -> np.ndarray:
        """Give how far each pixel lies in a random direction, from -0.7 to 0.7."""
        angles = some(0, 2 * np.pi)
        along: np.ndarray = (rows - 0.5) * np.sin(angles) + (columns - 0.5) * np.cos(angles)
        return along

    colours = [some(0, 255, spec.channels) for _ in range(2)]

    def mix(part: np.ndarray) -> np.ndarray:
        mixed: np.ndarray = colours[0] + (colours[1] - colours[0]) * part
        return mixed

    def stripes() -> np.ndarray:
        waves: np.ndarray = np.sin(2 * np.pi * some(2, 20) * across() + some(0, 2 * np.pi))
        return 0.5 + 0.5 * waves

    def clouds() -> np.ndarray:
        """Add noise of several scales, the coarser the stronger."""
        total = np.zeros((number, 1, spec.height, spec.width))
        for cells in (3, 6, 12, 24):
            grid = torch.from_numpy(chance.uniform(-1, 1, (number, 1, cells, cells)))
            size = (spec.height, spec.width)
            total += torch.nn.functional.interpolate(grid, size, mode="bicubic").numpy() * 2 / cells
        return 0.5 + total

    textures = [stripes(), np.round(stripes()) != np.round(stripes()), clouds()]
    turns = (np.arange(number) % len(textures))[:, None, None, None]
    kinds: list[tuple[str, str, str, np.ndarray]] = [
        ("uniform", "noise", "uniform noise", chance.uniform(0, 255, shape)),
        ("gaussian", "noise", "Gaussian noise", chance.normal(128, 64, shape)),
        ("blank", "blank", "blank images", np.broadcast_to(colours[0], shape)),
        ("gradient", "blank", "gradients", mix(0.5 + across() / 1.4)),
        ("texture", "texture", "stripes, checks and clouds", mix(np.choose(turns, textures))),
    ]
    for kind, group, what, values in kinds:
        yield kind, group, what, torch.from_numpy(values.round().clip(0, 255).astype(np.uint8))
