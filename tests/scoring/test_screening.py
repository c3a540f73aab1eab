import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool import Scores, rank
from neatfool.scoring.screening import LEARNING, PAUSE, ScreeningMargin


def scores_of(logits, ok=None):
    logits = np.asarray(logits, float)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    ok = np.ones(len(logits), bool) if ok is None else np.array(ok)
    return Scores(weights / weights.sum(1, keepdims=True), logits, ok)


def learnt(error=0.1, count=LEARNING):
    """A screening that has seen errors of one size."""
    screening = ScreeningMargin()
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(count, 4)) * 3
    exact = scores_of(logits)
    shift = np.zeros_like(logits)
    shift[:, 0] = error
    screening.learn(scores_of(logits + shift), exact, count)
    return screening


def test_at_first_all_are_looked_at():
    screening = ScreeningMargin()
    assert screening.doubtful(scores_of(np.zeros((5, 3))), np.full(3, 100.0)).all()


def test_what_is_far_below_is_not_looked_at_again():
    screening = learnt(error=0.1)
    scores = scores_of([[3, 0, 0, 0], [2.999, 0, 0, 0], [-3, -3, -3, 0.0]])
    bar = rank(scores).max(0) + np.array([0.05, 9, 9, 9])
    assert screening.doubtful(scores, bar).tolist() == [True, True, False]


def test_what_may_beat_the_elite_but_not_the_best_of_the_batch_is_left_out():
    screening = learnt(error=0.01)
    scores = scores_of([[9, 0, 0, 0], [5, 0, 0, 0.0]])
    bar = np.array([1.0, 99, 99, 99])
    assert screening.doubtful(scores, bar).tolist() == [True, False]


def test_an_empty_niche_draws_the_best_of_the_batch():
    screening = learnt(error=0.01)
    scores = scores_of([[0, 4, 0, 0], [0, 3, 0, 0.0]])
    assert screening.doubtful(scores, np.array([99, -np.inf, 99, 99])).tolist() == [True, False]


def test_classes_that_are_not_searched_draw_nothing():
    screening = learnt()
    scores = scores_of(np.random.default_rng(1).normal(size=(20, 4)))
    assert not screening.doubtful(scores, np.full(4, np.inf)).any()


def test_what_half_precision_cannot_score_is_looked_at():
    screening = learnt()
    scores = scores_of([[0, 0, 0, 0], [0, 0, 0, 0.0]], ok=[True, False])
    assert screening.doubtful(scores, np.full(4, 50.0)).tolist() == [False, True]


@given(st.integers(0, 2**32 - 1), st.floats(0.001, 2.0))
def test_errors_within_the_margin_lose_no_elite(seed, size):
    draw = np.random.default_rng(seed)
    exact = draw.normal(size=(40, 6)) * 4
    screened = exact + draw.uniform(-size, size, exact.shape)
    off = np.abs(rank(scores_of(screened)) - rank(scores_of(exact))).max()
    screening = ScreeningMargin()
    screening.restore({"margin": off, "seen": LEARNING, "pause": 0})
    bar = draw.normal(size=6) * 8
    ranks = rank(scores_of(exact))
    doubtful = screening.doubtful(scores_of(screened), bar)
    for niche in np.flatnonzero(ranks.max(0) > bar):
        assert doubtful[ranks[:, niche].argmax()]


def test_the_margin_grows_at_once_and_shrinks_by_half():
    screening = learnt(error=0.1)
    before = screening.state()["margin"]
    draw = np.random.default_rng(2).normal(size=(64, 4))
    exact = scores_of(draw)
    screening.learn(exact, exact, 640)
    assert screening.state()["margin"] == pytest.approx(before / 2)
    screening.learn(scores_of(draw + np.array([5, 0, 0, 0])), exact, 640)
    assert screening.state()["margin"] > 2


def test_screening_pauses_where_it_does_not_pay():
    screening = learnt()
    exact = scores_of(np.random.default_rng(3).normal(size=(40, 4)))
    screening.learn(exact, exact, count=100)
    assert screening.begin()
    screening.learn(exact, exact, count=99)
    assert [screening.begin() for _ in range(PAUSE + 1)] == [False] * PAUSE + [True]


def test_a_state_goes_through_json_to_the_bit():
    screening, other = learnt(error=0.1234567), ScreeningMargin()
    other.restore(json.loads(json.dumps(screening.state())))
    assert other.state() == screening.state()
    scores = scores_of(np.random.default_rng(4).normal(size=(50, 4)) * 3)
    bar = rank(scores).max(0)
    assert (other.doubtful(scores, bar) == screening.doubtful(scores, bar)).all()


@pytest.mark.parametrize("count", [1, 7])
def test_images_without_numbers_teach_nothing(count):
    screening = ScreeningMargin()
    nothing = Scores(np.zeros((count, 3)), np.zeros((count, 3)), np.zeros(count, bool))
    screening.learn(nothing, nothing, count)
    assert screening.state()["margin"] == 0.0
