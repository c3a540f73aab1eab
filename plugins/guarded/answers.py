"""What a classifier says of images, for detectors to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import torch

Needs: TypeAlias = Literal["probabilities", "logits", "features", "images"]
"""What a detector looks at. One of ``probabilities`` also works where a classifier gives no logits;
one of ``features`` needs what its last linear layer takes."""


@dataclass(frozen=True)
class Answers:
    """What a classifier says of N images.

    Attributes:
        logits: Floats [N, K]. Logarithms of probabilities, if the classifier gives no logits.
        features: float32 [N, F], what its last linear layer takes; None if there is none.
        images: float32 [N, C, H, W], the images as the network takes them; None if not needed.
    """

    logits: torch.Tensor
    features: torch.Tensor | None = None
    images: torch.Tensor | None = None

    @property
    def classes(self) -> torch.Tensor:
        """The likeliest class of each image, int64 [N]."""
        return self.logits.argmax(1)
