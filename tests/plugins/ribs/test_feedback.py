"""What emitters learn of their candidates: exact improvements, thresholds, and novelty."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neatfool import Archive, Candidate, Scores, rank
from neatfool_plugins.ribs import Options
from neatfool_plugins.ribs.feedback import MOST_MEASURES, Judge, Memory


def scores(logits, ok=None):
    logits = np.array(logits, np.float64)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    ok = np.ones(len(logits), bool) if ok is None else np.array(ok)
    return Scores(weights / weights.sum(1, keepdims=True), logits, ok)


def archive_of(*logits):
    archive = Archive(3)
    archive.offer([Candidate(n, None) for n in range(len(logits))], scores(logits))
    return archive


def test_value_is_the_largest_gain_over_all_niches():
    archive = archive_of([2, 0, 0])
    shown = scores([[3, 0, 0], [1, 0, 0], [0, 4, 0]])
    found = Judge(archive, 1.0, 1).judge(shown)
    assert found["status"].tolist() == [1, 1, 1]
    assert found["value"] == pytest.approx((rank(shown) - archive.ranks).max(1))
    # The second is worse at "a", and so better than the elite at the others.
    assert found["value"][1] == pytest.approx(rank(shown)[1, 1] - archive.ranks[1])


def test_what_is_nowhere_better_has_no_status_and_a_negative_value():
    archive = archive_of([3, 0, 0], [0, 3, 0], [0, 0, 3])
    found = Judge(archive, 1.0, 1).judge(scores([[1, 0, 0], [3, 0, 0]]))
    assert found["status"].tolist() == [0, 0]
    assert found["value"][0] < 0
    assert found["value"][1] == 0


def test_the_first_image_of_a_class_is_new():
    found = Judge(Archive(3), 1.0, 1).judge(scores([[1, 0, 0]]))
    assert found["status"].tolist() == [2]
    assert found["value"] == pytest.approx(rank(scores([[1, 0, 0]])).max(1))


def test_a_refused_image_teaches_finite_numbers_and_no_improvement():
    shown = scores([[1, 0, 0], [2, 0, 0]], ok=[False, True])
    broken = Scores(np.array([[np.nan] * 3, shown.probs[1]]), None, shown.ok)
    for each in (shown, broken):
        found = Judge(Archive(3), 1.0, 1).judge(each)
        assert found["status"].tolist() == [0, 2]
        assert np.isfinite(found["value"]).all()
        assert np.isfinite(found["measures"]).all()
        assert np.isfinite(found["ranks"]).all()


def test_a_threshold_rises_by_its_rate_and_lets_worse_images_pass():
    archive = archive_of([3, 0, 0], [0, 3, 0], [0, 0, 3])
    judge = Judge(archive, 0.25, 1)
    judge.thresholds = np.zeros(3)
    shown = scores([[1, 0, 0]])
    passed = rank(shown)[0, 0]
    assert 0 < passed < archive.ranks[0]
    found = judge.judge(shown)
    assert (found["status"].tolist(), found["value"].tolist()) == ([1], [passed])
    assert judge.thresholds.tolist() == pytest.approx([0.25 * passed, 0, 0])


def test_two_that_pass_raise_a_threshold_as_one_after_the_other_at_their_mean():
    judge = Judge(archive_of([3, 0, 0]), 0.25, 1)
    judge.thresholds = np.full(3, -20.0)
    shown = scores([[1, 0, 0], [2, 0, 0]])
    judge.judge(shown)
    mean = rank(shown).mean(0)
    assert judge.thresholds == pytest.approx(0.75**2 * -20 + (1 - 0.75**2) * mean)


def test_measures_are_log_probabilities():
    shown = scores([[1, 0, 0], [0, 50, 0]])
    found = Judge(Archive(3), 1.0, 1).judge(shown)
    assert found["measures"][0] == pytest.approx(np.log(shown.probs[0]))
    assert found["measures"][1].tolist() == [-20, 0, -20]
    alone = Judge(Archive(3), 1.0, 1).judge(Scores(shown.probs, None, shown.ok))
    assert alone["measures"] == pytest.approx(found["measures"])


def test_classes_that_do_not_exclude_one_another_have_their_own_probabilities():
    logits = np.array([[0.0, 3.0, -30.0], [9.0, 9.0, 9.0]])
    shown = Scores(1 / (1 + np.exp(-logits)), logits, np.ones(2, bool), alone=True)
    found = Judge(Archive(3), 1.0, 1).judge(shown)
    assert found["measures"] == pytest.approx(np.clip(np.log(shown.probs), -20, 0))


def test_of_many_classes_few_sums_keep_the_distances():
    logits = np.random.default_rng(0).normal(size=(40, 500)) * 3
    found = Judge(Archive(500), 1.0, 1).judge(scores(logits))["measures"]
    assert found.shape == (40, MOST_MEASURES)
    logs = np.log(scores(logits).probs)
    rows, others = np.triu_indices(40, 1)
    whole = np.linalg.norm(logs[rows] - logs[others], axis=1)
    summed = np.linalg.norm(found[rows] - found[others], axis=1)
    assert np.median(np.abs(summed / whole - 1)) < 0.15


def test_classes_that_are_found_later_are_judged_but_do_not_measure():
    archive = archive_of([3, 0, 0])
    judge = Judge(archive, 0.5, 1)
    judge.judge(scores([[1, 0, 0]]))
    archive.grow(4)
    found = judge.judge(scores([[0, 0, 0, 5]]))
    assert found["status"].tolist() == [2]
    assert found["measures"].shape == (1, 3)


@pytest.mark.parametrize("dominated", [False, True])
def test_what_is_far_from_all_is_the_most_novel(dominated):
    memory = Memory(Options(), 2, dominated=dominated)
    near = np.random.default_rng(0).normal(size=(30, 2))
    memory.add(np.ones(30), near)
    found = memory.add(np.zeros(2), np.array([[0.0, 0.0], [9.0, 9.0]]))
    novelty = found["dominated_novelty" if dominated else "novelty"]
    assert novelty[1] > 5 * novelty[0]


def test_dominated_novelty_counts_only_the_fitter():
    memory = Memory(Options(neighbours=1), 2, dominated=True)
    memory.add(np.array([5.0, 0.0]), np.array([[9.0, 0.0], [1.0, 0.0]]))
    found = memory.add(np.array([3.0, 9.0]), np.array([[0.0, 0.0], [0.0, 1.0]]))
    # The fitter neighbour of the first is at a distance of 1; the second has none.
    assert found["dominated_novelty"][0] == pytest.approx(1)
    assert found["dominated_novelty"][1] > 1e30


@pytest.mark.parametrize("dominated", [False, True])
def test_a_memory_is_bounded_and_goes_on_from_its_state(dominated):
    options = Options(memory=25, novelty_threshold=0.1)
    memory = Memory(options, 3, dominated=dominated)
    draw = np.random.default_rng(1)
    for _ in range(6):
        memory.add(draw.normal(size=10), draw.normal(size=(10, 3)))
    again = Memory(options, 3, dominated=dominated)
    again.restore(json.loads(json.dumps(memory.state())))
    for _ in range(4):
        fitness, measures = draw.normal(size=10), draw.normal(size=(10, 3))
        one, other = memory.add(fitness, measures), again.add(fitness, measures)
        assert {name: values.tolist() for name, values in one.items()} == {
            name: values.tolist() for name, values in other.items()
        }
        assert memory.state() == again.state()
