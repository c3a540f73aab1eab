"""Folds batch normalisations into the convolutions before them, which saves time."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from neatfool.network.image_module import ImageModule, UnlikeError, agree, attempt


def fold(module: ImageModule, batches: Sequence[torch.Tensor]) -> ImageModule:
    """Fold batch normalisations right after convolutions, in a copy that agrees on ``batches``."""

    def folded() -> ImageModule:
        names = {each: name for name, each in module.named_modules()}
        pairs = _find_pairs(module, batches[0].clone())
        made = copy.deepcopy(module) if pairs else module
        for convolution, normalisation in pairs.items():
            # timm's normalisations end with an activation.
            rest = [getattr(normalisation, name, None) for name in ("drop", "act")]
            left = nn.Sequential(*(part for part in rest if isinstance(part, nn.Module)))
            made.set_submodule(names[convolution], fuse_conv_bn_eval(convolution, normalisation))
            made.set_submodule(names[normalisation], left)
        # Clones, as a module may write to its input.
        for batch in batches if pairs else ():
            if not agree(made.outputs(batch.clone()), module.outputs(batch.clone())):
                raise UnlikeError
        return made

    with torch.no_grad():
        return attempt(module, "its normalisations are not folded", folded) or module


def _find_pairs(module: ImageModule, inputs: torch.Tensor) -> Mapping[nn.Conv2d, nn.BatchNorm2d]:
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
        module.outputs(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return pairs
