from dataclasses import replace

import numpy as np
import pytest
import torch

from neatfool import ImageSpec, Labels, Network, Scores, Target, TargetError
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer

SPEC = ImageSpec(2, 2, 1, ("a", "b", "c"))


class Answers(Target):
    """A target that answers with what a function makes of the images."""

    def __init__(self, answer, spec=SPEC):
        self.spec = spec
        self._answer = answer
        self.sizes = []

    def score(self, images):
        self.sizes.append(images.shape)
        return self._answer(images)


def uniform(images):
    return Scores(np.full((len(images), 3), 1 / 3))


def images(count):
    return torch.arange(count * 4, dtype=torch.uint8).reshape(count, 1, 2, 2)


def score(answer, count=5, spec=SPEC):
    return Scorer(Answers(answer, spec), name="target 'x'", plan=ScoringPlan(2)).score(
        images(count)
    )


def test_each_call_has_the_same_size_and_the_padding_is_dropped():
    target = Answers(uniform)
    scores = Scorer(target, name="x", plan=ScoringPlan(4)).score(images(6))
    assert target.sizes == [(4, 1, 2, 2), (4, 1, 2, 2)]
    assert scores.probs.shape == (6, 3)
    assert scores.ok.tolist() == [True] * 6


def test_the_array_is_the_one_that_the_spec_asks_for():
    def is_torch(batch):
        assert isinstance(batch, torch.Tensor)
        return Scores(torch.full((len(batch), 3), 1 / 3, dtype=torch.bfloat16))

    spec = ImageSpec(2, 2, 1, ("a", "b", "c"), array="torch", sums_to_one=False)
    assert score(is_torch, spec=spec).probs.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_numbers_are_refused_and_zero(bad):
    def one_bad(batch):
        probs = np.full((len(batch), 3), 1 / 3)
        probs[batch[:, 0, 0, 0] == 4] = bad
        return Scores(probs)

    scores = score(one_bad)
    assert scores.ok.tolist() == [True, False, True, True, True]
    assert scores.probs[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("bad", [[np.nan, 0, 0], [np.inf, 0, 0], [-np.inf] * 3])
def test_logits_that_are_not_numbers_refuse_their_row(bad):
    def bad_logit(batch):
        logits = np.zeros((len(batch), 3))
        logits[0] = bad
        return Scores(np.full((len(batch), 3), 1 / 3), logits)

    assert score(bad_logit, count=2).ok.tolist() == [False, True]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: np.full((len(x), 3), 1 / 3), "returned ndarray"),
        (lambda x: Scores(np.full((len(x), 4), 1 / 4)), r"shape \(2, 4\)"),
        (lambda x: Scores(np.full(len(x), 1.0)), r"shape \(2,\)"),
        (lambda x: Scores(np.full((len(x), 3), 5.0)), "logits="),
        (lambda x: Scores(np.full((len(x), 3), 0.2)), "sum to 0.6"),
        (lambda x: Scores([["a"] * 3] * len(x)), "not numbers"),
        (lambda x: Scores(np.full((len(x), 3), 1 / 3), np.zeros((len(x), 2))), "logits have"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error_that_names_the_target(answer, words):
    with pytest.raises(TargetError, match=words) as caught:
        score(answer)
    assert "target 'x'" in str(caught.value)


def test_classes_that_do_not_exclude_one_another_need_not_sum_to_one():
    spec = ImageSpec(2, 2, 1, ("a", "b", "c"), sums_to_one=False)
    assert score(lambda x: Scores(np.full((len(x), 3), 0.9)), spec=spec).ok.all()


class Halving(Target):
    """A network, and a score() that halves the images that it is given, where they lie."""

    spec = ImageSpec(2, 2, 1, ("a", "b", "c"), array="torch")

    def __init__(self):
        module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3)).eval()
        self.networks = [Network(module, device="cpu", outputs="logits")]

    def score(self, images):
        images //= 2
        return self.networks[0].score(images)


@pytest.mark.parametrize("plan", [ScoringPlan(3, "cpu"), ScoringPlan(3, "cpu", screening="bf16")])
def test_a_target_that_writes_to_its_images_changes_nothing_that_is_saved(plan):
    scorer = Scorer(Halving(), name="x", plan=replace(plan, screening_batch=6))
    given = images(6)
    scoring = scorer.generation(np.zeros(3))
    scoring.add(given)
    scores = scoring.result()
    scorer.close()
    assert torch.equal(given, images(6))
    halved = Halving.score.__get__(scorer.target)(images(6))
    np.testing.assert_allclose(scores.probs, halved.probs, atol=1e-6)


def test_a_target_may_give_one_buffer_at_each_call():
    buffer = np.zeros((2, 3))

    def first_pixel(batch):
        buffer[:, 0] = batch[:, 0, 0, 0]
        weights = np.exp(buffer - buffer.max(1, keepdims=True))
        return Scores(weights / weights.sum(1, keepdims=True), buffer)

    assert score(first_pixel).logits[:, 0].tolist() == [0, 4, 8, 12, 16]


def test_a_target_that_costs_nothing_may_name_classes_as_they_turn_up():
    spec = ImageSpec(2, 2, 1, ("first",), sums_to_one=False, open=True)

    def name(pixels):
        return Labels([{f"begins with {each[0, 0, 0]}": 0.5, "first": 1.0} for each in pixels])

    scorer = Scorer(Answers(name, spec), name="target 'x'", plan=ScoringPlan(2))
    scores = scorer.score(images(5))  # in batches of two
    names = ("first", *(f"begins with {4 * number}" for number in range(5)))
    assert scorer.spec.classes == names
    expected = np.hstack([np.ones((5, 1)), 0.5 * np.eye(5)])
    assert np.array_equal(scores.probs, expected)


def test_a_target_whose_classes_are_all_known_names_no_others():
    named = score(lambda pixels: Labels([{"a": 1.0}, {"d": 1.0}]), 2)
    assert named.ok.tolist() == [True, False]
