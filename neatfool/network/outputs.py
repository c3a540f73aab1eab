"""What a classifier's numbers mean: logits, probabilities, or each class by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import torch

from neatfool.errors import TargetError
from neatfool.spec.scores import ROUNDING

if TYPE_CHECKING:
    from neatfool.spec.image_spec import Outputs

_SUREST: Final = 1 - torch.finfo(torch.float32).eps
"""A sigmoid of one counts as the largest number below, whose log-odds are finite."""
_TINY: Final = torch.finfo(torch.float32).tiny
"""A probability of zero counts as this, whose logarithm is finite."""


@dataclass(frozen=True)
class Reading:
    """How to read a classifier's numbers, [N, K].

    Attributes:
        outputs: What they are.
        words: What was found, for a description.
        doubt: What to say if that is a guess, else "".
        applied: Whether the classifier has applied the softmax or the sigmoids itself.
        percent: Whether probabilities are in percent.
        binary: Whether its one number stands for two classes.
    """

    outputs: Outputs
    words: str
    doubt: str = ""
    applied: bool = False
    percent: bool = False
    binary: bool = False

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
    """Find out what a classifier's numbers for varied images mean.

    Args:
        numbers: Floats [N, K]. Rows that are not finite say nothing.
        outputs: What they are, if the user has said it.

    Raises:
        TargetError: They are not what the user says.
    """
    finite = numbers.double()[numbers.isfinite().all(1)]
    if numbers.shape[1] == 1 and outputs != "multi_label":
        return _find_binary(finite, outputs)
    inside = _is_inside(finite)
    if outputs == "logits":
        return LOGITS
    if outputs == "multi_label":
        return _SIGMOIDS if inside else _MULTI_LABEL
    sums = finite.sum(1)
    if len(finite) and finite.min() >= 0 and _are(sums, 100):
        return replace(_PROBABILITIES, percent=True, words="gives percents, divided by 100")
    if outputs == "probabilities" or (inside and _are(sums, 1)):
        _refuse_unless(inside and _are(sums, 1), sums, "sum to {}, not to 1")
        return _PROBABILITIES
    return replace(_SIGMOIDS, doubt=_doubt_multi_label(sums)) if _tells(inside, finite) else LOGITS


def _find_binary(finite: torch.Tensor, outputs: Outputs | None) -> Reading:
    """Find out what the one number of a classifier of two classes means."""
    inside = _is_inside(finite)
    if outputs == "logits" or (outputs is None and not _tells(inside, finite)):
        return replace(LOGITS, binary=True, words="gives one logit, that of the second class")
    _refuse_unless(inside, finite, "lie between {}")
    words = "gives one probability, that of the second class"
    doubt = "" if outputs else _DOUBT_BINARY
    return replace(_PROBABILITIES, binary=True, words=words, doubt=doubt)


def _is_inside(finite: torch.Tensor) -> bool:
    return bool(len(finite)) and bool(finite.min() >= 0) and bool(finite.max() <= 1 + ROUNDING)


def _tells(inside: object, finite: torch.Tensor) -> bool:
    """Say whether numbers between 0 and 1 tell anything: equal ones, all zero say, do not."""
    return bool(inside) and bool(finite.min() < finite.max())


def _refuse_unless(right: object, numbers: torch.Tensor, fault: str) -> None:
    if not right and len(numbers):
        raise TargetError(
            f'outputs = "probabilities", but an image\'s numbers {fault.format(_span(numbers))}; '
            'say outputs = "multi_label" if each class has its own confidence, or outputs = '
            '"logits"'
        )


_DOUBT_BINARY: Final = (
    "its one number lies between 0 and 1 on varied images, so it is taken for the probability of "
    'the second class. If it is a logit, say outputs = "logits"'
)


def _doubt_multi_label(sums: torch.Tensor) -> str:
    return (
        "its numbers lie between 0 and 1 on varied images, and an image's sum to "
        f"{_span(sums)}, so each class is taken to have its own confidence (outputs = "
        '"multi_label"). If they are logits, say outputs = "logits"'
    )


def _are(sums: torch.Tensor, whole: float) -> bool:
    return bool(((sums - whole).abs() <= ROUNDING * whole).all())


def _span(numbers: torch.Tensor) -> str:
    low, high = f"{float(numbers.min()):.3g}", f"{float(numbers.max()):.3g}"
    return low if low == high else f"{low} to {high}"
