"""Modules as people give them: taken over, left as they were, and called in one way."""

import copy
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self, TypeVar, cast

import torch
from torch import nn

from neatfool.errors import TargetError
from neatfool.network.devices import is_out_of_memory
from neatfool.network.outputs import LOGITS

_SAME: Final = 1e-3
"""The largest error of changed logits, as a part of the largest logit: float32 rounding only."""


class ImageModule(nn.Module):
    """A classifier that takes bytes, and gives logits and probabilities [N, K] in float32.

    Attributes:
        module: The classifier itself.
        alone: Whether it is given one image at a time.
        taken: Which part of its answer the numbers are, in words; empty for a tensor.
        precision: What it computes in.
        layout: The layout of the images that it is given.
        reading: What its numbers mean.
    """

    def __init__(self, module: nn.Module, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.training = False
        self.module = module
        # A layer that is dynamically quantised rounds by the range of a whole batch.
        self.alone = any(".quantized.dynamic." in type(m).__module__ for m in module.modules())
        self.taken = ""
        self.precision = torch.float32
        self.layout = torch.contiguous_format
        self.reading = LOGITS
        floats = (each.dtype for each in module.parameters() if each.is_floating_point())
        self.dtype = next(floats, torch.float32)
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def in_precision(self, precision: torch.dtype) -> Self:
        """Give the same module, with the same weights, to compute in a precision."""
        made = copy.copy(self)
        made.precision = precision
        return made

    def inputs(self, images: torch.Tensor) -> torch.Tensor:
        """Turn bytes into what the classifier takes."""
        images = images.contiguous(memory_format=self.layout)
        return (images.float() - self.mean) / self.std

    def outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute the classifier's numbers [N, K]."""
        inputs = inputs.to(self.dtype)
        parts = torch.split(inputs, 1) if self.alone else (inputs,)
        answers = [self._take(self.module(part), len(part)) for part in parts]
        return torch.cat(answers) if self.alone else answers[0]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute logits and probabilities, float32 [N, K], of uint8 [N, C, H, W]."""
        inputs = self.inputs(images)
        half = self.precision is not torch.float32
        # Autocast keeps the weights, and operations that need it, in float32. Its cache of weights
        # would be wrong in a traced graph.
        with torch.autocast(images.device.type, self.precision, enabled=half, cache_enabled=False):
            outputs = self.outputs(inputs)
        logits, probs = self.reading.read(outputs)
        if half and self.reading.outputs == "probabilities":
            # In half precision they do not sum to one.
            probs = probs / probs.sum(1, keepdim=True)
        return logits, probs

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


def name_of(module: nn.Module) -> str:
    """Give the name of a module's class, which messages call it by."""
    return type(module.module if isinstance(module, ImageModule) else module).__name__


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
_Made = TypeVar("_Made")


class UnlikeError(Exception):
    """A faster form of a module would compute something else."""

    def __str__(self) -> str:
        """Say why, or what is usual."""
        return super().__str__() or "it would compute something else"


def attempt(module: nn.Module, lack: str, make: Callable[[], _Made]) -> _Made | None:
    """Make a faster form of a module; if that fails, give None and note the ``lack`` in the log."""
    try:
        return make()
    except Exception as error:  # Any module may come; it then runs as it is.
        if is_out_of_memory(error):
            raise
        kind = "" if isinstance(error, UnlikeError) else f"{type(error).__name__}: "
        _log.info("%s: %s: %s%s", name_of(module), lack, kind, error)
        return None


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


def ask(module: ImageModule, inputs: torch.Tensor) -> torch.Tensor:
    """Ask a module about two images at a time; if it fails, one, and always so from then on."""
    try:
        return _ask(module, inputs, 2)
    except Exception as error:  # Any module may come.
        try:
            answers = _ask(module, inputs, 1)
        except Exception:  # It is not the number of images.
            raise error from None
        module.alone = module.alone or not is_out_of_memory(error)
        return answers


def _ask(module: ImageModule, inputs: torch.Tensor, at_once: int) -> torch.Tensor:
    # A clone, as a module may write to its input.
    return torch.cat([module.outputs(part.clone()) for part in torch.split(inputs, at_once)])


def try_channels_last(
    module: ImageModule, inputs: torch.Tensor, wanted: torch.Tensor
) -> ImageModule:
    """Copy a module to the layout of fast convolutions, if it computes the same numbers there."""

    def laid_out() -> ImageModule:
        # Some versions of torch declare no `memory_format` here.
        made: ImageModule = cast("Any", _share(module)).to(memory_format=torch.channels_last)
        made.layout = torch.channels_last
        if not agree(_ask(made, inputs.contiguous(memory_format=made.layout), 2), wanted):
            raise UnlikeError
        return made

    return attempt(module, "keeps contiguous layout", laid_out) or module


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
