"""The checks that every OOD detector must pass, on the answers of a made-up classifier."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, get_args
from unittest import SkipTest

from neatfool.ood.detector import Answers, Detector, Needs
from neatfool.testing.batch_checks import BatchCall, BatchSubject

if TYPE_CHECKING:
    import torch

CLASSES: Final = 4
FEATURES: Final = 6
FITTED: Final = 400
"""A detector is fitted to so many images."""
SCORED: Final = 24
CLOSE: Final = 1e-3
"""Scores may differ by this share, because a library may add numbers in another order."""


class DetectorSubject(BatchSubject[Detector]):
    """A detector under test: it has looked at a last layer, and is fitted if need be."""

    @cached_property
    def made(self) -> Detector:
        """The detector that the checks share."""
        return self.prepared()

    def prepared(self) -> Detector:
        """Make one, and prepare it as commands do."""
        import torch

        made = self.make()
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
        wanted = (made or self.made).needs == "features"
        return Answers(features[:, :CLASSES] * 2, features if wanted else None)

    def calls(self) -> list[BatchCall]:
        """Score answers."""
        detector, answers = self.made, self.answers()

        def make() -> dict[str, torch.Tensor]:
            given = {"logits": answers.logits.clone()}
            if answers.features is not None:
                given["features"] = answers.features.clone()
            return given

        def score(**given: torch.Tensor) -> torch.Tensor:
            return detector.score(Answers(**given))

        why = None if detector.differentiable else "it says that it is not differentiable"
        return [BatchCall("score()", score, make, CLOSE, why)]

    def compare(self, scores: torch.Tensor, others: torch.Tensor) -> bool:
        """Say whether scores are the same but for rounding."""
        return scores.double().allclose(others.double(), rtol=CLOSE, atol=CLOSE)


def check_says_what_it_needs(subject: DetectorSubject) -> None:
    needs, known = subject.made.needs, get_args(Needs)
    assert needs in known, f"needs is {needs!r}; it is one of {', '.join(known)}"


def check_gives_each_image_a_number(subject: DetectorSubject) -> None:
    scores = subject.made.score(subject.answers())
    shape = [*scores.shape]
    assert shape == [SCORED], f"score() gave the shape {shape}; give one number an image: [N]"
    assert scores.isfinite().all(), "a score is not a finite number"
    assert bool((scores != scores[0]).any()), "all images have one score; does it use the answers?"


def check_probabilities_are_enough(subject: DetectorSubject) -> None:
    if subject.made.needs != "probabilities":
        raise SkipTest(f"it needs {subject.made.needs}")
    answers = subject.answers()
    of_log = subject.made.score(replace(answers, logits=answers.probabilities.log()))
    assert subject.compare(subject.made.score(answers), of_log), (
        "scores change if logits are logarithms of probabilities, which is all that some "
        "classifiers give; use answers.probabilities, or say that it needs logits"
    )


def check_fitting_again_gives_the_same(subject: DetectorSubject) -> None:
    if not subject.made.fits:
        raise SkipTest("it is not fitted")
    scores = [made.score(subject.answers()) for made in (subject.made, subject.prepared())]
    assert subject.compare(*scores), "fitted twice to the same images, it scores differently"
