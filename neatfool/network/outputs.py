"""What a classifier's numbers mean: logits, probabilities after a softmax, or sigmoids."""

from dataclasses import dataclass, replace
from typing import Final

import torch

from neatfool.errors import TargetError
from neatfool.spec.image_spec import Outputs
from neatfool.spec.scores import ROUNDING

_SUREST: Final = 1 - torch.finfo(torch.float32).eps
"""A sigmoid of one counts as the largest number below, whose log-odds are finite."""
_TINY: Final = torch.finfo(torch.float32).tiny
"""A probability of zero counts as this, whose logarithm is finite."""


@dataclass(frozen=True)
class OutputFormat:
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


LOGITS: Final = OutputFormat("logits", "gives logits")
_PROBABILITIES: Final = OutputFormat("probabilities", "gives probabilities", applied=True)
_MULTI_LABEL: Final = OutputFormat(
    "multi_label", "gives a logit for each class by itself (multi-label)"
)
_SIGMOIDS: Final = replace(
    _MULTI_LABEL, applied=True, words="gives a confidence for each class by itself (multi-label)"
)


def find_format(numbers: torch.Tensor, outputs: Outputs | None = None) -> OutputFormat:
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
