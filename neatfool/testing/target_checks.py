"""The checks that every target must pass."""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final

import numpy as np

from neatfool.errors import NeatfoolError
from neatfool.scoring.repeatability import probe_images
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.target import Differentiable, Metered, Target
from neatfool.testing.checking import DoesNotApply, expect, require
from neatfool.testing.target_subject import TargetSubject, to_numbers

CLOSE: Final = 1e-3
"""Probabilities may differ by this much, because a network may compute them in another form."""
TOLERANCE: Final = 1e-5
"""An image's scores may differ by this much with the other images of its batch."""


def check_has_a_spec(subject: TargetSubject) -> None:
    """The target declares its images and its classes."""
    spec: object = subject.target.spec
    expect(
        isinstance(spec, ImageSpec),
        f"spec is {type(spec).__name__}; give the target an attribute "
        "spec = ImageSpec(height=..., width=..., channels=..., classes=...)",
    )
    assert isinstance(spec, ImageSpec)
    is_known = spec.array in ("numpy", "torch")
    expect(is_known, f"spec.array is {spec.array!r}; it is 'numpy' or 'torch'")
    blank = [index for index, name in enumerate(spec.classes) if not name.strip()]
    expect(not blank, f"the classes {blank[:5]} have empty names; name each class")


def check_scores_are_probabilities_of_each_class(subject: TargetSubject) -> None:
    """``score`` gives Scores with probs [N, K] in [0, 1], which sum to one if the spec says so."""
    scores = subject.scores(subject.images)
    expect(np.any(scores.ok), "none of 8 sample images got scores that are finite numbers")


def check_plain_images_are_scored(subject: TargetSubject) -> None:
    """Black, white and noisy images get finite scores or are refused."""
    plain = {"a black image": 0, "a white image": 1, "an image of noise": 6}
    for name, place in plain.items():
        image = subject.images[place : place + 1]
        answer = subject.show(image)
        scores = subject.scores(image, answer)
        refused = answer.ok is not None and not np.all(to_numbers(answer.ok))
        expect(
            refused or np.all(scores.ok),
            f"the scores of {name} are not finite numbers; is something divided by an image's "
            "own range or deviation?",
        )


def check_scores_depend_on_the_image(subject: TargetSubject) -> None:
    """Not all images score the same."""
    probs = subject.scores(subject.images).probs
    expect(
        np.ptp(probs, axis=0).max() > 0,
        "8 very different images got the same scores; does score() use its images?",
    )


def check_logits_agree_with_probabilities(subject: TargetSubject) -> None:
    """The softmax of the logits, if there are any, is the probabilities."""
    scores = subject.scores(subject.images)
    require(scores.logits is not None, "its scores have no logits")
    assert scores.logits is not None
    assert scores.ok is not None
    probs = scores.probs[scores.ok].astype(float)
    logits = scores.logits[scores.ok, : probs.shape[1]].astype(float)
    chosen = np.take_along_axis(probs, logits.argmax(1)[:, None], 1)[:, 0]
    expect(
        np.allclose(chosen, probs.max(1), atol=1e-3),
        "the highest logit and the highest probability belong to different classes; "
        "logits are the values before the softmax, in the same order of classes",
    )
    if subject.target.spec.sums_to_one:
        weights = np.exp(logits - logits.max(1, keepdims=True))
        apart = np.abs(weights / weights.sum(1, keepdims=True) - probs).max()
        expect(
            apart <= 1e-3,
            f"the softmax of the logits differs from the probabilities by up to {apart:.3g}; "
            "give the logits that probs come from, or none",
        )
    elif scores.logits.shape == scores.probs.shape:
        with np.errstate(over="ignore"):
            apart = np.abs(1 / (1 + np.exp(-logits)) - probs).max()
        expect(
            apart <= 1e-3,
            f"the sigmoid of each class's logit differs from its probability by up to {apart:.3g}; "
            "where classes do not exclude one another, give that, no logits, or [N, K + 1] with a "
            "last column for none of the classes",
        )


def check_same_images_score_the_same_bits(subject: TargetSubject) -> None:
    """A batch that is scored twice gets equal scores, because resuming a run relies on it."""
    apart = _largest_difference(subject.answer, subject.ask(subject.images))
    expect(
        apart == 0,
        f"the same batch scored {apart:.3g} differently the second time; does the target use "
        "dropout or noise? (a torch module needs .eval())",
    )


def check_answers_are_not_overwritten(subject: TargetSubject) -> None:
    """An answer keeps its values when the next batch is scored."""
    answer = subject.show(subject.images)
    before = to_numbers(answer.probs)
    subject.ask(subject.images[::-1])
    expect(
        np.array_equal(before, to_numbers(answer.probs), equal_nan=True),
        "scoring a second batch changed the scores of the first one; return a new array each time",
    )


def check_images_are_not_written_to(subject: TargetSubject) -> None:
    """The images are the same after scoring as before."""
    given = [*subject._parts(subject.images)]
    for part in given:
        subject.target.score(part)
    expect(
        np.array_equal(np.concatenate([np.asarray(part) for part in given]), subject.images),
        "score() changed its images; work on a copy (images / 255 makes one)",
    )


