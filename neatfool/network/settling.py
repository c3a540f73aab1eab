"""Settles how a module is called, by calling it with varied images."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch

from neatfool.network.folding import agree
from neatfool.network.given_module import in_channels_last
from neatfool.network.memory import is_out_of_memory
from neatfool.network.tensor_module import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.network.tensor_module import TensorModule

_log = logging.getLogger("neatfool.network")


def ask(replicas: Sequence[TensorModule], numbers: torch.Tensor) -> torch.Tensor:
    """Ask a module about two images at a time; if it fails, one, and always so from then on.

    Args:
        replicas: The module on each of its devices.
        numbers: Floats [N, C, H, W], on the first device.

    Returns:
        What it gives, [N, K].
    """
    module = replicas[0]
    try:
        return _ask(module, numbers, 2)
    except Exception as error:  # Any module may come.
        first = error
    try:
        answers = _ask(module, numbers, 1)
    except Exception:  # It is not the number of images.
        raise first from None
    for each in replicas:
        each.alone = each.alone or not is_out_of_memory(first)
    return answers


def _ask(module: TensorModule, numbers: torch.Tensor, at_once: int) -> torch.Tensor:
    # A clone, as a module may write to its input.
    return torch.cat([module(part.clone()) for part in torch.split(numbers, at_once)])


def try_channels_last(
    replicas: Sequence[TensorModule], numbers: torch.Tensor, wanted: torch.Tensor
) -> list[TensorModule] | None:
    """Copy a module to channels-last layout, where convolutions run fast.

    Args:
        replicas: The module on each of its devices.
        numbers: Varied images, floats [N, C, H, W], on the first device.
        wanted: What it gives for them.

    Returns:
        The copies; None if they would compute something else, or fail.
    """
    why = "it would compute something else"
    try:
        made = [in_channels_last(each) for each in replicas]
        laid_out = numbers.contiguous(memory_format=torch.channels_last)
        if agree(_ask(made[0], laid_out, 2), wanted):
            return made
    except Exception as error:  # Any module may come.
        if is_out_of_memory(error):
            raise
        why = f"{type(error).__name__}: {error}"
    _log.info("%s: keeps contiguous layout: %s", name_of(replicas[0]), why)
    return None
