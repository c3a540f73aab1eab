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
    joined = REDUCTIONS[name](torch.tensor(terms, dtype=torch.float64).unsqueeze(2))
    assert joined.shape == (5, 1)
    assert joined[:, 0].tolist() == pytest.approx([function(each) for each in terms], abs=0)


def test_the_first_of_equally_large_values_wins():
    assert REDUCTIONS["maxabs"](torch.tensor([[[-2.0], [2.0]], [[2.0], [-2.0]]])).tolist() == [
        [-2.0],
        [2.0],
    ]


def test_the_product_of_nothing_is_one():
    assert REDUCTIONS["product"](torch.empty(2, 0, 3)).tolist() == [[1.0] * 3] * 2
