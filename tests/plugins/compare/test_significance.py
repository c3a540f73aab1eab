from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from neatfool_plugins.compare.groups import mann_whitney

few = st.lists(st.integers(0, 4), min_size=1, max_size=6)
some = st.lists(st.integers(0, 3), min_size=2, max_size=3)


def u_by_hand(first, second):
    return sum((a > b) + 0.5 * (a == b) for a in first for b in second)


@pytest.mark.parametrize(
    ("first", "second", "u", "p", "can_tell"),
    [
        ([7, 8, 9], [1, 2, 3], 9, 0.1, False),
        ([6, 7, 8, 9], [1, 2, 3, 4], 16, 2 / 70, True),
        ([2, 2, 2], [1, 1, 1], 9, 0.1, False),  # the normal approximation would say 0.06
        ([10, 10, 10], [10, 10], 3, 1, False),
        ([1], [2], 0, 1, False),
    ],
)
def test_small_groups_have_exact_p_values(first, second, u, p, can_tell):
    test = mann_whitney(first, second)
    assert (test.u, test.p, test.can_tell) == (u, pytest.approx(p), can_tell)


@given(few, few)
def test_p_is_a_probability_and_the_same_from_either_side(first, second):
    one, other = mann_whitney(first, second), mann_whitney(second, first)
    assert one.p == pytest.approx(other.p)
    assert one.u + other.u == len(first) * len(second)
    assert one.least_p - 1e-12 <= one.p <= 1


@given(some, some)
def test_p_is_the_part_of_all_orders_that_are_as_far_out(first, second):
    n, u = len(first), u_by_hand(first, second)
    us = [u_by_hand(order[:n], order[n:]) for order in permutations([*first, *second])]
    part = min(1, 2 * np.mean([each <= u for each in us]), 2 * np.mean([each >= u for each in us]))
    test = mann_whitney(first, second)
    assert (test.u, test.p) == (u, pytest.approx(part))


def test_large_groups_with_ties_are_as_scipy_says():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 20, 40), rng.integers(3, 23, 50)
    expected = mannwhitneyu(first, second, method="asymptotic")
    test = mann_whitney(first, second)
    assert (test.u, test.p) == (expected.statistic, pytest.approx(expected.pvalue))
