"""Views, or augmentations: ways in which the world changes an image before it is seen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class View(ABC):
    """An augmentation, as the world changes an image: moved, turned, darker, saved as JPEG.

    Attributes:
        unit: What its strength counts: ``"pixels"``, ``"JPEG quality"``, ``"%"``.
        harmless: The strength that changes nothing: 0 for most, 100 for JPEG quality.
        strengths: A few strengths from mild to strong, for curves.
        signed: Whether strength s also stands for -s (left and right, darker and lighter).
        what: A few words in a sentence: ``"moved"``, ``"turned"``, ``"saved as JPEG"``.
        together: A static method that applies several views in turn, faster than :meth:`change` of
            each; None if there is none. Views that follow one another and share this function are
            given to it: ``together(images, views, amounts, seeds)``, where ``amounts`` and
            ``seeds`` are [N, number of views]. All else is as for :meth:`change`, but the views
            may be combined, into one warp for example, and so look a little different.
    """

    unit: str
    harmless: float = 0.0
    strengths: Sequence[float]
    signed: bool = False
    what: str
    together: Callable[..., torch.Tensor] | None = None

    @cached_property
    def limit(self) -> float:
        """The strongest that an experiment may ask for: by default the last of ``strengths``."""
        return self.strengths[-1]

    @abstractmethod
    def change(
        self, images: torch.Tensor, amounts: torch.Tensor, seeds: torch.Tensor
    ) -> torch.Tensor:
        """Change images, each as much as it says.

        The result for an image does not depend on the others, and has the same bits each time.
        Several threads may call this at once.

        Args:
            images: float32 [N, C, H, W] from 0 to 255, on any device. Do not write to them.
            amounts: float32 [N], on the same device: strengths; if ``signed``, perhaps negative.
            seeds: int64 [N], >= 0, on the same device, for whatever else is random (a direction).

        Returns:
            float32 [N, C, H, W] from 0 to 255, differentiable by ``images``. Rounding and the
            like let the gradient pass as if they were not there.
        """
