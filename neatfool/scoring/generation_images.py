"""The images of a generation, as they come: a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


class GenerationImages:
    """A generation's images, in the parts that they were drawn in."""

    def __init__(self) -> None:
        self._parts: list[torch.Tensor] = []

    def add(self, images: torch.Tensor) -> None:
        """Take further images: uint8 [n, C, H, W], which must not be changed any more."""
        self._parts.append(images)

    def parts(self) -> Sequence[torch.Tensor]:
        """Give the parts."""
        return self._parts

    def pick(self, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Give some of the images: uint8 [n, C, H, W], where they were drawn."""
        import torch

        if not len(rows):
            return self._parts[0][:0]
        ends = np.cumsum([len(part) for part in self._parts])
        parts = np.searchsorted(ends, rows, side="right").tolist()
        starts = [0, *ends.tolist()]
        return torch.stack(
            [
                self._parts[part][int(row) - starts[part]]
                for row, part in zip(rows, parts, strict=True)
            ]
        )
