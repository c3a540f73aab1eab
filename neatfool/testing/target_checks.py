"""The checks that every target must pass; it is asked as a run asks it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import Any, Final
from unittest import SkipTest

import numpy as np

from neatfool.budget.ledger import Ledger, read_answers, write_answers
from neatfool.errors import NeatfoolError
from neatfool.scoring import answers as checked
from neatfool.scoring.repeatability import probe_images
from neatfool.spec.adopting import adopt
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import Labels, Scores
from neatfool.spec.target import Differentiable, Metered, Target

CLOSE: Final = 1e-3
"""Probabilities may differ by this much, because a network may compute them in another form."""
TOLERANCE: Final = 1e-5
"""An image's scores may differ by this much with the other images of its batch."""


class TargetSubject:
    """A target under test; if it is metered, with a ``ledger`` without limits."""

    def __init__(self, make: Callable[[], Target]) -> None:
        self._make = make
        self.ledger = Ledger()

    def make(self) -> Target:
        """Make a new one."""
        return adopt(self._make(), Target)

    @cached_property
    def target(self) -> Target:
        """The target that the checks share."""
        target = self.make()
        if isinstance(target, Metered):
            target.meter(self.ledger)
        return target

    @cached_property
    def images(self) -> np.ndarray:
        """Eight different images, uint8 [8, C, H, W]: plain, noisy, smooth and regular ones."""
        spec = self.target.spec
        rng, (rows, columns) = np.random.default_rng(1502), np.mgrid[: spec.height, : spec.width]
        disc = np.hypot(rows - spec.height / 2, columns - spec.width / 2)
        patterns = [
            *(np.full(rows.shape, level) for level in (0, 1, 0.5)),
            (columns + 0.5) / spec.width,
            (rows + columns) % 2,
            disc < min(rows.shape) / 3,
        ]
        noise = [rng.random(spec.shape), rng.random(spec.shape) > 0.9]
        plain = [np.broadcast_to(pattern, spec.shape) for pattern in patterns]
        return np.rint(np.stack([*plain, *noise]) * 255.0).astype(np.uint8)

    @cached_property
    def spec(self) -> ImageSpec:
        """The target's spec; if its list of classes is open, with those it names for the images."""
        spec = self.target.spec
        if not spec.open:
            return spec
        labels = self._name(self.images)
        assert labels is not None, (
            "a target with an open list of classes names them: let score() return neatfool.Labels"
        )
        names = sorted({name for row in labels.found for name in row} - {*spec.classes})
        return replace(spec, classes=(*spec.classes, *names), sums_to_one=False)

    def parts(self, images: np.ndarray) -> Iterator[Any]:
        """Copy images as the target wants them, in batches of at most its size."""
        size = self.target.batch_size if isinstance(self.target, Metered) else None
        for start in range(0, len(images), size or len(images)):
            part = images[start : start + (size or len(images))].copy()
            if self.target.spec.array == "numpy":
                yield part
            else:
                import torch

                yield torch.from_numpy(part)

    def _name(self, images: np.ndarray, answers: list[Any] | None = None) -> Labels | None:
        """Give the classes that the target names, checked; None if it gives scores."""
        answers = answers or [self.target.score(part) for part in self.parts(images)]
        if not isinstance(answers[0], Labels):
            return None
        oks = chain(*([True] * len(a.found) if a.ok is None else a.ok for a in answers))
        named = Labels([row for answer in answers for row in answer.found], [*oks])
        return checked.check_labels(named, len(images), self.target.spec, "score()")

    def show(self, images: np.ndarray) -> Scores:
        """Score a copy of images, unchecked. Classes that the target does not name get 0."""
        answers: list[Any] = [self.target.score(part) for part in self.parts(images)]
        if labels := self._name(images, answers):
            written, count = write_answers(labels), len(self.spec.classes)
            scores = read_answers(written, [*self.spec.classes], self.spec)
            return replace(scores, probs=scores.probs[:, :count])
        if len(answers) == 1:
            answer: Scores = answers[0]
            return answer
        logits = [each.logits for each in answers]
        oks = [np.ones(len(each.probs)) if each.ok is None else each.ok for each in answers]
        whole = all(each is not None for each in logits)
        return Scores(
            np.concatenate([to_numbers(each.probs) for each in answers]),
            np.concatenate([*map(to_numbers, logits)]) if whole else None,
            np.concatenate([*map(to_numbers, oks)]).astype(bool),
        )

    def ask(self, images: np.ndarray) -> np.ndarray:
        """Score images; give float64 [N, K] or, with logits, [N, 2 K], unchecked."""
        answer = self.show(images)
        parts = [answer.probs] if answer.logits is None else [answer.probs, answer.logits]
        return np.concatenate([to_numbers(part) for part in parts], axis=1)

    @cached_property
    def answer(self) -> np.ndarray:
        """What :meth:`ask` gives for :attr:`images`."""
        return self.ask(self.images)

    def scores(self, images: np.ndarray, answer: Scores | None = None) -> Scores:
        """Score images, unless that was done, and check the answer as a run does."""
        answer = self.show(images) if answer is None else answer
        return checked.check_scores(answer, len(images), self.spec, "score()")

    def close(self) -> None:
        """Close the target, if it was made."""
        if "target" in vars(self):
            self.target.close()


