import statistics
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neatfool.cppn.genome.genes import GRAFT, SPLIT, first_free, marking
from neatfool.cppn.rng import first_numbers, seed_array

REFERENCE = [  # of seed 1234567, from the algorithm's public-domain implementation in C
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def stream_of(seed):
    return np.array([seed], np.uint64)


def test_a_stream_is_splitmix64(plain):
    stream = stream_of(1234567)
    numbers = [plain.rng.draw(stream) for _ in range(5)]
    assert numbers == [(number >> 11) / 2**53 for number in REFERENCE]


def test_the_first_numbers_are_the_streams(plain):
    seeds = [0, 3, 2**63, 2**64 - 1, 2**64 + 3]
    firsts = first_numbers(seed_array(seeds)).tolist()
    assert firsts == [plain.rng.draw(stream_of(seed % 2**64)) for seed in seeds]
    assert firsts[1] == firsts[4]


def test_numbers_are_uniform_within_streams_and_across_the_streams_of_neighbouring_seeds(plain):
    stream = stream_of(1)
    within = [plain.rng.draw(stream) for _ in range(20_000)]
    across = first_numbers(seed_array(range(20_000))).tolist()
    for numbers in (within, across):
        assert min(numbers) >= 0
        assert max(numbers) < 1
        assert len(set(numbers)) == 20_000
        counts = Counter(int(number * 20) for number in numbers)
        assert sum((counts[n] - 1000) ** 2 / 1000 for n in range(20)) < 43.8  # p = 0.001


def test_normal_numbers_are_normal(plain):
    stream = stream_of(5)
    numbers = sorted(plain.rng.draw_normal(stream) for _ in range(20_000))
    cumulative = statistics.NormalDist().cdf
    gap = max(abs(cumulative(x) - n / 20_000) for n, x in enumerate(numbers))
    assert gap < 1.95 / 20_000**0.5  # Kolmogorov and Smirnov, p = 0.001


def choose(plain, count, probability, stream):
    chosen = np.empty(count, np.int64)
    found = plain.rng.choose(count, probability, stream, chosen)
    return chosen[:found].tolist()


@pytest.mark.parametrize("probability", [0.001, 0.1, 0.5, 0.9])
def test_each_place_is_chosen_with_the_probability_and_any_two_independently(plain, probability):
    stream, rounds = stream_of(7), 20_000
    subsets = [choose(plain, 6, probability, stream) for _ in range(rounds)]
    assert all(subset == sorted(set(subset)) for subset in subsets)
    counts = Counter(item for subset in subsets for item in subset)
    pairs = Counter((a, b) for subset in subsets for a in subset for b in subset if a < b)
    for n, p in [(counts[item], probability) for item in range(6)] + [
        (pairs[a, b], probability**2) for b in range(6) for a in range(b)
    ]:
        assert abs(n - rounds * p) < 4.5 * (rounds * p * (1 - p)) ** 0.5 + 1


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_choice_that_is_certain_takes_no_number(plain, probability):
    stream = stream_of(9)
    assert choose(plain, 3, probability, stream) == ([0, 1, 2] if probability else [])
    assert stream[0] == 9


@pytest.mark.parametrize("probability", [5e-324, 1e-300, 1e-17, 1 - 2**-53])
def test_extreme_probabilities(plain, probability):
    chosen = choose(plain, 1000, probability, stream_of(8))
    assert len(chosen) == (1000 if probability > 0.5 else 0)


KEYS = st.integers(-4, 2**52 - 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([SPLIT, GRAFT]), KEYS, KEYS, st.integers(0, 30))
def test_ids_of_new_nodes_are_markings(plain, kind, first, second, again):
    assert plain.rng.new_id(kind, first, second, again) == marking(kind, first, second, again)


@pytest.mark.parametrize("edge", [(-4, 0), (0, 1), (2**52 - 1, 2**51), (10, 100)])
def test_a_node_that_splits_an_edge_has_the_id_that_neat_python_is_given(edge, plain):
    first = plain.rng.new_id(SPLIT, *edge, 0)
    assert first == first_free(SPLIT, *edge, taken=())
    assert plain.rng.new_id(SPLIT, *edge, 1) == first_free(SPLIT, *edge, taken={first})
