"""Activations that keep what they give, not what they get, for the way back.

PyTorch keeps both a ReLU6's input and its result until the gradients are known: the result is the
next convolution's input. The result alone is enough, as it is between the bounds only where the
input is. That halves the memory that gradients take.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Clamp(nn.Module):
    """A ``Hardtanh`` or ``ReLU6``, with the same results and gradients to the bit."""

    def __init__(self, activation: nn.Hardtanh) -> None:
        """Take over the bounds of an activation."""
        super().__init__()
        self.bounds = float(activation.min_val), float(activation.max_val)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Clamp floats of any shape; give another tensor."""
        clamped: torch.Tensor = _KeepingResult.apply(pixels, *self.bounds)  # type: ignore[no-untyped-call]
        return clamped


class _KeepingResult(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pixels: torch.Tensor, low: float, high: float) -> torch.Tensor:
        clamped = functional.hardtanh(pixels, low, high)
        ctx.save_for_backward(clamped)
        ctx.bounds = low, high
        return clamped

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (clamped,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradient, clamped, *ctx.bounds), None, None
