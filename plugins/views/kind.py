"""What all views share.

A vectorised exp or cos may differ in the last bit from the one for the elements that are left over.
So numbers for an image are computed one by one, with ``math``, and numbers for pixels by sums and
products, or in float64 and then rounded. An image's result then does not depend on its batch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool import View, derive_seeds

from .sampling import IDENTITY, per_image, warp

if TYPE_CHECKING:
    from collections.abc import Sequence


CACHE: Final = 2**18
"""So many values fit a processor's cache, with those that they are made from."""


class Kind(View):
    """A view."""

    unit = "%"

    def __init__(self, options: object = None) -> None:
        """Take the options, of which there are none."""

    def change(
        self, images: torch.Tensor, amounts: torch.Tensor, seeds: torch.Tensor
    ) -> torch.Tensor:
        """Change images; see :meth:`neatfool.View.change`."""
        return self.together(images, [self], amounts[:, None], seeds[:, None])

    @staticmethod
    def together(
        images: torch.Tensor, views: Sequence[Kind], amounts: torch.Tensor, seeds: torch.Tensor
    ) -> torch.Tensor:
        """Change images by several views; see :class:`neatfool.View`."""
        # A processor is fastest with as little as fits its cache; a GPU with all at once.
        fit = torch.get_num_threads() * max(1, CACHE // math.prod(images.shape[1:]))
        size = fit if images.device.type == "cpu" else max(1, len(images))
        numbers, sources = amounts.tolist(), seeds.tolist()
        parts = [
            _change(part, views, numbers[n : n + size], sources[n : n + size])
            for n, part in zip(range(0, len(images), size), torch.split(images, size), strict=True)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


class Place(Kind):
    """A view that only takes values from other places. Several in a row are one warp."""

    @abstractmethod
    def place(self, shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
        """Say where an image's values come from: an affine matrix [3, 3]; see :func:`warp`."""

    def places(
        self, shape: Sequence[int], amounts: Sequence[float], seeds: Sequence[int]
    ) -> np.ndarray:
        """Say where the values of images come from: [N, 3, 3]."""
        return np.stack(
            [
                IDENTITY if amount == self.harmless else self.place(shape, amount, seed)
                for amount, seed in zip(amounts, seeds, strict=True)
            ]
        )


class Step(Kind):
    """A view that computes other values."""

    @abstractmethod
    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Change images; values outside 0 to 255 are cut, and harmless amounts ignored, later."""

    def apply(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Change a few images."""
        changed = self.see(images, amounts, seeds).clamp(0, 255)
        if self.harmless not in amounts:
            return changed
        same = torch.tensor([amount == self.harmless for amount in amounts], device=images.device)
        return torch.where(per_image(same), images, changed)


def draw(seed: int, what: str, count: int = 1) -> list[float]:
    """Draw numbers from 0 to 1 for an image."""
    return [part / 2**63 for part in derive_seeds(seed, what, ids=range(count))]


def _change(
    images: torch.Tensor,
    views: Sequence[Kind],
    amounts: Sequence[Sequence[float]],
    seeds: Sequence[Sequence[int]],
) -> torch.Tensor:
    """Change a few images by the views in turn; ``amounts`` and ``seeds`` are N of one a view."""
    where = None
    steps = zip(views, zip(*amounts, strict=True), zip(*seeds, strict=True), strict=True)
    for view, *how in steps:
        if isinstance(view, Place):
            places = view.places(images.shape, *how)
            where = places if where is None else where @ places
        elif isinstance(view, Step):
            images, where = images if where is None else warp(images, where), None
            images = view.apply(images, *how)
    return images if where is None else warp(images, where)
