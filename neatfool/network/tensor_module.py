"""Modules as people write them, called in one way: bytes in, logits and probabilities out.

A :class:`Reading` says what their numbers mean: logits, probabilities, or each class by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import nn

from neatfool.errors import TargetError
from neatfool.spec.image_spec import Outputs
from neatfool.spec.scores import ROUNDING

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
