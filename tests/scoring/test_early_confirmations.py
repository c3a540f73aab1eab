"""Exact scores that are begun while other images are still being screened."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Flat, Networked, images_of

from neatfool.scoring.plan import Plan
from neatfool.scoring.scorer import Scorer

PLAN = Plan(2, "cpu", graph="eager", screening="bf16", screening_batch=4, cores=2)
IMAGES = images_of(40)


class Target(Networked):
    """``called`` is told of each call."""

    def __init__(self, called=lambda precision, images: None, module=None):
        super().__init__(module or Flat())
        self._called = called

    def score(self, images):
        self._called(self.networks[0].form.precision, images)
        return super().score(images)


def scorer_of(target, *, early, plan=PLAN):
    scorer = Scorer(target, name="target 'x'", plan=plan)
    scorer.screening.restore({"margin": 0.05, "seen": 10_000, "pause": 0})
    scorer.screening.confirmed = 0.1 if early else 1.0
    return scorer


def scored(scorer, bar, images=IMAGES):
    scoring = scorer.generation(np.asarray(bar, np.float64))
    for start in range(0, len(images), 8):
        scoring.add(images[start : start + 8])
    return scoring, scoring.result()


@pytest.fixture(scope="module")
def both():
    made = [scorer_of(Target(), early=early) for early in (True, False)]
    yield made
    for scorer in made:
        scorer.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-3, 8) | st.just(np.inf), min_size=3, max_size=3))
def test_what_is_confirmed_and_learnt_is_the_same_as_without(both, bar):
    for scorer in both:
        scorer.screening.restore({"margin": 0.05, "seen": 10_000, "pause": 0})
    both[0].screening.confirmed, both[1].screening.confirmed = 0.1, 1.0
    (_, given), (_, expected) = (scored(scorer, bar) for scorer in both)
    for name in ("probs", "logits", "ok", "exact"):
        assert np.array_equal(getattr(given, name), getattr(expected, name))
    assert both[0].screening.state() == both[1].screening.state()


class Companions(Flat):
    """An image's logits depend on those that it is scored with, as dynamic quantisation has it."""

    def forward(self, pixels):
        return super().forward(pixels) * (1 + pixels.mean() / 1000)


def test_images_are_confirmed_with_the_same_companions_as_without():
    found = []
    for early in (True, False):
        target = Target(module=Companions())
        scorer = scorer_of(target, early=early, plan=replace(PLAN, batch_size=3))
        # A margin so wide that many are confirmed, some of which are surpassed later.
        scorer.screening.restore({"margin": 2.0, "seen": 10_000, "pause": 0})
        scoring, scores = scored(scorer, [0.5, 0.5, 0.5])
        assert 6 < scoring.confirmed < 30
        found.append((scores.probs, scores.logits, scorer.screening.state()))
        scorer.close()
    (probs, logits, state), (others, other_logits, other_state) = found
    assert np.array_equal(probs, others)
    assert np.array_equal(logits, other_logits)
    assert state == other_state


def test_an_idle_worker_confirms_while_the_other_still_screens():
    confirming = threading.Event()

    def called(precision, images):
        if precision == "fp32":
            confirming.set()
        elif torch.equal(images[-1], IMAGES[-1]):
            assert confirming.wait(30)

    scorer = scorer_of(Target(called), early=True)
    scoring, scores = scored(scorer, [1.0, 1.0, 1.0])
    assert scoring.confirmed == scores.exact.sum() > 0
    scorer.close()


@pytest.mark.parametrize(
    "otherwise",
    [{"confirmed": 0.5}, {"workers": 1}],
    ids=["many were confirmed", "one worker"],
)
def test_elsewhere_nothing_is_confirmed_before_all_is_screened(otherwise):
    calls = []
    plan = replace(PLAN, cores=otherwise.get("workers", 2))
    target = Target(lambda precision, images: calls.append(precision))
    scorer = scorer_of(target, early=True, plan=plan)
    scorer.screening.confirmed = otherwise.get("confirmed", 0.1)
    scored(scorer, [1.0, 1.0, 1.0])
    assert "fp32" in calls
    assert "bf16" not in calls[calls.index("fp32") :]
    scorer.close()


def test_out_of_memory_early_all_are_confirmed_in_smaller_batches():
    sizes = []

    def called(precision, images):
        if precision == "fp32":
            sizes.append(len(images))
            if len(images) > 1:
                raise torch.OutOfMemoryError("that is too much")

    scorer = scorer_of(Target(called), early=True)
    _, given = scored(scorer, [1.0, 1.0, 1.0])
    alone = scorer_of(Target(), early=False, plan=replace(PLAN, batch_size=1))
    _, expected = scored(alone, [1.0, 1.0, 1.0])
    assert scorer.batch_size == 1
    assert set(sizes) == {1, 2}
    scorer.close()
    alone.close()
    for name in ("probs", "logits", "ok", "exact"):
        assert np.array_equal(getattr(given, name), getattr(expected, name))
