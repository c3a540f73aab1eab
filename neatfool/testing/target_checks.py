"""The checks that every target must pass; it is asked as a run asks it."""

from __future__ import annotations

from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from unittest import SkipTest

import numpy as np

from neatfool.scoring.repeatability import compare_scores, probe_images
from neatfool.spec.scores import Scores
from neatfool.spec.target import Differentiable, MeteredTarget, Target
from neatfool.testing.checking import Subject

if TYPE_CHECKING:
    from neatfool.scoring.scorer import Scorer

IMAGES: Final = 8
CLOSE: Final = 1e-3
"""Probabilities may differ by this much, because a network may compute them in another form."""
TOLERANCE: Final = 1e-5
"""An image's scores may differ by this much with the other images of its batch."""


class TargetSubject(Subject[Target]):
    """A target under test; a metered one has a budget without limits."""

    @cached_property
    def scorer(self) -> Scorer:
        """What asks it, and checks what it answers."""
        from neatfool.scoring.plan import ScoringPlan
        from neatfool.scoring.scorer import Scorer

        return Scorer(self.made, name="the target", plan=ScoringPlan(IMAGES))

    @cached_property
    def images(self) -> np.ndarray:
        """Different images, uint8 [IMAGES, C, H, W]: plain, noisy, smooth and regular ones."""
        spec = self.made.spec
        rng, (rows, columns) = np.random.default_rng(1502), np.mgrid[: spec.height, : spec.width]
        disc = np.hypot(rows - spec.height / 2, columns - spec.width / 2) < min(rows.shape) / 3
        plain = [np.full(rows.shape, level) for level in (0, 1, 0.5)]
        regular = [(columns + 0.5) / spec.width, (rows + columns) % 2, disc]
        noise = [rng.random(spec.shape), rng.random(spec.shape) > 0.9]
        patterns = [np.broadcast_to(each, spec.shape) for each in (*plain, *regular, *noise)]
        return np.rint(np.stack(patterns) * 255.0).astype(np.uint8)

    def ask(self, images: np.ndarray, size: int = IMAGES) -> Scores:
        """Score images as a run does, ``size`` in a call."""
        import torch

        batches = self.scorer.batches
        batches.sizes[False] = size
        parts = [images[start : start + size] for start in range(0, len(images), size)]
        return batches.concatenate([self.scorer.score(torch.from_numpy(part)) for part in parts])

    @cached_property
    def scores(self) -> Scores:
        """What :attr:`images` score."""
        return self.ask(self.images)

    def compare(self, one: Scores, other: Scores) -> tuple[float, str]:
        """Find the largest difference between scores, and tell it."""
        spec = self.scorer.spec
        objective = spec.is_objective
        return compare_scores(one, other, spec.classes, logs=False, objective=objective)

    def give(self, images: np.ndarray) -> Any:
        """Copy images as the target takes them."""
        import torch

        copied = images.copy()
        return copied if self.made.spec.array == "numpy" else torch.from_numpy(copied)

    def close(self) -> None:
        """Close the target, if it was made."""
        if made := vars(self).get("scorer") or vars(self).get("target"):
            made.close()


def check_has_a_spec(subject: TargetSubject) -> None:
    classes = subject.made.spec.classes
    fault = "classes have empty names, or several have one name"
    named = all(map(str.strip, classes)) and len({*classes}) == len(classes)
    assert named, f"{fault}; neatfool.wording.distinct_names tells them apart"


def check_scores_are_as_the_spec_says(subject: TargetSubject) -> None:
    finite = np.any(subject.scores.ok)
    assert finite, f"none of {IMAGES} sample images got scores that are finite numbers"


def check_plain_images_are_scored(subject: TargetSubject) -> None:
    for name, place in {"a black image": 0, "a white image": 1, "an image of noise": 6}.items():
        image = subject.images[place : place + 1]
        if not np.all(subject.ask(image).ok):
            refused = subject.made.score(subject.give(image)).ok
            fault = f"the scores of {name} are not finite"
            said = refused is not None and not np.all(np.asarray(refused))
            assert said, f"{fault}; is something divided by an image's own range?"


def check_scores_depend_on_the_image(subject: TargetSubject) -> None:
    fault = f"{IMAGES} very different images got the same scores; does score() use its images?"
    with np.errstate(invalid="ignore"):  # in a grid's other cells it is -inf
        spread = np.ptp(subject.scores.probs, axis=0)
    assert not np.all(spread == 0), fault


