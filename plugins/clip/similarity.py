"""Images compared with texts, as logits."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

Aggregate = Literal["each", "all"]


class Similarity(nn.Module):
    """A tower whose vectors are compared with those of texts.

    With s_k the cosine between an image's vector and that of text k, and T the temperature, the
    logits are

    - for ``each``: s_k / T for each of K texts, [N, K]. If there are texts that compete, a last
      column has the logarithm of the sum of their exp(s_j / T), as if they were one class.
    - for ``all``: the smallest s_k / T of the K texts, and that same last column, [N, 2]. So the
      probability is that of the text which the image resembles least, if it competes with those
      texts alone: the other K - 1 take nothing away from it.
    """

    def __init__(
        self,
        tower: nn.Module,
        texts: torch.Tensor,
        against: torch.Tensor,
        temperature: float,
        aggregate: Aggregate,
    ) -> None:
        """Take unit vectors [K, D] of texts, and [J, D] of texts that compete, perhaps none."""
        super().__init__()
        self.tower = tower
        self.texts: torch.Tensor
        self.register_buffer("texts", torch.cat([texts, against]).t().contiguous() / temperature)
        self._count = len(texts)
        self._compete = len(against) > 0
        self._aggregate = aggregate
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits: floats [N, C, H, W] in, float32 out."""
        vectors = F.normalize(self.tower(images).float(), dim=-1)
        # Half precision would round a logit of 30 by 0.1.
        with torch.autocast(images.device.type, enabled=False):
            scaled = vectors @ self.texts
        logits = scaled[:, : self._count]
        if self._aggregate == "all":
            logits = logits.amin(1, keepdim=True)
        if self._compete:
            rivals = scaled[:, self._count :].logsumexp(1, keepdim=True)
            logits = torch.cat([logits, rivals], 1)
        return logits
