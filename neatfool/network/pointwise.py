"""Convolutions of single pixels as products of matrices, which a CPU differentiates faster.

For a few images in one thread, PyTorch computes such a convolution without oneDNN, and copies what
goes in and what comes out to another layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard, TypeVar

import torch
from torch import nn
from torch.nn import functional

from neatfool.network.folding import agree
from neatfool.network.given_module import share
from neatfool.network.memory import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Sequence


_Module = TypeVar("_Module", bound=nn.Module)


class Pointwise(nn.Module):
    """A convolution whose window is one pixel."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        """Take over the parameters of a convolution that :func:`is_pointwise`."""
        super().__init__()
        self.weight = nn.Parameter(
            convolution.weight.detach().flatten(1).contiguous(), requires_grad=False
        )
        self.bias = convolution.bias

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Convolve float [N, C, H, W]; the copies that this avoids are of channels-last layout."""
        mixed = functional.linear(pixels.permute(0, 2, 3, 1), self.weight, self.bias)
        return mixed.permute(0, 3, 1, 2)


def multiply_pointwise(module: _Module, batches: Sequence[torch.Tensor]) -> _Module:
    """Replace convolutions of single pixels by products of matrices.

    Args:
        module: A classifier in evaluation mode, float32.
        batches: Varied inputs to compare on, float32 [N, C, H, W].

    Returns:
        A copy that may share parameters with the module; the module itself if it cannot be copied
        or the copy's logits differ.
    """
    try:
        made = _replace(share(module))
        with torch.no_grad():
            same = all(agree(made(batch.clone()), module(batch.clone())) for batch in batches)
    except Exception as error:  # Any module may come.
        if is_out_of_memory(error):
            raise
        return module
    return made if same else module


def _replace(module: _Module) -> _Module:
    for name, each in list(module.named_modules()):
        if is_pointwise(each):
            parent, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(parent), leaf, Pointwise(each))
        elif getattr(each, "inplace", False) is True:
            # The product is a view, and torch differentiates what changes a view slowly.
            each.inplace = False
    return module


def is_pointwise(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Say whether a module is nothing but a convolution that mixes the channels of each pixel."""
    return (
        type(module) is nn.Conv2d
        and module.kernel_size == module.stride == (1, 1)
        and module.padding in {(0, 0), "valid"}
        and module.groups == 1
    )
