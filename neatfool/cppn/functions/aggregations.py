"""Aggregations: how a node joins its weighted inputs, as neat-python defines them.

``sum`` and ``mean`` are weighted sums, which a program computes for a whole level at once. The
others are reductions, computed together for all nodes of one level with the same number of inputs.
They go from a node's first input to its last, as Python does. So ties end the same way, and the
bits do not depend on how a library splits the work.
"""

from __future__ import annotations

from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    Reduction = Callable[[torch.Tensor], torch.Tensor]

WEIGHTED_SUMS = ("sum", "mean")
"""The aggregations that are a sum of weighted inputs, perhaps times a factor."""


def _product(terms: torch.Tensor) -> torch.Tensor:
    if terms.shape[1] == 0:
        return terms.new_ones(terms.shape[0], terms.shape[2])
    return reduce(lambda a, b: a.multiply(b), terms.unbind(1))


def _max(terms: torch.Tensor) -> torch.Tensor:
    return reduce(lambda a, b: a.maximum(b), terms.unbind(1))


def _min(terms: torch.Tensor) -> torch.Tensor:
    return reduce(lambda a, b: a.minimum(b), terms.unbind(1))


def _maxabs(terms: torch.Tensor) -> torch.Tensor:
    def larger(best: torch.Tensor, term: torch.Tensor) -> torch.Tensor:
        return term.where(term.abs() > best.abs(), best)

    return reduce(larger, terms.unbind(1))


def _median(terms: torch.Tensor) -> torch.Tensor:
    count = terms.shape[1]
    ordered = terms.sort(dim=1).values if count > 2 else terms
    middle = ordered[:, count // 2]
    return middle if count % 2 else (ordered[:, count // 2 - 1] + middle) / 2.0


REDUCTIONS: Mapping[str, Reduction] = MappingProxyType(
    {"product": _product, "max": _max, "min": _min, "maxabs": _maxabs, "median": _median}
)
"""The other aggregations: each turns the weighted inputs [n, k, P] of n nodes into [n, P].

The product of no inputs is 1. The others are not called without inputs: the node is 0 then.
"""

AGGREGATIONS: tuple[str, ...] = (*WEIGHTED_SUMS, *REDUCTIONS)
"""All aggregations that a genome may name."""
