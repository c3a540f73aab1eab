"""A network with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn

    from .preprocessing import Preprocessing
    from .request import Outputs


@dataclass(frozen=True)
class Classifier:
    """A network with its preprocessing and labels.

    Attributes:
        name: The experiment's name for it.
        module: In evaluation mode: floats [N, C, H, W] in, ``outputs`` [N, K] out.
        count: The number K of its classes.
        labels: K class names; None if the network has none.
        source: Where its weights come from.
        content: A hash of its file, if its tensors do not hold the weights.
        found: What was found out about its file, in one line.
        copy: The same for torch to differentiate, if another library computes ``module``.
        outputs: What the module gives; None if that is to be found out.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    count: int
    labels: tuple[str, ...] | None
    source: str
    content: str | None = None
    found: str | None = None
    copy: nn.Module | None = None
    outputs: Outputs | None = None

    @property
    def differentiable(self) -> nn.Module | None:
        """What torch can differentiate; None if nothing can be."""
        return self.copy if self.no_gradients else self.module

    @property
    def no_gradients(self) -> str | None:
        """Why the module has no gradients, and what to do; None if it has."""
        why: str | None = getattr(self.module, "no_gradients", None)
        return why

    def digest(self) -> bytes:
        """Hash the weights by the tensors' names, and the preprocessing."""
        digest = sha256(repr((type(self.module).__name__, self.preprocessing)).encode())
        digest.update((self.content or "").encode())
        for name, tensor in sorted(self.module.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.digest()