def check_logits_agree_with_probabilities(subject: TargetSubject) -> None:
    from neatfool.scoring.wrapped_targets import temper

    if (scores := subject.scores).logits is None or subject.made.spec.is_objective:
        raise SkipTest("its scores have no logits")
    apart = np.abs(temper(scores, subject.made.spec, 1.0).probs - scores.probs)[scores.ok].max()
    assert apart <= CLOSE, (
        f"the softmax of the logits (or each sigmoid) differs from the probabilities by up to "
        f"{apart:.3g}; give the logits that they come from, in the same order of classes, or none"
    )


def check_same_images_score_the_same_bits(subject: TargetSubject) -> None:
    apart, words = subject.compare(subject.ask(subject.images), subject.ask(subject.images))
    fault = f"the same batch, scored twice, got {words}"
    assert apart == 0, f"{fault}; is there dropout or noise? (try .eval())"


def check_images_are_not_written_to(subject: TargetSubject) -> None:
    images = subject.images[: subject.made.batch_size]
    given = subject.give(images)
    subject.scorer.target.score(given)
    fault = "score() changed its images; work on a copy (images / 255 makes one)"
    assert np.array_equal(np.asarray(given), images), fault


def check_neighbours_do_not_matter(subject: TargetSubject) -> None:
    order = np.random.default_rng(0).permutation(len(subject.images))
    ordered = subject.ask(subject.images).part(order)
    apart, words = subject.compare(ordered, subject.ask(subject.images[order]))
    fault = f"in another order the same images got {words}; does score() mix up its rows?"
    assert apart <= TOLERANCE, fault


def check_batch_size_does_not_matter(subject: TargetSubject) -> None:
    images = probe_images(subject.made.spec)
    together = subject.ask(images)
    for size in (1, 3):
        apart, words = subject.compare(together, subject.ask(images, size))
        assert apart <= 100 * TOLERANCE, (
            f"in batches of {IMAGES} and of {size} an image got {words}; is batch normalisation in "
            "training mode (a torch module needs .eval()), or a graph quantised dynamically?"
        )


def check_requests_are_entered(subject: TargetSubject) -> None:
    if not isinstance(subject.made, MeteredTarget):
        raise SkipTest("it is not metered")
    subject.ask(subject.images[:1])  # refuses an answer without a debit


def check_fingerprint_is_stable(subject: TargetSubject) -> None:
    first: object = subject.made.fingerprint()
    if first == "":
        raise SkipTest("it has no fingerprint")
    with closing(subject.make()) as again:
        second = again.fingerprint()
    fault = f"targets with the same options have the fingerprints {first!r} and {second!r}"
    assert first == second and isinstance(first, str), f"{fault}; give the same text"


def check_self_check_passes(subject: TargetSubject) -> None:
    if type(subject.made).self_check is Target.self_check:
        raise SkipTest("it has no self_check")
    subject.made.self_check()


def check_photographs_get_the_right_shape(subject: TargetSubject) -> None:
    if type(subject.made).fit_photograph is Target.fit_photograph:
        raise SkipTest("it has no fit_photograph")
    from PIL import Image

    from neatfool.spec.fitting import fit_photograph

    for mode, size in (("RGB", (90, 40)), ("L", (40, 90)), ("RGBA", (500, 300))):
        fit_photograph(Image.new(mode, size), subject.made)  # refuses what does not fit


def check_logits_of_computes_what_score_does(subject: TargetSubject) -> None:
    target: object = subject.made
    if not isinstance(target, Differentiable):
        raise SkipTest("it has no logits_of")
    import torch

    pixels = torch.from_numpy(subject.images.copy()).float().requires_grad_()
    logits: Any = target.logits_of(pixels)
    scores = subject.scores
    shape = tuple(getattr(logits, "shape", ()))
    wanted = {each.shape for each in (scores.probs, scores.logits) if each is not None}
    fault = f"logits_of() gave {type(logits).__name__} {shape}"
    assert shape in wanted, f"{fault}; give a tensor {scores.probs.shape}"
    fault = "the logits of logits_of() have no gradient; do not detach, round, or use no_grad()"
    assert logits.requires_grad, fault
    ok = np.asarray(scores.ok)
    probs = logits.detach().double().softmax(1).cpu().numpy()
    if subject.made.spec.sums_to_one and ok.any():
        apart = float(np.abs(probs - scores.probs)[ok].max())
        fault = f"the softmax of logits_of() differs from score() by up to {apart:.2g}"
        assert apart <= CLOSE, f"{fault} (pixels: 0-255)"
    best = logits if subject.made.spec.is_objective else logits.double().log_softmax(1)
    (gradients,) = torch.autograd.grad(best[ok].max(1)[0].sum(), pixels)
    right = gradients.isfinite().all() and gradients.any()
    assert right, "the gradients of logits_of() by the pixels are all zero, or not finite"
