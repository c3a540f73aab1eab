"""The images of a generation, a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


class GenerationImages:
    """A generation's images; ``parts`` are uint8 [n, C, H, W] each, on the renderer's device."""

    def __init__(self) -> None:
        self.parts: list[torch.Tensor] = []

    def pick(self, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Copy some of the images, uint8 [n, C, H, W], on their device."""
        import torch

        if not len(rows):
            return self.parts[0][:0]
        ends = np.cumsum([len(part) for part in self.parts])
        parts = np.searchsorted(ends, rows, side="right").tolist()
        starts = [0, *ends.tolist()]
        return torch.stack(
            [
                self.parts[part][int(row) - starts[part]]
                for row, part in zip(rows, parts, strict=True)
            ]
        )
