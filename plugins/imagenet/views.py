"""Several looks at an image, and the mean of what they say.

Probabilities are averaged as logarithms. Near certainty the mean itself is 1.0 to the last bit,
while the logarithms of what is left to the other classes, from which log-odds are made, are exact.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import nn

CROPS: Final = 10


def log_mean_softmax(logits: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """Compute the logarithm of the mean of several softmaxes.

    Args:
        logits: Floats, classes in the last dimension.
        dim: The dimension to take the mean over.

    Returns:
        Floats of that shape less the dimension; they are logits of the mean.
    """
    logs = logits.log_softmax(-1)
    return logs.logsumexp(dim) - math.log(logits.shape[dim])


class Resized(nn.Module):
    """A network that takes images of another size than its own."""

    def __init__(self, module: nn.Module, size: tuple[int, int]) -> None:
        """Wrap a network.

        Args:
            module: The network.
            size: (height, width) that it wants.
        """
        super().__init__()
        self.module = module
        self.size = size

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Resize images, with a bilinear filter that is as wide as the scale asks for."""
        resized = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        logits: torch.Tensor = self.module(resized)
        return logits


class TenCrops(nn.Module):
    """A network that looks at ten parts of an image.

    The four corners and the middle, and the mirror image of each, as in the paper; what it says is
    the mean of the ten softmaxes.
    """

    def __init__(self, module: nn.Module, size: tuple[int, int]) -> None:
        """Wrap a network.

        Args:
            module: The network.
            size: (height, width) of the parts, at most the images'.
        """
        super().__init__()
        self.module = module
        self.size = size

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits of the mean: the logarithms of the mean probabilities [N, K]."""
        count = len(images)
        logits = self.module(torch.cat(self._parts(images))).float()
        return log_mean_softmax(logits.view(CROPS, count, -1))

    def _parts(self, images: torch.Tensor) -> list[torch.Tensor]:
        height, width = self.size
        down, right = images.shape[-2] - height, images.shape[-1] - width
        corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
        parts = [images[..., y : y + height, x : x + width] for y, x in corners]
        return [*parts, *(part.flip(-1) for part in parts)]
