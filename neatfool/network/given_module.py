"""Takes over a module that somebody gives, leaves it as it was, and settles how it is called."""

import copy
import logging
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import torch
from torch import nn

from neatfool.errors import TargetError
from neatfool.network.devices import is_out_of_memory
from neatfool.network.frozen_graph import agree
from neatfool.network.tensor_module import TensorModule, name_of

_log = logging.getLogger("neatfool.network")
_Module = TypeVar("_Module", bound=nn.Module)


def unwrap(module: nn.Module) -> nn.Module:
    """Take a module out of ``nn.DataParallel`` and ``torch.compile``."""
    while isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        module = module.module
    if isinstance(original := getattr(module, "_orig_mod", None), nn.Module):
        return unwrap(original)
    return module


def check_ready(module: nn.Module) -> None:
    """Check that a module has weights and is not in training mode."""
    name = type(module).__name__
    if _is_training(module):
        raise TargetError(
            f"{name} is in training mode, where its scores change from call to call; call .eval() "
            "on it first"
        )
    if any(each.is_meta for each in _tensors(module)):
        raise TargetError(
            f"{name} has weights on the device 'meta', which holds no numbers; load them first: "
            "model.load_state_dict(torch.load(FILE), assign=True)"
        )


def take_over(module: nn.Module, device: torch.device) -> nn.Module:
    """Copy a module to a device; one that cannot be copied and is there already is used itself."""
    try:
        return _unwrap_children(_share(module).to(device))
    except Exception as error:  # Any module may come.
        if is_out_of_memory(error):
            raise
        name, why = type(module).__name__, f"{type(error).__name__}: {error}"
        if all(each.device in {device, torch.device(device.type)} for each in _tensors(module)):
            _log.info("%s: is used as it is, because it cannot be copied (%s)", name, why)
            return module
        raise TargetError(
            f"{name} cannot be copied to {device} ({why}); move it there yourself: "
            f"model.to('{device}')"
        ) from error


def _share(module: _Module) -> _Module:
    """Copy a module around its parameters, whose memory both then have; the copy's are fixed."""
    given = [*module.parameters()]  # kept, as their ids must not be used again
    memo: dict[int, Any] = {
        id(each): nn.Parameter(each.detach(), requires_grad=False)
        for each in given
        if type(each) is nn.Parameter
    }
    return copy.deepcopy(module, memo)


def copy_to(devices: Sequence[torch.device], module: _Module, given: str) -> list[_Module]:
    """Copy a module to devices. Failing to copy is an error only if the user named them."""
    try:
        return [copy.deepcopy(module).to(device) for device in devices]
    except Exception as error:  # Any module may come.
        name, why = type(module).__name__, f"{type(error).__name__}: {error}"
        if given in {"auto", devices[0].type} and not is_out_of_memory(error):
            message = "%s: computes on one device of %d, because it cannot be copied (%s)"
            _log.warning(message, name, len(devices) + 1, why)
            return []
        raise TargetError(
            f"{name} cannot be copied to {', '.join(map(str, devices))} ({why}); give one device"
        ) from error


def ask(replicas: Sequence[TensorModule], numbers: torch.Tensor) -> torch.Tensor:
    """Ask a module about two images at a time; if it fails, one, and always so from then on."""
    try:
        return _ask(replicas[0], numbers, 2)
    except Exception as error:  # Any module may come.
        try:
            answers = _ask(replicas[0], numbers, 1)
        except Exception:  # It is not the number of images.
            raise error from None
        for each in replicas:
            each.alone = each.alone or not is_out_of_memory(error)
        return answers


def _ask(module: TensorModule, numbers: torch.Tensor, at_once: int) -> torch.Tensor:
    # A clone, as a module may write to its input.
    return torch.cat([module(part.clone()) for part in torch.split(numbers, at_once)])


def try_channels_last(
    replicas: Sequence[TensorModule], numbers: torch.Tensor, wanted: torch.Tensor
) -> list[TensorModule] | None:
    """Copy a module to the layout of fast convolutions; None if it would compute other numbers."""
    why = "it would compute something else"
    try:
        # Some versions of torch declare no `memory_format` here.
        made = [
            cast("Any", _share(each)).to(memory_format=torch.channels_last) for each in replicas
        ]
        laid_out = numbers.contiguous(memory_format=torch.channels_last)
        if agree(_ask(made[0], laid_out, 2), wanted):
            return made
    except Exception as error:  # Any module may come.
        if is_out_of_memory(error):
            raise
        why = f"{type(error).__name__}: {error}"
    _log.info("%s: keeps contiguous layout: %s", name_of(replicas[0]), why)
    return None


def _unwrap_children(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        inner = unwrap(child)
        if inner is not child:
            setattr(module, name, inner)
        _unwrap_children(inner)
    return module


def _is_training(module: nn.Module) -> bool:
    # A program of torch.export says so of itself in any mode, and refuses eval().
    if isinstance(module, torch.fx.GraphModule) and "eval" in vars(module):
        return False
    # A frozen program of TorchScript has no such attribute.
    return bool(getattr(module, "training", False)) or any(map(_is_training, module.children()))


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]
