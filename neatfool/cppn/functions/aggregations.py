"""Aggregations: how a node joins its weighted inputs, as neat-python defines them.

``sum`` and ``mean`` are weighted sums, which a program computes for a whole level at once. The
others are reductions, computed together for all nodes of one level with the same number of inputs.

Values come with their derivatives, if a picture has a band limit. A reduction that chooses an
input, the first of equal ones, has the derivatives of that input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    Reduction = Callable[[torch.Tensor], torch.Tensor]

WEIGHTED_SUMS = ("sum", "mean")
"""The aggregations that are a sum of weighted inputs, perhaps times a factor."""


def _product(terms: torch.Tensor) -> torch.Tensor:
    count, _, tables, pixels = terms.shape
    value, slopes = terms.new_ones(count, 1, pixels), terms.new_zeros(count, tables - 1, pixels)
    for term in terms.unbind(1):
        slopes = slopes * term[:, :1] + value * term[:, 1:]
        value = value * term[:, :1]
    return torch.cat([value, slopes], 1)


def _choose_by(place: Callable[[torch.Tensor], torch.Tensor]) -> Reduction:
    def choose(terms: torch.Tensor) -> torch.Tensor:
        chosen = place(terms[:, :, :1]).expand(-1, -1, terms.shape[2], -1)
        return terms.gather(1, chosen).squeeze(1)

    return choose


def _median(terms: torch.Tensor) -> torch.Tensor:
    count = terms.shape[1]
    places = terms[:, :, :1].sort(dim=1, stable=True).indices
    middle = places[:, (count - 1) // 2 : count // 2 + 1].expand(-1, -1, terms.shape[2], -1)
    return terms.gather(1, middle).mean(1)


REDUCTIONS: Mapping[str, Reduction] = MappingProxyType(
    {
        "product": _product,
        "max": _choose_by(lambda terms: terms.argmax(1, keepdim=True)),
        "min": _choose_by(lambda terms: terms.argmin(1, keepdim=True)),
        "maxabs": _choose_by(lambda terms: terms.abs().argmax(1, keepdim=True)),
        "median": _median,
    }
)
"""The other aggregations: each turns the weighted inputs of n nodes, [n, k, T, P], into [n, T, P],
a table of values, and two of derivatives if there are any.

The product of no inputs is 1. The others are not called without inputs: the node is 0 then.
"""

AGGREGATIONS: tuple[str, ...] = (*WEIGHTED_SUMS, *REDUCTIONS)
"""All aggregations that a genome may name; compiled code numbers them."""

SUM, MEAN, PRODUCT, MAX, MIN, MAXABS, MEDIAN = range(len(AGGREGATIONS))
