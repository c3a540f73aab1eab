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
        return self.join(self._find(rows))

    @staticmethod
    def join(images: list[Any]) -> Any:
        """Put picked images together."""
        import torch

        return torch.stack(images)

    def saved(self, rows: Sequence[int]) -> Sequence[np.ndarray]:
        """Give some of the images to be saved, each uint8 [C, H, W]."""
        if all(part.device.type == "cpu" for part in self.parts):
            # Not copied: nearly all images of a first generation are saved.
            return [image.numpy() for image in self._find(rows)]
        images: np.ndarray = self.pick(rows).cpu().numpy()
        return list(images)

    def _find(self, rows: Sequence[int] | np.ndarray) -> list[Any]:
        ends = np.cumsum([len(part) for part in self.parts])
        parts = np.searchsorted(ends, rows, side="right").tolist()
        starts = [0, *ends.tolist()]
        return [
            self.parts[part][int(row) - starts[part]] for row, part in zip(rows, parts, strict=True)
        ]
