"""Images compared with texts, as logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Similarity(nn.Module):
    """A tower whose vectors are compared with those of texts.

    With s_k the cosine between an image's vector and that of text k, and T the temperature, the
    logits are

    - s_k / T for each of K texts, [N, K]. If other texts compete, a last column has the logarithm
      of the sum of their exp(s_j / T), as if they were one class.
    - for all at once: the smallest s_k / T of the K texts, and that same last column, [N, 2]. So
      the probability is that of the text which the image resembles least, if it competes with the
      others alone: the other K - 1 take nothing away from it.
    """

    def __init__(
        self,
        tower: nn.Module,
        vectors: torch.Tensor,
        *,
        count: int,
        temperature: float,
        all_at_once: bool,
    ) -> None:
        """Take a tower in evaluation mode.

        Args:
            tower: Gives vectors [N, D] of images.
            vectors: Unit vectors [K + J, D] of the texts, and of those that compete.
            count: The number K.
            temperature: The number T.
            all_at_once: Whether one image must convince for all texts.
        """
        super().__init__()
        self.tower = tower
        self.vectors: torch.Tensor
        self.register_buffer("vectors", (vectors / temperature).t().contiguous())
        self._count = count
        self._compete = len(vectors) > count
        self._all_at_once = all_at_once
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits: floats [N, C, H, W] in, float32 out."""
        vectors = F.normalize(self.tower(images).float(), dim=-1)
        # Half precision would round a logit of 30 by 0.1.
        with torch.autocast(images.device.type, enabled=False):
            scaled = vectors @ self.vectors
        logits = scaled[:, : self._count]
        if self._all_at_once:
            logits = logits.amin(1, keepdim=True)
        if self._compete:
            rivals = scaled[:, self._count :].logsumexp(1, keepdim=True)
            logits = torch.cat([logits, rivals], 1)
        return logits