def to_numbers(values: Any) -> np.ndarray:
    """Copy an array or a tensor on any device as float64."""
    return np.array(checked.as_numbers(values, "scores", "score()"), dtype=np.float64)


def largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Give the largest difference, relative for scores above 1, infinite to NaN or infinity."""
    assert a.shape == b.shape, f"scores of equal batches have the shapes {a.shape} and {b.shape}"
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        apart = np.where(alike, 0.0, np.abs(a - b) / np.maximum(1, np.abs(a)))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def check_has_a_spec(subject: TargetSubject) -> None:
    """The target declares its images and its classes."""
    spec: object = subject.target.spec
    assert isinstance(spec, ImageSpec), (
        f"spec is {type(spec).__name__}; give the target an attribute "
        "spec = ImageSpec(height=..., width=..., channels=..., classes=...)"
    )
    known = spec.array in ("numpy", "torch")
    assert known, f"spec.array is {spec.array!r}; it is 'numpy' or 'torch'"
    blank = [index for index, name in enumerate(spec.classes) if not name.strip()]
    assert not blank, f"the classes {blank[:5]} have empty names; name each class"


def check_scores_are_probabilities_of_each_class(subject: TargetSubject) -> None:
    """``score`` gives Scores with probs [N, K] in [0, 1], which sum to one if the spec says so."""
    ok = subject.scores(subject.images).ok
    assert np.any(ok), "none of 8 sample images got scores that are finite numbers"


def check_plain_images_are_scored(subject: TargetSubject) -> None:
    """Black, white and noisy images get finite scores or are refused."""
    for name, place in {"a black image": 0, "a white image": 1, "an image of noise": 6}.items():
        image = subject.images[place : place + 1]
        answer = subject.show(image)
        scores = subject.scores(image, answer)
        refused = answer.ok is not None and not np.all(to_numbers(answer.ok))
        assert refused or np.all(scores.ok), (
            f"the scores of {name} are not finite numbers; is something divided by an image's "
            "own range or deviation?"
        )


def check_scores_depend_on_the_image(subject: TargetSubject) -> None:
    """Not all images score the same."""
    assert np.ptp(subject.scores(subject.images).probs, axis=0).max() > 0, (
        "8 very different images got the same scores; does score() use its images?"
    )


def check_logits_agree_with_probabilities(subject: TargetSubject) -> None:
    """The softmax of the logits, if there are any, is the probabilities."""
    scores = subject.scores(subject.images)
    if scores.logits is None:
        raise SkipTest("its scores have no logits")
    probs = scores.probs[scores.ok].astype(float)
    logits = scores.logits[scores.ok, : probs.shape[1]].astype(float)
    chosen = np.take_along_axis(probs, logits.argmax(1)[:, None], 1)[:, 0]
    assert np.allclose(chosen, probs.max(1), atol=CLOSE), (
        "the highest logit and the highest probability belong to different classes; "
        "logits are the values before the softmax, in the same order of classes"
    )
    if subject.target.spec.sums_to_one:
        weights = np.exp(logits - logits.max(1, keepdims=True))
        apart = np.abs(weights / weights.sum(1, keepdims=True) - probs).max()
        assert apart <= CLOSE, (
            f"the softmax of the logits differs from the probabilities by up to {apart:.3g}; "
            "give the logits that probs come from, or none"
        )
    elif scores.logits.shape == scores.probs.shape:
        with np.errstate(over="ignore"):
            apart = np.abs(1 / (1 + np.exp(-logits)) - probs).max()
        assert apart <= CLOSE, (
            f"the sigmoid of each class's logit differs from its probability by up to {apart:.3g}; "
            "where classes do not exclude one another, give that, no logits, or [N, K + 1] with a "
            "last column for none of the classes"
        )


def check_same_images_score_the_same_bits(subject: TargetSubject) -> None:
    """A batch that is scored twice gets equal scores, because resuming a run relies on it."""
    apart = largest_difference(subject.answer, subject.ask(subject.images))
    assert apart == 0, (
        f"the same batch scored {apart:.3g} differently the second time; does the target use "
        "dropout or noise? (a torch module needs .eval())"
    )


def check_answers_are_not_overwritten(subject: TargetSubject) -> None:
    """An answer keeps its values when the next batch is scored."""
    answer = subject.show(subject.images)
    before = to_numbers(answer.probs)
    subject.ask(subject.images[::-1])
    assert np.array_equal(before, to_numbers(answer.probs), equal_nan=True), (
        "scoring a second batch changed the scores of the first one; return a new array each time"
    )


def check_images_are_not_written_to(subject: TargetSubject) -> None:
    """The images are the same after scoring as before."""
    given = [*subject.parts(subject.images)]
    for part in given:
        subject.target.score(part)
    assert np.array_equal(np.concatenate([*map(np.asarray, given)]), subject.images), (
        "score() changed its images; work on a copy (images / 255 makes one)"
    )


def check_neighbours_do_not_matter(subject: TargetSubject) -> None:
    """An image's scores do not depend on its place in the batch."""
    order = np.random.default_rng(0).permutation(len(subject.images))
    apart = largest_difference(subject.ask(subject.images[order]), subject.answer[order])
    assert apart <= TOLERANCE, (
        f"in another order the same images score up to {apart:.3g} differently (at most "
        f"{TOLERANCE:g}); does score() normalise over the whole batch, or mix up its rows?"
    )


