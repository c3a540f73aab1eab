"""How images are prepared for a network: their size, and how their bytes are scaled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
"""The mean of ImageNet's red, green and blue, in [0, 1]."""
IMAGENET_DEVIATION: Final = (0.229, 0.224, 0.225)
"""Their standard deviation."""


@dataclass(frozen=True)
class Preprocessing:
    """The input that a network was trained with.

    Attributes:
        height: Of its images, in pixels.
        width: Of its images, in pixels.
        larger: A photograph's shorter side is resized to this many pixels before its middle is
            cut out. Ten crops are taken of images of this side.
        mean: What to subtract from the bytes of each channel: one or three numbers in [0, 255].
        std: What to divide by after that.
        filter: How a photograph is resized.
        channels: 3 (RGB), or 1 (grey).
        own: What the network's library prepares a photograph with, if that is not known to do the
            same: an image of the right colours in, uint8 [C, H, W] out.
        own_in_words: What it does; empty if it does the same.
    """

    height: int
    width: int
    larger: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    filter: str = "bilinear"
    channels: int = 3
    own: Callable[[Image.Image], Any] | None = field(default=None, repr=False, compare=False)
    own_in_words: str = field(default="", repr=False, compare=False)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the network's images."""
        return self.height, self.width

    @property
    def uncropped(self) -> tuple[int, int]:
        """(height, width) of the images that ten crops are taken of."""
        scale = max(self.larger / min(self.size), 1.0)
        return round(self.height * scale), round(self.width * scale)

    def describe(self, *, uncropped: bool = False) -> str:
        """Describe the preprocessing in one line; ``uncropped``: ten crops follow."""
        as_is = (set(self.mean), set(self.std)) == ({0.0}, {1.0})
        scaled = (
            "bytes as they are"
            if as_is
            else (f"scaled (x - {_write(self.mean)}) / {_write(self.std)}")
        )
        size = self.uncropped if uncropped else self.size
        own = self.own_in_words if size == self.size else ""
        usual = f"shorter side to {max(self.larger, *size)} ({self.filter}), middle cut out"
        return f"images of {self.width}x{self.height} pixels, {scaled}; photographs: {own or usual}"

    def prepare(self, photograph: Image.Image, *, uncropped: bool = False) -> torch.Tensor:
        """Make of a photograph what the network was trained to see.

        Args:
            photograph: The photograph.
            uncropped: Whether ten crops follow.

        Returns:
            uint8 [C, height, width]: of :attr:`size`, or of :attr:`uncropped` for ten crops.
        """
        image = photograph.convert("L" if self.channels == 1 else "RGB")
        size = self.uncropped if uncropped else self.size
        if self.own is not None and size == self.size:
            return torch.as_tensor(self.own(image))
        # As torchvision does it. Importing that takes a second and 100 MB.
        shorter = max(self.larger, *size)
        width, height = (shorter * side // min(image.size) for side in image.size)
        image = image.resize((width, height), Image.Resampling[self.filter.upper()])
        top, left = round((height - size[0]) / 2), round((width - size[1]) / 2)
        image = image.crop((left, top, left + size[1], top + size[0]))
        pixels = np.array(image).reshape(*size, self.channels).transpose(2, 0, 1)
        return torch.from_numpy(pixels.copy())


def in_bytes(numbers: Sequence[float]) -> tuple[float, ...]:
    """Scale numbers for images in [0, 1] to numbers for bytes."""
    return tuple(255 * number for number in numbers)


def _write(numbers: Sequence[float]) -> str:
    if len(set(numbers)) == 1:
        return f"{numbers[0]:g}"
    return f"[{', '.join(f'{number:.6g}' for number in numbers)}]"
