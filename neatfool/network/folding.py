"""Folds batch normalisations into the convolutions before them, in float32.

Freezing a graph folds them too, but after rounding the weights to half precision. Folding first
leaves errors a third smaller.
"""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from neatfool.network.memory import is_out_of_memory
from neatfool.network.tensor_module import TensorModule, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_log = logging.getLogger("neatfool.network")

_SAME: Final = 1e-3
"""The largest error of changed logits, as a part of the largest logit: float32 rounding only."""


def fold(module: TensorModule, batches: Sequence[torch.Tensor]) -> TensorModule:
    """Fold each batch normalisation that comes right after a convolution.

    Args:
        module: A classifier in evaluation mode, float32.
        batches: Varied inputs to compare on, float32 [N, C, H, W].

    Returns:
        A folded copy; the module itself if there is nothing to fold or the copy's logits differ.
    """
    try:
        with torch.no_grad():
            names = {each: name for name, each in module.named_modules()}
            pairs = _find_pairs(module, batches[0].clone())
            if not pairs:
                return module
            made = copy.deepcopy(module)
            for convolution, normalisation in pairs.items():
                fused = fuse_conv_bn_eval(convolution, normalisation)
                _replace(made, names[convolution], fused)
                _replace(made, names[normalisation], _rest(normalisation))
            # Clones, as a module may write to its input.
            same = all(agree(made(batch.clone()), module(batch.clone())) for batch in batches)
    except Exception as error:  # Any module may come; one that cannot be folded runs as it is.
        if is_out_of_memory(error):
            raise
        return _leave(module, f"{type(error).__name__}: {error}")
    return made if same else _leave(module, "it would compute something else")


def _rest(normalisation: nn.BatchNorm2d) -> nn.Module:
    """Give what a normalisation does besides: timm's end with an activation."""
    parts = [getattr(normalisation, name, None) for name in ("drop", "act")]
    return nn.Sequential(*(part for part in parts if isinstance(part, nn.Module)))


def _leave(module: TensorModule, why: str) -> TensorModule:
    _log.info("%s: its normalisations are not folded: %s", name_of(module), why)
    return module


def agree(logits: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Say whether logits differ by no more than rounding in float32."""
    largest = wanted.nan_to_num(0.0, 0.0, 0.0).abs().max().clamp(min=1.0)
    return logits.shape == wanted.shape and torch.allclose(
        logits, wanted, rtol=0, atol=_SAME * float(largest), equal_nan=True
    )


def _find_pairs(module: nn.Module, numbers: torch.Tensor) -> Mapping[nn.Conv2d, nn.BatchNorm2d]:
    """Watch a call for normalisations whose input is a convolution's result."""
    made_by: dict[int, tuple[nn.Conv2d, Any]] = {}
    pairs: dict[nn.Conv2d, nn.BatchNorm2d] = {}

    def convolved(convolution: Any, _given: Any, result: Any) -> None:
        # Keeping the result keeps its id from being used again.
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
