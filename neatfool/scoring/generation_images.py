"""The images of a generation, a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


class GenerationImages:
    """A generation's images; ``parts`` are uint8 [n, C, H, W] each, on the renderer's device."""

    def __init__(self) -> None:
        self.parts: list[torch.Tensor] = []

    def pick(self, rows: Sequence[int] | np.ndarray) -> Any:
        """Copy some of the images, uint8 [n, C, H, W], on their device."""
        if not len(rows):
            return self.parts[0][:0]
        ends = np.cumsum([len(part) for part in self.parts])
        parts = np.searchsorted(ends, rows, side="right").tolist()
        starts = [0, *ends.tolist()]
        return self.join(
            [
                self.parts[part][int(row) - starts[part]]
                for row, part in zip(rows, parts, strict=True)
            ]
        )

    @staticmethod
    def join(images: list[Any]) -> Any:
        """Put picked images together."""
        import torch

        return torch.stack(images)

    def saved(self, rows: Sequence[int]) -> np.ndarray:
        """Give some of the images to be saved, uint8 [n, C, H, W]."""
        images: np.ndarray = self.pick(rows).cpu().numpy()
        return images