def check_neighbours_do_not_matter(subject: TargetSubject) -> None:
    """An image's scores do not depend on its place in the batch."""
    order = np.random.default_rng(0).permutation(len(subject.images))
    apart = _largest_difference(subject.ask(subject.images[order]), subject.answer[order])
    expect(
        apart <= TOLERANCE,
        f"in another order the same images score up to {apart:.3g} differently (at most "
        f"{TOLERANCE:g}); does score() normalise over the whole batch, or mix up its rows?",
    )


def check_batch_size_does_not_matter(subject: TargetSubject) -> None:
    """An image scores the same alone and in batches of any size."""
    images = probe_images(subject.target.spec)
    together = subject.ask(images)
    for size in (1, 3):
        parts = [subject.ask(images[i : i + size]) for i in range(0, len(images), size)]
        apart = _largest_difference(np.concatenate(parts), together)
        expect(
            apart <= 100 * TOLERANCE,
            f"in a batch of {size} an image scores {apart:.3g} differently than in one of "
            f"{len(images)}; is batch normalisation in training mode (a torch module needs "
            ".eval()), or a graph quantised dynamically, by the range of the whole batch?",
        )


def check_requests_are_entered(subject: TargetSubject) -> None:
    """A metered target enters a request in the ledger before it sends it."""
    require(isinstance(subject.target, Metered), "it is not metered")
    entered = subject.ledger.debits
    subject.show(subject.images[:1])
    expect(
        subject.ledger.debits > entered,
        "score() returned without a debit from the ledger that meter() got; call "
        "ledger.debit(len(images)) before each request",
    )


def check_fingerprint_is_stable(subject: TargetSubject) -> None:
    """A fingerprint, if there is one, is text, and the same for a new target."""
    first: object = subject.target.fingerprint()
    require(first != "", "it has no fingerprint")
    expect(isinstance(first, str), f"fingerprint() gave {first!r}; return text")
    with closing(subject.make()) as again:
        second = again.fingerprint()
    expect(
        first == second,
        f"two targets with the same options have the fingerprints {first!r} and {second!r}; "
        "make it only from what decides the scores, such as a hash of the weights",
    )


def check_self_check_passes(subject: TargetSubject) -> None:
    """The target's own check, if there is one, raises nothing."""
    require(type(subject.target).self_check is not Target.self_check, "it has no self_check")
    subject.target.self_check()


def check_photographs_get_the_right_shape(subject: TargetSubject) -> None:
    """``fit_photograph``, if there is one, takes photographs of any shape and colours."""
    own = type(subject.target).fit_photograph is not Target.fit_photograph
    require(own, "it has no fit_photograph")
    from PIL import Image

    from neatfool.spec.fitting import fit_photograph

    for mode, size in (("RGB", (90, 40)), ("L", (40, 90)), ("RGBA", (500, 300))):
        try:
            fit_photograph(Image.new(mode, size), subject.target)
        except NeatfoolError as error:
            expect(False, f"{error}; a photograph of {size[0]}x{size[1]} pixels was {mode}")


def check_logits_of_computes_what_score_does(subject: TargetSubject) -> None:
    """``logits_of``, if the target has it, gives the logits of its scores, with a gradient."""
    target: object = subject.target
    if not isinstance(target, Differentiable):
        raise DoesNotApply("it has no logits_of")
    import torch

    pixels = torch.from_numpy(subject.images.copy()).float().requires_grad_()
    logits: Any = target.logits_of(pixels)
    scores = subject.scores(subject.images)
    shape = tuple(getattr(logits, "shape", ()))
    expect(
        isinstance(logits, torch.Tensor)
        and shape in {each.shape for each in (scores.probs, scores.logits) if each is not None},
        f"logits_of() gave {type(logits).__name__} {shape}; give a tensor {scores.probs.shape}",
    )
    expect(
        logits.requires_grad,
        "the logits of logits_of() have no gradient; do not detach, round, or compute under "
        "torch.no_grad() or inference_mode()",
    )
    ok = np.asarray(scores.ok)
    probs = logits.detach().double().softmax(1).cpu().numpy()
    if subject.target.spec.sums_to_one and ok.any():
        apart = float(np.abs(probs - scores.probs)[ok].max())
        expect(
            apart <= CLOSE,
            f"the softmax of logits_of() differs from score() by up to {apart:.2g}; both take "
            "pixels from 0 to 255, and log-probabilities are logits too",
        )
    (gradients,) = torch.autograd.grad(logits.double().log_softmax(1)[ok].max(1)[0].sum(), pixels)
    expect(
        bool(gradients.isfinite().all()) and bool(gradients.any()),
        "the gradients of logits_of() by the pixels are all zero, or not finite",
    )


def _largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Give the largest difference, relative for scores above 1, infinite to NaN or infinity."""
    expect(a.shape == b.shape, f"scores of equal batches have the shapes {a.shape} and {b.shape}")
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        apart = np.where(alike, 0.0, np.abs(a - b) / np.maximum(1, np.abs(a)))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
