"""How a network looks at images: their size, and what becomes of their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from PIL import Image

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
"""The mean of ImageNet's red, green and blue, in [0, 1]."""
IMAGENET_DEVIATION: Final = (0.229, 0.224, 0.225)
"""Their standard deviation."""


@dataclass(frozen=True)
class Preprocessing:
    """What a network was trained to be given.

    Attributes:
        height: Of its images, in pixels.
        width: Of its images, in pixels.
        larger: The side, in pixels, that a photograph's shorter side is brought to before the
            middle is cut out; and the side of the images that ten crops are taken of.
        mean: What is subtracted from the bytes of each channel: one or three numbers in [0, 255].
        std: What each is divided by after that.
        filter: How a photograph is resized.
        channels: 3 (RGB), or 1 (grey).
    """

    height: int
    width: int
    larger: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    filter: str = "bilinear"
    channels: int = 3

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the network's images."""
        return self.height, self.width

    @property
    def uncropped(self) -> tuple[int, int]:
        """(height, width) of the images that ten crops are taken of."""
        scale = max(self.larger / min(self.size), 1.0)
        return round(self.height * scale), round(self.width * scale)

    def describe(self) -> str:
        """Say it in a line."""
        return (
            f"images of {self.width}x{self.height} pixels, scaled (x - {_written(self.mean)}) / "
            f"{_written(self.std)}; photographs: shorter side to {self.larger} ({self.filter}), "
            "middle cut out"
        )

    def prepare(self, photograph: Image.Image, size: tuple[int, int]) -> torch.Tensor:
        """Resize a photograph and cut its middle out, as the network's authors do.

        Args:
            photograph: Of any size.
            size: (height, width) of the part; :attr:`size`, or what is made into it later.

        Returns:
            uint8 [C, height, width].
        """
        mode = InterpolationMode(self.filter)
        shorter = round(self.larger * max(size) / max(self.size))
        image = photograph.convert("L" if self.channels == 1 else "RGB")
        image = F.center_crop(F.resize(image, [max(shorter, *size)], mode), list(size))
        pixels: torch.Tensor = F.pil_to_tensor(image)
        return pixels


def in_bytes(numbers: Sequence[float]) -> tuple[float, ...]:
    """Turn numbers that belong to images in [0, 1] into those that belong to bytes."""
    return tuple(255 * number for number in numbers)


def _written(numbers: Sequence[float]) -> str:
    if len(set(numbers)) == 1:
        return f"{numbers[0]:g}"
    return f"[{', '.join(f'{number:.6g}' for number in numbers)}]"
