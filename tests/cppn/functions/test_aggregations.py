from __future__ import annotations

import random

import pytest
import torch
from neat.aggregations import AggregationFunctionSet

from neatfool.cppn.functions.aggregations import AGGREGATIONS, REDUCTIONS


def test_there_are_neat_pythons():
    assert set(AGGREGATIONS) == set(AggregationFunctionSet().functions)


@pytest.mark.parametrize("name", sorted(REDUCTIONS))
@pytest.mark.parametrize("count", range(1, 9))
def test_reductions_equal_neat_pythons(name, count):
    rng = random.Random(count)
    function = AggregationFunctionSet().get(name)
    terms = [[rng.choice([-1.0, 1.0, 0.5, rng.gauss(0, 1)]) for _ in range(count)] for _ in "12345"]
    given = torch.tensor(terms, dtype=torch.float64).unsqueeze(2)
    joined, _ = REDUCTIONS[name](given, torch.zeros_like(given))
    assert joined.shape == (5, 1)
    assert joined[:, 0].tolist() == pytest.approx([function(each) for each in terms])


def joined(name, terms, variances):
    found = REDUCTIONS[name](*(torch.tensor([each])[:, :, None] for each in (terms, variances)))
    return tuple(each.item() for each in found)


def test_the_first_of_equally_large_values_wins():
    assert joined("maxabs", [-2.0, 2.0], [1.0, 3.0]) == (-2.0, 1.0)
    assert joined("max", [2.0, 2.0], [1.0, 3.0]) == (2.0, 1.0)


def test_what_is_chosen_keeps_its_variance():
    assert joined("min", [1.0, -2.0, 0.0], [1.0, 3.0, 5.0]) == (-2.0, 3.0)
    assert joined("median", [1.0, -2.0, 0.0], [1.0, 3.0, 5.0]) == (0.0, 5.0)
    assert joined("median", [1.0, -2.0], [1.0, 3.0]) == (-0.5, 1.0)


def test_the_variance_of_a_product_is_that_of_independent_numbers():
    generator = torch.Generator().manual_seed(0)
    a, b = 2 + torch.randn(2, 200_000, generator=generator)
    mean, variance = joined("product", [2.0, 2.0], [1.0, 1.0])
    assert mean == pytest.approx((a * b).mean().item(), rel=0.02)
    assert variance == pytest.approx((a * b).var().item(), rel=0.02)


def test_the_product_of_nothing_is_one():
    mean, variance = REDUCTIONS["product"](torch.empty(2, 0, 3), torch.empty(2, 0, 3))
    assert mean.tolist() == [[1.0] * 3] * 2
    assert variance.tolist() == [[0.0] * 3] * 2
