"""A network that looks at images, with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from ..imagenet.preprocessing import Preprocessing

CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
"""The mean of red, green and blue in [0, 1] that CLIP was trained with."""
CLIP_DEVIATION: Final = (0.26862954, 0.26130258, 0.27577711)
"""The standard deviation."""
CLIP_TEMPERATURE: Final = 0.01
"""What CLIP divides similarities by."""


@dataclass(frozen=True)
class Tower:
    """A network that looks at images, and perhaps its sister that reads texts.

    Attributes:
        name: The experiment's name for it.
        module: In evaluation mode: floats [N, C, H, W] in, vectors [N, D] out, of any length.
        width: The number D.
        temperature: What it was trained to divide similarities by.
        read: Gives the vectors [T, D] of T texts; None if it cannot read.
        differentiable: Whether torch can differentiate it.
        source: Where its weights come from.
        content: A hash of the weights.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    width: int
    temperature: float
    read: Callable[[Sequence[str]], torch.Tensor] | None
    differentiable: bool
    source: str
    content: str


def hash_weights(module: nn.Module) -> str:
    """Hash a module's tensors and their names."""
    digest = sha256(type(module).__name__.encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
