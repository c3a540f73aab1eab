from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool.figure import spread

places = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


def test_what_is_apart_stays_where_it_is():
    assert spread([0.0, 2.0, 5.0], [1.0, 1.0]) == pytest.approx([0.0, 2.0, 5.0])


def test_what_is_in_one_place_moves_to_both_sides_of_it():
    assert spread([3.0, 3.0, 3.0], [1.0, 1.0]) == pytest.approx([2.0, 3.0, 4.0])


def test_a_heavy_one_hardly_moves():
    heavy, light = spread([0.0, 0.0], [1.0], [99.0, 1.0])
    assert heavy == pytest.approx(-0.01)
    assert light == pytest.approx(0.99)


def test_nothing_is_spread_to_nothing():
    assert spread([], []) == []


@given(places, st.floats(0, 10))
def test_distances_are_kept_and_the_mean_stays(wanted, gap):
    result = spread(wanted, [gap] * (len(wanted) - 1))
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(result))
    assert sum(result) == pytest.approx(sum(wanted), abs=1e-6)


@given(places, st.floats(0, 10), st.integers(0, 11), st.floats(-1, 1))
def test_no_other_arrangement_moves_less(wanted, gap, which, step):
    result = spread(wanted, [gap] * (len(wanted) - 1))
    other = list(result)
    other[which % len(other)] += step
    if all(b - a >= gap for a, b in pairwise(other)):
        cost = sum((a - b) ** 2 for a, b in zip(result, wanted, strict=True))
        assert cost <= sum((a - b) ** 2 for a, b in zip(other, wanted, strict=True)) + 1e-6
