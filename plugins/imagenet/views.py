"""Networks that see several parts of an image, and the mean of their answers.

Probabilities are averaged as logarithms. Near certainty the mean is 1.0 to the last bit, but the
logarithms of the other classes, from which log-odds are computed, stay exact.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import nn

CROPS: Final = 10


def log_mean_softmax(logits: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """Compute the logarithm of the mean softmax over ``dim``; the last dimension has the classes.

    The result, without ``dim``, is also logits of the mean.
    """
    logs = logits.log_softmax(-1)
    return logs.logsumexp(dim) - math.log(logits.shape[dim])


class Resized(nn.Module):
    """A network whose images are resized to its ``size``, (height, width)."""

    def __init__(self, module: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.module = module
        self.size = size

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Resize images, bilinear and antialiased, and run the network."""
        resized = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        logits: torch.Tensor = self.module(resized)
        return logits


class TenCrops(nn.Module):
    """A network that sees ten parts of an image, each of ``size`` (height, width), as in the paper.

    The parts are the four corners, the middle, and their mirror images. The answer is the mean of
    the ten softmaxes.
    """

    def __init__(self, module: nn.Module, size: tuple[int, int]) -> None:
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