def check_batch_size_does_not_matter(subject: TargetSubject) -> None:
    """An image scores the same alone and in batches of any size."""
    images = probe_images(subject.target.spec)
    together = subject.ask(images)
    for size in (1, 3):
        parts = [subject.ask(images[i : i + size]) for i in range(0, len(images), size)]
        apart = largest_difference(np.concatenate(parts), together)
        assert apart <= 100 * TOLERANCE, (
            f"in a batch of {size} an image scores {apart:.3g} differently than in one of "
            f"{len(images)}; is batch normalisation in training mode (a torch module needs "
            ".eval()), or a graph quantised dynamically, by the range of the whole batch?"
        )


def check_requests_are_entered(subject: TargetSubject) -> None:
    """A metered target enters a request in the ledger before it sends it."""
    if not isinstance(subject.target, Metered):
        raise SkipTest("it is not metered")
    entered = subject.ledger.debits
    subject.show(subject.images[:1])
    assert subject.ledger.debits > entered, (
        "score() returned without a debit from the ledger that meter() got; call "
        "ledger.debit(len(images)) before each request"
    )


def check_fingerprint_is_stable(subject: TargetSubject) -> None:
    """A fingerprint, if there is one, is text, and the same for a new target."""
    first: object = subject.target.fingerprint()
    if first == "":
        raise SkipTest("it has no fingerprint")
    assert isinstance(first, str), f"fingerprint() gave {first!r}; return text"
    with closing(subject.make()) as again:
        second = again.fingerprint()
    assert first == second, (
        f"two targets with the same options have the fingerprints {first!r} and {second!r}; "
        "make it only from what decides the scores, such as a hash of the weights"
    )


def check_self_check_passes(subject: TargetSubject) -> None:
    """The target's own check, if there is one, raises nothing."""
    if type(subject.target).self_check is Target.self_check:
        raise SkipTest("it has no self_check")
    subject.target.self_check()


def check_photographs_get_the_right_shape(subject: TargetSubject) -> None:
    """``fit_photograph``, if there is one, takes photographs of any shape and colours."""
    if type(subject.target).fit_photograph is Target.fit_photograph:
        raise SkipTest("it has no fit_photograph")
    from PIL import Image

    from neatfool.spec.fitting import fit_photograph

    for mode, (width, height) in (("RGB", (90, 40)), ("L", (40, 90)), ("RGBA", (500, 300))):
        try:
            fit_photograph(Image.new(mode, (width, height)), subject.target)
        except NeatfoolError as error:
            message = f"{error}; a photograph of {width}x{height} pixels was {mode}"
            raise AssertionError(message) from error


def check_logits_of_computes_what_score_does(subject: TargetSubject) -> None:
    """``logits_of``, if the target has it, gives the logits of its scores, with a gradient."""
    target: object = subject.target
    if not isinstance(target, Differentiable):
        raise SkipTest("it has no logits_of")
    import torch

    pixels = torch.from_numpy(subject.images.copy()).float().requires_grad_()
    logits: Any = target.logits_of(pixels)
    scores = subject.scores(subject.images)
    shape = tuple(getattr(logits, "shape", ()))
    wanted = {each.shape for each in (scores.probs, scores.logits) if each is not None}
    assert isinstance(logits, torch.Tensor) and shape in wanted, (
        f"logits_of() gave {type(logits).__name__} {shape}; give a tensor {scores.probs.shape}"
    )
    assert logits.requires_grad, (
        "the logits of logits_of() have no gradient; do not detach, round, or compute under "
        "torch.no_grad() or inference_mode()"
    )
    ok = np.asarray(scores.ok)
    probs = logits.detach().double().softmax(1).cpu().numpy()
    if subject.target.spec.sums_to_one and ok.any():
        apart = float(np.abs(probs - scores.probs)[ok].max())
        assert apart <= CLOSE, (
            f"the softmax of logits_of() differs from score() by up to {apart:.2g}; both take "
            "pixels from 0 to 255, and log-probabilities are logits too"
        )
    (gradients,) = torch.autograd.grad(logits.double().log_softmax(1)[ok].max(1)[0].sum(), pixels)
    assert gradients.isfinite().all() and gradients.any(), (
        "the gradients of logits_of() by the pixels are all zero, or not finite"
    )
