"""Other light: brighter, flatter, another gamma."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from .kind import Step
from .sampling import factors

if TYPE_CHECKING:
    from collections.abc import Sequence

MIDDLE: Final = 127.5
LEVEL: Final = 1 / 255


class Light(Step):
    """Brighter or darker: all values times the same number."""

    strengths = (10, 30, 50, 70)
    limit = 95
    signed = True
    what = "brighter or darker"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Light each image."""
        return images * factors([1 + amount / 100 for amount in amounts], images)


class Contrast(Step):
    """More or less contrast: all values further from middle grey, or nearer to it."""

    strengths = (10, 30, 50, 70)
    limit = 95
    signed = True
    what = "with more or less contrast"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Change the contrast of each image."""
        spread = factors([1 + amount / 100 for amount in amounts], images)
        return (images - MIDDLE) * spread + MIDDLE


class Gamma(Step):
    """Another gamma: middle tones darker or brighter, black and white as they are.

    A strength of s raises values, from 0 to 1, to the power 2^s: 1 squares them.
    """

    unit = "powers of 2"
    strengths = (0.25, 0.5, 1, 1.5)
    limit = 2
    signed = True
    what = "with another gamma"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Change the gamma of each image."""
        return bend(images, amounts)


def bend(images: torch.Tensor, amounts: Sequence[float]) -> torch.Tensor:
    """Raise values from 0 to 1 to the power 2^amount; below one level they are on a line to 0.

    A root is infinitely steep at 0, and gradients should be finite.
    """
    power = factors([2.0**amount for amount in amounts], images).double()
    values = images.double().clamp(0, 255) / 255
    raised = values.clamp(min=LEVEL) ** power
    return (255 * torch.where(values < LEVEL, values * LEVEL ** (power - 1), raised)).to(images)
