"""Other detail: blurred, sharpened, noisy, compressed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from .kind import Step
from .sampling import blur, factors

if TYPE_CHECKING:
    from collections.abc import Sequence


class Blur(Step):
    """Out of focus: a Gaussian, its strength the standard deviation."""

    unit = "pixels"
    strengths = (0.5, 1, 2, 3)
    limit = 8
    what = "blurred"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Blur each image."""
        return blur(images, amounts)


class Sharpen(Step):
    """Sharpened, as cameras do: what a blur of one pixel would take away is added."""

    strengths = (50, 100, 200, 400)
    limit = 1000
    what = "sharpened"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Sharpen each image."""
        lost = images - blur(images, [1.0] * len(images))
        return images + factors([amount / 100 for amount in amounts], images) * lost


class Noise(Step):
    """Noisy, as in dim light: each value gets a random number, the strength its deviation."""

    unit = "levels"
    strengths = (4, 8, 16, 32)
    limit = 128
    what = "noisy"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Add noise to each image."""
        shape = images.shape[1:]
        noise = [np.random.default_rng(seed).standard_normal(shape, np.float32) for seed in seeds]
        return images + factors(amounts, images) * torch.from_numpy(np.stack(noise)).to(images)


class Jpeg(Step):
    """Saved as JPEG and opened again; gradients pass as if it were not."""

    unit = "quality"
    harmless = 100.0
    strengths = (90, 75, 50, 25)
    limit = 1
    what = "saved as JPEG"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Save each image."""
        given = images.detach()
        # Twice as fast as bytes at once.
        levels = given.round().clamp(0, 255).short().byte().cpu().numpy()
        pairs = zip(levels, amounts, strict=True)
        planes = [plane for image, amount in pairs for plane in _save(image, round(amount))]
        seen = torch.from_numpy(np.stack(planes).reshape(images.shape)).to(images)
        return seen + (images - given) if images.requires_grad else seen


def _save(image: np.ndarray, quality: int) -> list[np.ndarray]:
    """Save uint8 [C, H, W] as JPEG, and open it: C of [H, W]."""
    planes, file = [Image.fromarray(plane) for plane in image], io.BytesIO()
    whole = planes[0] if len(planes) == 1 else Image.merge("RGB", planes)
    whole.save(file, "JPEG", quality=min(max(quality, 1), 100))
    with Image.open(file, formats=["JPEG"]) as opened:
        return [np.asarray(plane) for plane in opened.split()]
