"""Aggregations: how a node joins its weighted inputs, as neat-python defines them.

``sum`` and ``mean`` are weighted sums, which a program computes for a whole level at once. The
others are reductions, computed together for all nodes of one level with the same number of inputs.

Inputs count as independent: the variance of a sum is the sum of the variances. A reduction that
chooses an input, the first of equal ones, has the variance of that input.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    Reduction = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

WEIGHTED_SUMS = ("sum", "mean")
"""The aggregations that are a sum of weighted inputs, perhaps times a factor."""


def _product(terms: torch.Tensor, variances: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    squares = terms * terms
    return terms.prod(1), (squares + variances).prod(1) - squares.prod(1)


def _choose_by(place: Callable[[torch.Tensor], torch.Tensor]) -> Reduction:
    def choose(terms: torch.Tensor, variances: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = place(terms)
        return terms.gather(1, chosen).squeeze(1), variances.gather(1, chosen).squeeze(1)

    return choose


def _median(terms: torch.Tensor, variances: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    count = terms.shape[1]
    ordered, places = terms.sort(dim=1, stable=True)
    middle = slice((count - 1) // 2, count // 2 + 1)
    own = variances.gather(1, places[:, middle])
    return ordered[:, middle].mean(1), own.mean(1) / own.shape[1]


REDUCTIONS: Mapping[str, Reduction] = MappingProxyType(
    {
        "product": _product,
        "max": _choose_by(lambda terms: terms.argmax(1, keepdim=True)),
        "min": _choose_by(lambda terms: terms.argmin(1, keepdim=True)),
        "maxabs": _choose_by(lambda terms: terms.abs().argmax(1, keepdim=True)),
        "median": _median,
    }
)
"""The other aggregations: each turns means and variances of the weighted inputs of n nodes, both
[n, k, P], into those of the nodes, [n, P].

The product of no inputs is 1. The others are not called without inputs: the node is 0 then.
"""

AGGREGATIONS: tuple[str, ...] = (*WEIGHTED_SUMS, *REDUCTIONS)
"""All aggregations that a genome may name."""
