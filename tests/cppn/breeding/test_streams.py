from __future__ import annotations

import statistics
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool.cppn.breeding.streams import EachWithProbability, normal, one_of, streams

REFERENCE = [  # of seed 1234567, from the algorithm's public-domain implementation in C
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def draws(seed, count, expected=64):
    (draw,) = streams([seed], expected)
    return [draw() for _ in range(count)]


def test_a_stream_is_splitmix64():
    assert draws(1234567, 5) == [(number >> 11) / 2**53 for number in REFERENCE]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=5), st.integers(1, 5000))
def test_a_stream_depends_on_its_seed_alone(seeds, expected):
    together = [list(islice(iter(draw, None), 70)) for draw in streams(seeds, expected)]
    assert together == [draws(seed, 70) for seed in seeds]


def test_a_stream_has_no_end_and_does_not_repeat():
    numbers = draws(3, 5000, expected=7)
    assert numbers == draws(3, 5000, expected=6000)
    assert len(set(numbers)) == 5000


def test_many_streams_are_made():
    assert len({draw() for draw in streams(range(5000))}) == 5000
    assert list(streams([])) == []


def test_numbers_are_uniform_within_streams_and_across_the_streams_of_neighbouring_seeds():
    for numbers in (draws(1, 20_000), [draw() for draw in streams(range(20_000))]):
        assert min(numbers) >= 0
        assert max(numbers) < 1
        counts = Counter(int(number * 20) for number in numbers)
        assert sum((counts[n] - 1000) ** 2 / 1000 for n in range(20)) < 43.8  # p = 0.001


def test_normal_numbers_are_normal():
    (draw,) = streams([5])
    numbers = sorted(normal(draw) for _ in range(20_000))
    cumulative = statistics.NormalDist().cdf
    gap = max(abs(cumulative(x) - n / 20_000) for n, x in enumerate(numbers))
    assert gap < 1.95 / 20_000**0.5  # Kolmogorov and Smirnov, p = 0.001


def test_one_of_some_items_is_any_of_them():
    (draw,) = streams([6])
    counts = Counter(one_of("abc", draw) for _ in range(6000))
    assert all(abs(counts[item] - 2000) < 150 for item in "abc")
    assert one_of("abc", lambda: 1 - 2**-53) == "c"


@pytest.mark.parametrize("probability", [0.001, 0.1, 0.5, 0.9])
def test_a_subset_has_each_item_with_the_probability_and_any_two_independently(probability):
    each, (draw,) = EachWithProbability(probability), streams([7])
    rounds = 20_000
    subsets = [each.of(range(6), draw) for _ in range(rounds)]
    assert all(list(subset) == sorted(set(subset)) for subset in subsets)
    counts = Counter(item for subset in subsets for item in subset)
    pairs = Counter((a, b) for subset in subsets for a in subset for b in subset if a < b)
    for n, p in [(counts[item], probability) for item in range(6)] + [
        (pairs[a, b], probability**2) for b in range(6) for a in range(b)
    ]:
        assert abs(n - rounds * p) < 4.5 * (rounds * p * (1 - p)) ** 0.5 + 1


@pytest.mark.parametrize("probability", [0.0, -1.0, 1.0, 1.5])
def test_a_subset_that_is_certain_takes_no_number(probability):
    subset = EachWithProbability(probability).of("abc", pytest.fail)
    assert list(subset) == list("abc" if probability >= 1 else "")


@pytest.mark.parametrize("probability", [5e-324, 1e-300, 1e-17, 1 - 2**-53])
def test_extreme_probabilities(probability):
    each, (draw,) = EachWithProbability(probability), streams([8])
    assert len(each.of(range(1000), draw)) == (1000 if probability > 0.5 else 0)
