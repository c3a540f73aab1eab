from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_runs import write_run
from scipy.stats import mannwhitneyu

from neatfool import RunError
from neatfool_plugins.compare.groups import gather, mann_whitney, options_that_differ


def seeds_of(group):
    return [run.seed for run in group.runs]


def rising(*confidences):
    return [[(0, confidence), (1, confidence)] for confidence in confidences]


@pytest.fixture
def replicates(tmp_path):
    """Give a folder of five runs: .1 to .5 after the first generation, .6 to 1 after another."""
    for seed in range(1, 6):
        course = rising(seed / 10, (seed + 5) / 10)
        write_run(tmp_path / "mnist" / f"mnist-{seed}", course, name="mnist", seed=seed)
    return tmp_path / "mnist"


def test_a_folder_of_replicates_is_one_group(replicates):
    (group,) = gather([replicates])
    assert (group.label, seeds_of(group)) == ("mnist", [1, 2, 3, 4, 5])


def test_runs_named_one_by_one_are_grouped_by_their_experiment(tmp_path):
    paths = []
    for name, seed, batch in (("a", 2, 10), ("b", 1, 20), ("a", 1, 10)):
        paths.append(
            write_run(tmp_path / f"{name}-{seed}", rising(0.5), name=name, seed=seed, batch=batch)
        )
    first, second = gather(paths)
    assert (first.label, seeds_of(first), second.label, seeds_of(second)) == ("a", [1, 2], "b", [1])


def test_a_folder_of_folders_of_replicates_is_as_many_groups(replicates, tmp_path):
    write_run(tmp_path / "other" / "other-1", rising(0.5), name="mnist")
    groups = gather([tmp_path])
    assert [group.folder for group in groups] == [replicates, tmp_path / "other"]
    assert [group.label for group in groups] == [
        f"mnist in {replicates}",
        f"mnist in {tmp_path / 'other'}",
    ]


def test_targets_that_score_otherwise_are_other_groups(tmp_path):
    paths = [write_run(tmp_path / key, rising(0.5), fingerprint=key) for key in ("a", "b")]
    assert len(gather(paths)) == 2


def test_groups_of_one_name_are_told_apart_by_their_options(tmp_path):
    paths = [
        write_run(tmp_path / f"{batch}", rising(0.5), batch=batch, options={"parents": batch})
        for batch in (10, 20)
    ]
    groups = gather(paths)
    assert [group.label for group in groups] == [
        "made-up (batch = 10, parents = 10)",
        "made-up (batch = 20, parents = 20)",
    ]
    assert options_that_differ(groups) == {
        "[scheme] batch": [10, 20],
        "[scheme] parents": [10, 20],
    }


def test_a_run_that_is_named_twice_counts_once(replicates):
    (group,) = gather([replicates, replicates / "mnist-2", replicates / "." / "mnist-3"])
    assert seeds_of(group) == [1, 2, 3, 4, 5]


def test_of_two_runs_with_one_seed_the_longer_one_counts(tmp_path):
    short = write_run(tmp_path / "short", rising(0.5))
    long = write_run(tmp_path / "long", rising(0.5, 0.6))
    (group,) = gather([short, long])
    assert [run.path for run in group.runs] == [long]
    assert [run.path for run in group.left_out] == [short]


def test_a_run_without_a_generation_is_left_out(replicates, tmp_path):
    write_run(replicates / "mnist-6", [], name="mnist", seed=6, length=2)
    (group,) = gather([replicates])
    assert seeds_of(group) == [1, 2, 3, 4, 5]
    assert [run.seed for run in group.left_out] == [6]
    with pytest.raises(RunError, match=r"mnist-6: nothing is recorded yet; wait"):
        gather([replicates / "mnist-6"])


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_without_runs_is_an_error_that_names_it(name, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=name):
        gather([tmp_path / name])


# statistics


def test_median_and_quartiles_over_seeds_are_the_known_ones(replicates):
    (group,) = gather([replicates])
    found = group.quartiles("median", np.array([0, 10, 15, 20]))
    expected = [[0, 0.2, 0.2, 0.7], [0, 0.3, 0.3, 0.8], [0, 0.4, 0.4, 0.9]]
    assert found == pytest.approx(np.array(expected))


def test_quartiles_lie_between_the_values_where_they_must(tmp_path):
    for seed, confidence in enumerate((0.1, 0.2, 0.4, 0.8), 1):
        write_run(tmp_path / f"r-{seed}", rising(confidence), seed=seed)
    (group,) = gather([tmp_path])
    assert group.quartiles("median", np.array([10]))[:, 0] == pytest.approx([0.175, 0.3, 0.5])


def test_where_less_than_half_of_the_runs_came_there_is_no_median(tmp_path):
    for seed, generations in ((1, 1), (2, 2), (3, 3), (4, 3)):
        course = rising(*(0.1 * seed + 0.01 * i for i in range(generations)))
        write_run(tmp_path / f"r-{seed}", course, seed=seed, length=4)
    (group,) = gather([tmp_path])
    median = group.quartiles("median", np.array([10, 20, 30, 40]))[1]
    assert median == pytest.approx([0.25, 0.31, 0.37, np.nan], nan_ok=True)
    assert group.reach == 30


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
