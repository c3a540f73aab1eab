from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from neat.aggregations import AggregationFunctionSet

from neatfool.cppn.activations import AGGREGATIONS, WEIGHTED_SUMS, aggregate


def test_there_are_neat_pythons():
    assert set(AGGREGATIONS) == set(AggregationFunctionSet().functions)


NUMBERS = SimpleNamespace(choose=lambda a, b, c, d: c if a > b else d)


@pytest.mark.parametrize("name", [each for each in AGGREGATIONS if each not in WEIGHTED_SUMS])
@pytest.mark.parametrize("count", range(1, 9))
def test_reductions_equal_neat_pythons(name, count):
    rng = random.Random(count)
    function = AggregationFunctionSet().get(name)
    for _ in range(5):
        terms = [rng.choice([-1.0, 1.0, 0.5, rng.gauss(0, 1)]) for _ in range(count)]
        (joined,) = aggregate(NUMBERS, name, [[each] for each in terms])
        assert joined == pytest.approx(function(terms))


def joined(name, terms, across, down=(0.0, 0.0, 0.0)):
    return tuple(aggregate(NUMBERS, name, [*zip(terms, across, down, strict=False)]))


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
