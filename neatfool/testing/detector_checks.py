"""The checks that every OOD detector must pass, on the answers of a made-up classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, get_args
from unittest import SkipTest

from neatfool.ood.detector import Answers, Detector, Needs
from neatfool.testing.checking import expect_gradients

if TYPE_CHECKING:
    import torch

CLASSES: Final = 4
FEATURES: Final = 6
FITTED: Final = 400
"""A detector is fitted to so many images."""
SCORED: Final = 24
CLOSE: Final = 1e-3
"""Scores may differ by this share, because a library may add numbers in another order."""


class DetectorSubject:
    """A detector under test: it has looked at a last layer, and is fitted if need be."""

    def __init__(self, make: Callable[[], Detector]) -> None:
        self._make = make

    @cached_property
    def detector(self) -> Detector:
        """The detector that the checks share."""
        return self.made()

    def made(self) -> Detector:
        """Make one, and prepare it as commands do."""
        import torch

        made = self._make()
        fault = f"{type(made).__name__} is no neatfool.ood.Detector; let its class inherit from it"
        assert isinstance(made, Detector), fault
        head = torch.nn.Linear(FEATURES, CLASSES).requires_grad_(False)
        head.weight.copy_(torch.eye(CLASSES, FEATURES) * 2)
        head.bias.zero_()
        made.look_at(head if made.needs == "features" else None)
        if made.fits:
            made.fit(self.answers(FITTED, made))
        return made

    def answers(self, count: int = SCORED, made: Detector | None = None) -> Answers:
        """Give answers to ``count`` images, of which each fourth looks like no class."""
        import torch

        draw = torch.Generator().manual_seed(count)
        features = torch.randn(count, FEATURES, generator=draw)
        rows = torch.arange(count)
        features[rows, rows % CLASSES] += 4.0 * (rows // CLASSES % 4 > 0)
        wanted = (made or self.detector).needs == "features"
        return Answers(features[:, :CLASSES] * 2, features if wanted else None)

    def compare(self, scores: torch.Tensor, others: torch.Tensor) -> bool:
        """Say whether scores are the same but for rounding."""
        return scores.double().allclose(others.double(), rtol=CLOSE, atol=CLOSE)


def check_says_what_it_needs(subject: DetectorSubject) -> None:
    needs, known = subject.detector.needs, get_args(Needs)
    assert needs in known, f"needs is {needs!r}; it is one of {', '.join(known)}"


def check_gives_each_image_a_number(subject: DetectorSubject) -> None:
    scores = subject.detector.score(subject.answers())
    shape = [*scores.shape]
    assert shape == [SCORED], f"score() gave the shape {shape}; give one number an image: [N]"
    assert scores.isfinite().all(), "a score is not a finite number"
    assert bool((scores != scores[0]).any()), "all images have one score; does it use the answers?"


def check_same_answers_score_the_same_bits(subject: DetectorSubject) -> None:
    once, again = (subject.detector.score(subject.answers()) for _ in range(2))
    assert once.equal(again), "the same answers, scored twice, differ; what is random in score()?"


def check_neighbours_do_not_matter(subject: DetectorSubject) -> None:
    answers = subject.answers()
    whole = subject.detector.score(answers)
    for row in range(SCORED):
        features = answers.features if answers.features is None else answers.features[row, None]
        alone = subject.detector.score(Answers(answers.logits[row, None], features))
        fault = f"an image scores {float(alone):g} alone and {float(whole[row]):g} among others"
        assert subject.compare(alone, whole[row, None]), f"{fault}; score each by itself"


def check_answers_are_not_written_to(subject: DetectorSubject) -> None:
    answers, before = subject.answers(), subject.answers()
    subject.detector.score(answers)
    for name in ("logits", "features"):
        given, expected = getattr(answers, name), getattr(before, name)
        assert given is None or given.equal(expected), f"score() changed {name}; work on a copy"


def check_probabilities_are_enough(subject: DetectorSubject) -> None:
    if subject.detector.needs != "probabilities":
        raise SkipTest(f"it needs {subject.detector.needs}")
    answers = subject.answers()
    of_log = subject.detector.score(replace(answers, logits=answers.probabilities.log()))
    assert subject.compare(subject.detector.score(answers), of_log), (
        "scores change if logits are logarithms of probabilities, which is all that some "
        "classifiers give; use answers.probabilities, or say that it needs logits"
    )


def check_fitting_again_gives_the_same(subject: DetectorSubject) -> None:
    if not subject.detector.fits:
        raise SkipTest("it is not fitted")
    scores = [made.score(subject.answers()) for made in (subject.detector, subject.made())]
    assert subject.compare(*scores), "fitted twice to the same images, it scores differently"


def check_gradients_pass(subject: DetectorSubject) -> None:
    if not subject.detector.differentiable:
        raise SkipTest("it says that it is not differentiable")
    answers = subject.answers()
    given = answers.logits if answers.features is None else answers.features
    given.requires_grad_()
    remedy = "stay with operations of torch, or leave differentiable out"
    expect_gradients(subject.detector.score(answers), given, "score()", remedy)
