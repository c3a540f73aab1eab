"""Each check of a target finds the fault that it is there for."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from neatfool import ImageSpec, Scores, Target, TargetError
from neatfool.testing import ToyTarget, check_plugin, examine_plugin


class Toy(ToyTarget):
    """A good target, to be spoilt."""

    logits_of = None


def faults(target):
    return [result.name for result in examine_plugin("target", target) if not result.passed]


def message(target, name):
    (result,) = [each for each in examine_plugin("target", target) if each.name == name]
    assert not result.passed
    return result.message


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
def test_a_good_target_keeps_its_contract(target):
    check_plugin("target", target)


def test_targets_are_closed():
    before = TorchTarget.closed
    check_plugin("target", TorchTarget)
    assert TorchTarget.closed == before + 2, "its own, and the one whose fingerprint is compared"


def test_a_test_that_fails_lists_all_faults():
    class Spoilt(Toy):
        def score(self, images):
            return Scores(super().score(images).probs * 2)

        def self_check(self) -> None:
            raise TargetError("accuracy is 9 %")

    with pytest.raises(AssertionError) as caught:
        check_plugin("target", Spoilt)
    lines = str(caught.value).splitlines()
    assert any(line.startswith("scores are as the spec says: ") for line in lines)
    assert any(line == "self check passes: accuracy is 9 %" for line in lines)


class NoSpec(Target):
    spec = "28x28"

    def score(self, images):
        return Scores(np.full((len(images), 2), 0.5))


def test_a_target_without_a_spec_cannot_be_made():
    assert faults(NoSpec) == ["can be made"]


def named(*classes):
    class Named(Toy):
        def __init__(self) -> None:
            super().__init__(ImageSpec(4, 4, 1, classes))

    return Named


def spoilt(spoil, **spec):
    """Make a target whose scores are spoilt by a function of the right ones."""

    class Spoilt(Toy):
        def __init__(self) -> None:
            super().__init__()
            self.spec = replace(self.spec, **spec)

        def score(self, images):
            return spoil(super().score(images))

    return Spoilt


def seeing(change):
    """Make a target that scores changed images."""

    class Seeing(Toy):
        def score(self, images):
            with np.errstate(invalid="ignore", divide="ignore"):
                return super().score(change(images))

    return Seeing


def with_method(name, method, base=Toy):
    return type("Spoilt", (base,), {name: method})


def by_its_own_range(images):
    low, high = images.min((1, 2, 3), keepdims=True), images.max((1, 2, 3), keepdims=True)
    return (images - low) / (high - low) * 255.0


def by_the_batchs_range(images):
    step = max(np.ptp(images), 1) / 8
    return np.round(images / step) * step


def black_out(images):
    images[images < 10] = 0
    return images


def wrong_odds(scores):
    probs = scores.probs.astype(float) / 2
    return Scores(probs, 2 * np.log(probs / (1 - probs)))


def recognise_none(target):
    raise TargetError("recognises 9 % of its own images")


class Noisy(Toy):
    calls = itertools.count()

    def score(self, images):
        return Scores(np.roll(super().score(images).probs, next(self.calls), axis=1))


class ById(Toy):
    count = itertools.count()

    def fingerprint(self) -> str:
        return f"object {next(self.count)}"


class Paid(Toy):
    def meter(self, ledger):
        self.ledger = ledger


def gradients(change):
    return with_method("logits_of", change, ToyTarget)


LOGITS = ToyTarget.logits_of
FAULTS = {
    "has a spec": [(named("a", " "), "names"), (named("crane", "owl", "crane"), "one name")],
    "scores are as the spec says": [
        (spoilt(lambda scores: scores.probs), ""),
        (spoilt(lambda scores: Scores(scores.probs.T)), ""),
        (spoilt(lambda scores: Scores(scores.probs[:, 1:])), ""),
        (spoilt(lambda scores: Scores(scores.logits)), ""),
        (spoilt(lambda scores: Scores(np.minimum(scores.probs * 2, 1))), ""),
        (spoilt(lambda scores: Scores(scores.probs * np.nan)), "finite"),
    ],
    "plain images are scored": [(seeing(by_its_own_range), "a black image")],
    "scores depend on the image": [(spoilt(lambda s: Scores(np.full_like(s.probs, 0.2))), "same")],
    "logits agree with probabilities": [
        (spoilt(lambda s: Scores(s.probs, s.logits * 2)), "differs"),
        (spoilt(lambda s: Scores(s.probs, s.logits[:, ::-1])), "same order of classes"),
        (spoilt(wrong_odds, sums_to_one=False), "each sigmoid"),
    ],
    "same images score the same bits": [(Noisy, "dropout")],
    "images are not written to": [(seeing(black_out), "copy")],
    "neighbours do not matter": [
        (seeing(lambda images: images * 0.9 + np.roll(images, 1, axis=0) * 0.1), "rows")
    ],
    "batch size does not matter": [
        (seeing(lambda images: images - images.mean(0, keepdims=True)), "normalisation"),
        (seeing(by_the_batchs_range), "quantised dynamically"),
    ],
    "requests are entered": [(Paid, "ledger.debit(len(images))")],
    "fingerprint is stable": [
        (ById, "same options"),
        (with_method("fingerprint", lambda target: 7), "text"),
    ],
    "self check passes": [(with_method("self_check", recognise_none), "9 %")],
    "photographs get the right shape": [
        (
            with_method("fit_photograph", lambda _, p: np.zeros((1, *p.size), np.uint8)),
            "[1, 90, 40]",
        )
    ],
    "logits of computes what score does": [
        (gradients(lambda toy, images: LOGITS(toy, images).detach()), "have no gradient"),
        (gradients(lambda toy, images: LOGITS(toy, images / 255)), "differs from score"),
        (gradients(lambda toy, images: LOGITS(toy, images)[:, :2]), "give a tensor"),
        (gradients(lambda toy, images: LOGITS(toy, images) + images.sum() * np.nan), "score()"),
        (gradients(lambda toy, images: LOGITS(toy, images.round())), "all zero"),
    ],
}


@pytest.mark.parametrize(
    ("check", "target", "words"),
    [(check, *case) for check, cases in FAULTS.items() for case in cases],
)
def test_a_fault_is_found_by_the_check_for_it(check, target, words):
    assert words in message(target, check)


class Picky(Toy):
    def score(self, images):
        plain = np.ptp(images, axis=(1, 2, 3)) == 0
        probs = np.where(plain[:, None], np.nan, super().score(images).probs)
        return Scores(probs, ok=~plain)


class Buffered(Toy):
    buffer = np.zeros((64, 5))

    def score(self, images):
        answer = self.buffer[: len(images)]
        answer[:] = super().score(images).probs
        return Scores(answer)


class Entered(Paid):
    def score(self, images):
        self.ledger.settle(self.ledger.debit(len(images)), "answered")
        return super().score(images)


@pytest.mark.parametrize(
    "target",
    [spoilt(lambda scores: Scores(scores.probs / 2), sums_to_one=False), Picky, Buffered, Entered],
    ids=["independent classes", "refuses images", "uses a buffer again", "metered"],
)
def test_what_a_target_may_do_is_no_fault(target):
    assert faults(target) == []


def test_an_exception_is_a_failure_that_says_where():
    class Raising(Toy):
        def score(self, images):
            raise IndexError("no such layer")

    text = message(Raising, "scores depend on the image")
    assert "failed on 8x1x4x4 images: IndexError: no such layer" in text
    assert "test_target_checks.py, line " in text


def test_a_differentiable_target_in_colour_keeps_its_contract():
    check_plugin("target", lambda: ToyTarget(ImageSpec(5, 4, 3, ("a", "b", "c"))))
