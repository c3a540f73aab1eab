"""Modules as people give them: taken over, left as they were, and called in one way."""

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

import torch
from torch import nn

from neatfool.errors import TargetError
from neatfool.network.devices import is_out_of_memory
from neatfool.spec.image_spec import Outputs
from neatfool.spec.scores import ROUNDING

_SAME: Final = 1e-3
"""The largest error of changed logits, as a part of the largest logit: float32 rounding only."""
_SUREST: Final = 1 - torch.finfo(torch.float32).eps
"""A sigmoid of one counts as the largest number below, whose log-odds are finite."""
_TINY: Final = torch.finfo(torch.float32).tiny
"""A probability of zero counts as this, whose logarithm is finite."""


@dataclass(frozen=True)
class Reading:
    """How to read a classifier's numbers, [N, K]."""

    outputs: Outputs
    """What they are."""
    words: str
    """What was found, for a description."""
    doubt: str = ""
    """What to say if that is a guess, else ""."""
    applied: bool = False
    """Whether the classifier has applied the softmax or the sigmoids itself."""
    percent: bool = False
    """Whether probabilities are in percent."""
    binary: bool = False
    """Whether its one number stands for two classes."""

    def read(self, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn numbers into logits and probabilities, both float32 [N, K]."""
        numbers = numbers.float()
        if self.percent:
            numbers = numbers / 100
        if self.binary:
            first = 1 - numbers if self.applied else torch.zeros_like(numbers)
            numbers = torch.cat([first, numbers], 1)
        if self.outputs == "logits":
            return numbers, numbers.softmax(-1)
        if self.outputs == "probabilities":
            return numbers.clamp(min=_TINY).log(), numbers
        if not self.applied:
            return numbers, numbers.sigmoid()
        inner = numbers.clamp(_TINY, _SUREST)
        return inner.log() - (-inner).log1p(), numbers


LOGITS: Final = Reading("logits", "gives logits")
_PROBABILITIES: Final = Reading("probabilities", "gives probabilities", applied=True)
_MULTI_LABEL: Final = Reading("multi_label", "gives a logit for each class by itself (multi-label)")
_SIGMOIDS: Final = replace(
    _MULTI_LABEL, applied=True, words="gives a confidence for each class by itself (multi-label)"
)


def find_reading(numbers: torch.Tensor, outputs: Outputs | None = None) -> Reading:
    """Find out what a classifier's numbers [N, K] for varied images mean, if not ``outputs``."""
    finite = numbers.double()[numbers.isfinite().all(1)]
    inside = len(finite) > 0 and bool(finite.min() >= 0) and bool(finite.max() <= 1 + ROUNDING)
    # Equal numbers between 0 and 1, all zero say, tell nothing.
    guessed = outputs is None and inside and bool(finite.min() < finite.max())
    if numbers.shape[1] == 1 and outputs != "multi_label":
        if outputs == "logits" or (outputs is None and not guessed):
            return replace(LOGITS, binary=True, words="gives one logit, that of the second class")
        _refuse_unless(inside, finite, "lie between {}")
        words = "gives one probability, that of the second class"
        doubt = "" if outputs else _DOUBT_BINARY
        return replace(_PROBABILITIES, binary=True, words=words, doubt=doubt)
    if outputs == "multi_label":
        return _SIGMOIDS if inside else _MULTI_LABEL
    sums = finite.sum(1)
    if outputs != "logits" and len(finite) and finite.min() >= 0 and _are(sums, 100):
        return replace(_PROBABILITIES, percent=True, words="gives percents, divided by 100")
    if outputs == "probabilities" or (outputs is None and inside and _are(sums, 1)):
        _refuse_unless(inside and _are(sums, 1), sums, "sum to {}, not to 1")
        return _PROBABILITIES
    doubt = _DOUBT_MULTI_LABEL.format(_span(sums)) if guessed else ""
    return replace(_SIGMOIDS, doubt=doubt) if guessed else LOGITS


def _refuse_unless(right: object, numbers: torch.Tensor, fault: str) -> None:
    if not right and len(numbers):
        raise TargetError(
            f'outputs = "probabilities", but an image\'s numbers {fault.format(_span(numbers))}; '
            'say outputs = "multi_label" if each class has its own confidence, or outputs = '
            '"logits"'
        )


_DOUBT_MULTI_LABEL: Final = (
    "its numbers lie between 0 and 1 on varied images, and an image's sum to {}, so each class is "
    'taken to have its own confidence (outputs = "multi_label"). If they are logits, say outputs = '
    '"logits"'
)
_DOUBT_BINARY: Final = (
    "its one number lies between 0 and 1 on varied images, so it is taken for the probability of "
    'the second class. If it is a logit, say outputs = "logits"'
)


def _are(sums: torch.Tensor, whole: float) -> bool:
    return bool(((sums - whole).abs() <= ROUNDING * whole).all())


def _span(numbers: torch.Tensor) -> str:
    low, high = f"{float(numbers.min()):.3g}", f"{float(numbers.max()):.3g}"
    return low if low == high else f"{low} to {high}"


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


class FromBytes(nn.Module):
    """A module that takes bytes in a layout, and gives logits and probabilities in a precision."""

    def __init__(
        self,
        module: TensorModule,
        mean: torch.Tensor,
        std: torch.Tensor,
        *,
        dtype: torch.dtype,
        layout: torch.memory_format,
        reading: Reading,
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
