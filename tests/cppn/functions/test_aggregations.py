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
    joined = REDUCTIONS[name](torch.tensor(terms, dtype=torch.float64)[:, :, None, None])
    assert joined.shape == (5, 1, 1)
    assert joined[:, 0, 0].tolist() == pytest.approx([function(each) for each in terms])


def joined(name, terms, across, down=(0.0, 0.0, 0.0)):
    tables = [[z, x, y] for z, x, y in zip(terms, across, down, strict=False)]
    return tuple(REDUCTIONS[name](torch.tensor([tables]).unsqueeze(3)).flatten().tolist())


def test_the_first_of_equally_large_values_wins():
    assert joined("maxabs", [-2.0, 2.0], [1.0, 3.0]) == (-2.0, 1.0, 0.0)
    assert joined("max", [2.0, 2.0], [1.0, 3.0]) == (2.0, 1.0, 0.0)


def test_what_is_chosen_keeps_its_derivatives():
    assert joined("min", [1.0, -2.0, 0.0], [1.0, 3.0, 5.0], [0.0, 7.0, 0.0]) == (-2.0, 3.0, 7.0)
    assert joined("median", [1.0, -2.0, 0.0], [1.0, 3.0, 5.0]) == (0.0, 5.0, 0.0)
    assert joined("median", [1.0, -2.0], [1.0, 3.0]) == (-0.5, 2.0, 0.0)


def test_a_product_has_the_derivatives_of_a_product():
    across = 1 * 3 * 4 + 2 * 5 * 4 + 2 * 3 * 7
    assert joined("product", [2.0, 3.0, 4.0], [1.0, 5.0, 7.0]) == (24.0, across, 0.0)


def test_the_product_of_nothing_is_one():
    product = REDUCTIONS["product"](torch.empty(2, 0, 3, 5))
    assert product[:, 0].tolist() == [[1.0] * 5] * 2
    assert not product[:, 1:].any()
