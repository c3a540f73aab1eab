"""Plays formulas on tensors, differentiably."""

from collections.abc import Mapping
from typing import Any, Final

import torch

from neatfool.cppn.formulas import ELEMENTARY, PLAIN, Perform

_TORCH: Final[Mapping[str, Perform]] = {
    **PLAIN,
    "Min": lambda a, b: a.clamp(max=b),
    "Max": lambda a, b: a.clamp(min=b),
    "Round": torch.round,
    "Rsqrt": torch.rsqrt,
    "Step": lambda a: (a >= 0).to(a.dtype),
    **{name.title(): getattr(torch, name) for name in ELEMENTARY},
}


def by_torch(kind: str, *inputs: Any) -> Any:
    """Perform an operation on tensors, differentiably."""
    return _TORCH[kind](*inputs)
