"""Modules as people give them: taken over, left as they were, and called in one way."""

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import torch
from torch import nn

from neatfool.errors import TargetError
from neatfool.network.devices import is_out_of_memory
from neatfool.network.outputs import OutputFormat

_SAME: Final = 1e-3
"""The largest error of changed logits, as a part of the largest logit: float32 rounding only."""


class TensorModule(nn.Module):
    """A classifier that gives one tensor [N, K]; ``taken`` says which part of its answer."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.training = False
        self.module = module
        # A layer that is dynamically quantised rounds by the range of a whole batch.
        self.alone = any(".quantized.dynamic." in type(m).__module__ for m in module.modules())
        self.taken = ""
        floats = (each.dtype for each in module.parameters() if each.is_floating_point())
        self.dtype = next(floats, torch.float32)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute numbers [N, K] of float images [N, C, H, W]."""
        images = images.to(self.dtype)
        parts = torch.split(images, 1) if self.alone else (images,)
        answers = [self._take(self.module(part), len(part)) for part in parts]
        return torch.cat(answers) if self.alone else answers[0]

    def _take(self, answer: Any, count: int) -> torch.Tensor:
        for part, self.taken in _parts(answer):
            if isinstance(part, torch.Tensor) and (fits := _as_rows(part, count)) is not None:
                return fits
        shape = f"a tensor {[*answer.shape]}" if isinstance(answer, torch.Tensor) else ""
        raise TargetError(
            f"{name_of(self)} gives {shape or type(answer).__name__} for {count} images, and no "
            "tensor of logits [images, classes]; wrap it in a module whose forward returns that: "
            "`return self.model(images)[...]`"
        )


class ImageModule(nn.Module):
    """A module that takes bytes in a layout, and gives logits and probabilities in a precision."""

    def __init__(
        self,
        module: TensorModule,
        mean: torch.Tensor,
        std: torch.Tensor,
        *,
        dtype: torch.dtype,
        layout: torch.memory_format,
        reading: OutputFormat,
    ) -> None:
        super().__init__()
        self.training = False
        self.module = module
        self.dtype = dtype
        self.layout = layout
        self.reading = reading
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def numbers(self, images: torch.Tensor) -> torch.Tensor:
        """Turn bytes into the module's input."""
        images = images.contiguous(memory_format=self.layout)
        return (images.float() - self.mean) / self.std

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute logits and probabilities, float32 [N, K], of uint8 [N, C, H, W]."""
        numbers = self.numbers(images)
        half = self.dtype is not torch.float32
        # Autocast keeps the weights, and operations that need it, in float32. Its cache of weights
        # would be wrong in a traced graph.
        with torch.autocast(images.device.type, self.dtype, enabled=half, cache_enabled=False):
            outputs = self.module(numbers)
        logits, probs = self.reading.read(outputs)
        if half and self.reading.outputs == "probabilities":
            # In half precision they do not sum to one.
            probs = probs / probs.sum(1, keepdim=True)
        return logits, probs


def name_of(module: nn.Module) -> str:
    """Give the name of a module's class, which messages call it by."""
    return type(module.module if isinstance(module, TensorModule) else module).__name__


def _parts(answer: Any) -> Iterable[tuple[Any, str]]:
    """List what may be the logits, the likeliest first, each with its name."""
    if isinstance(answer, torch.Tensor):
        return [(answer, "")]
    logits = answer.get("logits") if isinstance(answer, Mapping) else None
    if (logits := getattr(answer, "logits", logits)) is not None:
        return [(logits, "its output 'logits'")]
    if isinstance(answer, Mapping):
        return [(each, f"its output {name!r}") for name, each in answer.items()]
    if isinstance(answer, tuple | list):
        return [(each, f"its output {place}") for place, each in enumerate(answer)]
    return []


def _as_rows(part: torch.Tensor, count: int) -> torch.Tensor | None:
    if part.ndim == 1 and (count == 1 or len(part) == count):
        return part.reshape(count, -1)
    if part.ndim < 2 or len(part) != count or part[0].numel() != part.shape[1]:
        return None
    return part.flatten(1) if part.ndim > 2 else part


def agree(logits: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Say whether logits differ by no more than rounding in float32."""
    largest = wanted.nan_to_num(0.0, 0.0, 0.0).abs().max().clamp(min=1.0)
    return logits.shape == wanted.shape and torch.allclose(
        logits, wanted, rtol=0, atol=_SAME * float(largest), equal_nan=True
    )


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
            f"{name} is in training mode, where scores change from call to call; call .eval() first"
        )
    if any(each.is_meta for each in _tensors(module)):
        fault = f"{name} has weights on the device 'meta', which holds no numbers; load them first"
        raise TargetError(f"{fault}: model.load_state_dict(torch.load(FILE), assign=True)")


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
        fault = f"{name} cannot be copied to {device} ({why})"
        raise TargetError(f"{fault}; move it there yourself: model.to('{device}')") from error


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
        fault = f"{name} cannot be copied to {', '.join(map(str, devices))} ({why})"
        raise TargetError(f"{fault}; give one device") from error


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
