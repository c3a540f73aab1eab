"""Each check of a target finds the fault that it is there for."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from neatfool import ImageSpec, Scores, Target, TargetError
from neatfool.testing import ToyTarget, check_plugin, examine_plugin


class Toy(ToyTarget):
    """A good target, to be spoilt."""

    logits_of = None


def faults(target: type) -> list[str]:
    return [result.name for result in examine_plugin("target", target) if not result.passed]


def message(target: type, name: str) -> str:
    return next(
        result.message for result in examine_plugin("target", target) if result.name == name
    )


class TorchTarget(ToyTarget):
    """A target with half-precision torch answers, a fingerprint, a self check and an end."""

    closed = 0

    def __init__(self) -> None:
        super().__init__(ImageSpec(6, 5, 3, ("a", "b"), array="torch"))

    def score(self, images):
        import torch

        assert isinstance(images, torch.Tensor)
        scores = super().score(images)
        return Scores(torch.tensor(scores.probs).half().requires_grad_())

    def fingerprint(self) -> str:
        return "weights"

    def self_check(self) -> None:
        pass

    def close(self) -> None:
        TorchTarget.closed += 1


@pytest.mark.parametrize("target", [ToyTarget, TorchTarget])
def test_a_good_target_keeps_its_contract(target) -> None:
    check_plugin("target", target)


def test_targets_are_closed() -> None:
    before = TorchTarget.closed
    check_plugin("target", TorchTarget)
    assert TorchTarget.closed == before + 2, "its own, and the one whose fingerprint is compared"


def test_a_test_that_fails_lists_all_faults() -> None:
    class Spoilt(Toy):
        def score(self, images):
            return Scores(super().score(images).probs * 2)

        def self_check(self) -> None:
            raise TargetError("accuracy is 9 %")

    with pytest.raises(AssertionError) as caught:
        check_plugin("target", Spoilt)
    lines = str(caught.value).splitlines()
    assert any(line.startswith("scores are probabilities of each class: ") for line in lines)
    assert any(line == "self check passes: accuracy is 9 %" for line in lines)


def test_a_good_target_has_no_faults() -> None:
    assert faults(Toy) == []


class NoSpec(Target):
    spec = "28x28"

    def score(self, images):
        return Scores(np.full((len(images), 2), 0.5))


class NamelessClass(Toy):
    def __init__(self) -> None:
        super().__init__(ImageSpec(4, 4, 1, ("a", " ")))


class TwoOfOneName(Toy):
    def __init__(self) -> None:
        super().__init__(ImageSpec(4, 4, 1, ("crane", "owl", "crane")))


@pytest.mark.parametrize("target", [NamelessClass, TwoOfOneName])
def test_a_wrong_spec_is_found(target) -> None:
    assert "has a spec" in faults(target)


def test_a_target_without_a_spec_cannot_be_made() -> None:
    assert faults(NoSpec) == ["can be made"]


class Spoilt(Toy):
    """Spoils the answer."""

    def score(self, images):
        return self.spoil(super().score(images))


class BareArray(Spoilt):
    def spoil(self, scores):
        return scores.probs


class Transposed(Spoilt):
    def spoil(self, scores):
        return Scores(scores.probs.T)


class OneColumnTooFew(Spoilt):
    def spoil(self, scores):
        return Scores(scores.probs[:, 1:])


class LogitsForProbabilities(Spoilt):
    def spoil(self, scores):
        return Scores(scores.logits)


class SumIsTwo(Spoilt):
    def spoil(self, scores):
        return Scores(np.minimum(scores.probs * 2, 1))


class AlwaysNan(Spoilt):
    def spoil(self, scores):
        return Scores(scores.probs * np.nan)


@pytest.mark.parametrize(
    "target",
    [BareArray, Transposed, OneColumnTooFew, LogitsForProbabilities, SumIsTwo, AlwaysNan],
)
def test_what_are_not_probabilities_is_found(target) -> None:
    assert "scores are probabilities of each class" in faults(target)


def test_independent_classes_need_not_sum_to_one() -> None:
    class Independent(Spoilt):
        def __init__(self) -> None:
            super().__init__()
            self.spec = replace(self.spec, sums_to_one=False)

        def spoil(self, scores):
            return Scores(scores.probs / 2)

    assert faults(Independent) == []


def test_logits_that_rank_independent_classes_wrongly_are_found() -> None:
    class OwnLogits(Spoilt):
        def __init__(self) -> None:
            super().__init__()
            self.spec = replace(self.spec, sums_to_one=False)

        def spoil(self, scores):
            probs = scores.probs.astype(float) / 2
            return Scores(probs, 2 * np.log(probs / (1 - probs)))

    assert faults(OwnLogits) == ["logits agree with probabilities"]


def test_an_image_divided_by_its_own_range_is_found() -> None:
    class Standardised(Toy):
        def score(self, images):
            with np.errstate(invalid="ignore", divide="ignore"):
                low = images.min((1, 2, 3), keepdims=True)
                span = images.max((1, 2, 3), keepdims=True) - low
                return super().score((images - low) / span * 255.0)

    assert faults(Standardised) == ["plain images are scored"]
    assert "a black image" in message(Standardised, "plain images are scored")


def test_an_image_may_be_refused() -> None:
    class Picky(Toy):
        def score(self, images):
            plain = np.ptp(images, axis=(1, 2, 3)) == 0
            scores = super().score(images)
            probs = np.where(plain[:, None], np.nan, scores.probs)
            return Scores(probs, ok=~plain)

    assert faults(Picky) == []


def test_a_constant_answer_is_found() -> None:
    class Constant(Spoilt):
        def spoil(self, scores):
            return Scores(np.full_like(scores.probs, 1 / scores.probs.shape[1]))

    assert faults(Constant) == ["scores depend on the image"]


def test_logits_of_other_probabilities_are_found() -> None:
    class Scaled(Spoilt):
        def spoil(self, scores):
            return Scores(scores.probs, scores.logits * 2)

    class Reversed(Spoilt):
        def spoil(self, scores):
            return Scores(scores.probs, scores.logits[:, ::-1])

    assert faults(Scaled) == faults(Reversed) == ["logits agree with probabilities"]
    assert "same order of classes" in message(Reversed, "logits agree with probabilities")


def test_noise_is_found() -> None:
    class Noisy(Toy):
        calls = itertools.count()

        def score(self, images):
            scores = super().score(images)
            return Scores(np.roll(scores.probs, next(self.calls), axis=1))

    assert "same images score the same bits" in faults(Noisy)


def test_a_buffer_may_be_used_again() -> None:
    class Buffered(Toy):
        buffer = np.zeros((64, 5))

        def score(self, images):
            answer = self.buffer[: len(images)]
            answer[:] = super().score(images).probs
            return Scores(answer)

    assert faults(Buffered) == []


def test_images_written_to_are_found() -> None:
    class Writing(Toy):
        def score(self, images):
            images[images < 10] = 0
            return super().score(images)

    assert faults(Writing) == ["images are not written to"]


def test_statistics_of_the_batch_are_found() -> None:
    class BatchNorm(Toy):
        def score(self, images):
            return super().score(images - images.mean(0, keepdims=True))

    class WithItsNeighbour(Toy):
        def score(self, images):
            return super().score(images * 0.9 + np.roll(images, 1, axis=0) * 0.1)

    assert "batch size does not matter" in faults(BatchNorm)
    assert "neighbours do not matter" in faults(WithItsNeighbour)


def test_requests_that_are_not_entered_are_found() -> None:
    class Paid(Toy):
        def meter(self, ledger):
            self.ledger = ledger

    class Entered(Paid):
        def score(self, images):
            self.ledger.settle(self.ledger.debit(len(images)), "answered")
            return super().score(images)

    assert "requests are entered" in faults(Paid)
    assert "ledger.debit(len(images))" in message(Paid, "requests are entered")
    assert faults(Entered) == []


def test_rounding_by_the_range_of_the_batch_is_found() -> None:
    class Quantised(Toy):
        def score(self, images):
            step = max(np.ptp(images), 1) / 8
            return super().score(np.round(images / step) * step)

    assert faults(Quantised) == ["batch size does not matter"]
    assert "quantised dynamically" in message(Quantised, "batch size does not matter")


def test_an_unstable_fingerprint_is_found() -> None:
    class ById(Toy):
        count = itertools.count()

        def __init__(self) -> None:
            super().__init__()
            self.number = next(self.count)

        def fingerprint(self) -> str:
            return f"object {self.number}"

    class Number(Toy):
        def fingerprint(self) -> int:
            return 7

    assert faults(ById) == faults(Number) == ["fingerprint is stable"]


def test_a_failing_self_check_is_found() -> None:
    class Untrained(Toy):
        def self_check(self) -> None:
            raise TargetError("recognises 9 % of its own images")

    assert faults(Untrained) == ["self check passes"]
    assert "9 %" in message(Untrained, "self check passes")


def test_photographs_of_the_wrong_shape_are_found() -> None:
    class Square(Toy):
        def fit_photograph(self, photograph):
            return np.zeros((1, *photograph.size), np.uint8)

    assert faults(Square) == ["photographs get the right shape"]
    assert "a photograph of 90x40" in message(Square, "photographs get the right shape")


def test_an_exception_is_a_failure_that_says_where() -> None:
    class Raising(Toy):
        def score(self, images):
            raise IndexError("no such layer")

    text = message(Raising, "scores depend on the image")
    assert "failed on 8x1x4x4 images: IndexError: no such layer" in text
    assert "test_target_checks.py, line " in text


def test_a_differentiable_target_in_colour_keeps_its_contract() -> None:
    check_plugin("target", lambda: ToyTarget(ImageSpec(5, 4, 3, ("a", "b", "c"))))


@pytest.mark.parametrize(
    ("logits_of", "words"),
    [
        (lambda toy, images: ToyTarget.logits_of(toy, images).detach(), "have no gradient"),
        (lambda toy, images: ToyTarget.logits_of(toy, images / 255), "differs from score"),
        (lambda toy, images: ToyTarget.logits_of(toy, images)[:, :2], "give a tensor"),
        (lambda toy, images: ToyTarget.logits_of(toy, images) + images.sum() * np.nan, "score()"),
        (lambda toy, images: ToyTarget.logits_of(toy, images.round()), "all zero"),
    ],
)
def test_gradients_that_are_not_those_of_the_scores_are_found(logits_of, words) -> None:
    class Wrong(ToyTarget):
        pass

    Wrong.logits_of = logits_of
    assert faults(Wrong) == ["logits of computes what score does"]
    assert words in message(Wrong, "logits of computes what score does")
