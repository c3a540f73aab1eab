"""Batch normalisation folded into the convolutions before it, in float32.

A frozen graph is folded, too, but after its weights were rounded to half precision; folded before,
it is a third nearer to what float32 says.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from neatfool.network.memory import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SAME: Final = 1e-3
"""How far logits may be from the module's own, as a part of the largest."""


def folded(module: nn.Module, batches: Sequence[torch.Tensor]) -> nn.Module:
    """Fold what can be folded.

    Args:
        module: A classifier in evaluation mode, float32.
        batches: Some of what it takes, float32 [N, C, H, W], as different as may be.

    Returns:
        A copy without those batch normalisations that come right after a convolution; the module
        itself if there are none, or the copy would compute something else.
    """
    try:
        with torch.no_grad():
            names = {each: name for name, each in module.named_modules()}
            pairs = _pairs(module, batches[0].clone())
            if not pairs:
                return module
            made = copy.deepcopy(module)
            for convolution, normalisation in pairs.items():
                fused = fuse_conv_bn_eval(convolution, normalisation)
                _replace(made, names[convolution], fused)
                _replace(made, names[normalisation], nn.Identity())
            # Copies, as a module may write to what it is given.
            same = all(_same(made(batch.clone()), module(batch.clone())) for batch in batches)
    except Exception as error:  # of whatever the module is made of: it runs as it is
        if is_out_of_memory(error):
            raise
        return module
    return made if same else module


def _same(logits: torch.Tensor, wanted: torch.Tensor) -> bool:
    largest = wanted.abs().max().clamp(min=1.0)
    return bool((logits - wanted).abs().max() <= _SAME * largest)


def _pairs(module: nn.Module, numbers: torch.Tensor) -> Mapping[nn.Conv2d, nn.BatchNorm2d]:
    """Watch a call of a module for normalisations that are given what a convolution gives."""
    made_by: dict[int, tuple[nn.Conv2d, Any]] = {}
    pairs: dict[nn.Conv2d, nn.BatchNorm2d] = {}

    def convolved(convolution: Any, _given: Any, result: Any) -> None:
        # With the result, so that no other takes its place in memory, and its id.
        made_by[id(result)] = convolution, result

    def normalised(normalisation: Any, given: Any, _result: Any) -> None:
        if id(given[0]) in made_by:
            pairs[made_by[id(given[0])][0]] = normalisation

    hooks = [
        each.register_forward_hook(convolved if isinstance(each, nn.Conv2d) else normalised)
        for each in module.modules()
        if isinstance(each, nn.Conv2d | nn.BatchNorm2d)
    ]
    try:
        module(numbers)
    finally:
        for hook in hooks:
            hook.remove()
    return pairs


def _replace(module: nn.Module, name: str, by: nn.Module) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, by)
