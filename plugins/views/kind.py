"""What all views share.

A vectorised exp or cos may differ in the last bit from the one for the elements that are left over.
So numbers for an image are computed one by one, with ``math``, and numbers for pixels by sums and
products, or in float64 and then rounded. An image's result then does not depend on its batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch

from neatfool import derive_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kind(ABC):
    """A view; see :class:`neatfool.View` for its attributes."""

    unit: ClassVar[str] = "%"
    harmless: ClassVar[float] = 0.0
    strengths: ClassVar[Sequence[float]]
    limit: ClassVar[float]
    signed: ClassVar[bool] = False
    what: ClassVar[str]

    def __init__(self, options: object = None) -> None:
        """Take the options, of which there are none."""
        super().__init__()

    def change(
        self, images: torch.Tensor, amounts: torch.Tensor, seeds: torch.Tensor
    ) -> torch.Tensor:
        """Change images; see :meth:`neatfool.View.change`."""
        numbers = amounts.tolist()
        changed = self.see(images, numbers, seeds.tolist()).clamp(0, 255)
        if self.harmless in numbers:
            return torch.where(per_image(amounts == self.harmless), images, changed)
        return changed

    @abstractmethod
    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Change images; values outside 0 to 255 are cut, and harmless amounts ignored, later."""


def per_image(values: torch.Tensor) -> torch.Tensor:
    """Shape values [N] so that they apply to images [N, C, H, W]."""
    return values[:, None, None, None]


def factors(values: Sequence[float], images: torch.Tensor) -> torch.Tensor:
    """Make a factor for each image: [N, 1, 1, 1], of the images' type and device."""
    return per_image(images.new_tensor(values))


def draw(seed: int, what: str, count: int = 1) -> list[float]:
    """Draw numbers from 0 to 1 for an image."""
    return [part / 2**63 for part in derive_seeds(seed, what, ids=range(count))]
