"""A target under test, asked as a run asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.budget.ledger import Ledger, read_answers, write_answers
from neatfool.errors import TargetError
from neatfool.plugin.registration import keep_contract
from neatfool.scoring.answers import check_labels, check_scores
from neatfool.spec.scores import Labels, Scores
from neatfool.spec.target import Metered, Target
from neatfool.testing.checking import Subject, expect

if TYPE_CHECKING:
    from neatfool.spec.image_spec import ImageSpec


class TargetSubject(Subject):
    """A target under test; if it is metered, with a ``ledger`` without limits."""

    def __init__(self, make: Callable[[], Target]) -> None:
        self._make = make
        self.ledger = Ledger()

    def make(self) -> Target:
        """Make a new one."""
        return keep_contract(self._make(), Target)

    @cached_property
    def target(self) -> Target:
        """The target that the checks share."""
        target = self.make()
        if isinstance(target, Metered):
            target.meter(self.ledger)
        return target

    @cached_property
    def images(self) -> np.ndarray:
        """uint8 [8, C, H, W]."""
        return sample_images(self.target.spec)

    @cached_property
    def answer(self) -> np.ndarray:
        """The target's probabilities and logits for :attr:`images`, unchecked."""
        return self.ask(self.images)

    def show(self, images: np.ndarray) -> Scores:
        """Score a copy of images, unchecked. Classes that the target does not name get 0."""
        answers = [self.target.score(part) for part in self._parts(images)]
        if not isinstance(answers[0], Labels):
            return answers[0] if len(answers) == 1 else concatenate(answers)
        named = self._collect_labels(answers, len(images))
        known = set(self.spec.classes)
        kept = [{name: row[name] for name in row if name in known} for row in named.found]
        written = write_answers(Labels(kept, named.ok))
        return read_answers(written, [*self.spec.classes], self.spec)

    def _parts(self, images: np.ndarray) -> Iterator[Any]:
        """Copy images as the target wants them, in batches of at most its size."""
        size = self.target.batch_size if isinstance(self.target, Metered) else None
        for start in range(0, len(images), size or len(images)):
            part = images[start : start + (size or len(images))].copy()
            if self.target.spec.array == "numpy":
                yield part
            else:
                import torch

                yield torch.from_numpy(part)

    def _collect_labels(self, answers: Sequence[Scores | Labels], count: int) -> Labels:
        """Concatenate labels, and check them."""
        labels = [answer for answer in answers if isinstance(answer, Labels)]
        rows = [row for answer in labels for row in answer.found]
        oks = [[True] * len(each.found) if each.ok is None else each.ok for each in labels]
        try:
            answer = Labels(rows, [*chain(*oks)])
            return check_labels(answer, count, self.target.spec, "score()")
        except TargetError as error:
            raise AssertionError(str(error)) from error

    @cached_property
    def spec(self) -> ImageSpec:
        """The target's spec; if its list of classes is open, with those it names for the images."""
        spec = self.target.spec
        if not spec.open:
            return spec
        answers = [self.target.score(part) for part in self._parts(self.images)]
        expect(
            isinstance(answers[0], Labels),
            "a target with an open list of classes names them: let score() return neatfool.Labels",
        )
        named = self._collect_labels(answers, len(self.images)).found
        names = sorted({name for row in named for name in row} - {*spec.classes})
        return replace(spec, classes=(*spec.classes, *names), sums_to_one=False)

    def ask(self, images: np.ndarray) -> np.ndarray:
        """Score images; give float64 [N, K] or, with logits, [N, 2 K], unchecked."""
        answer = self.show(images)
        parts = [answer.probs] if answer.logits is None else [answer.probs, answer.logits]
        return np.concatenate([to_numbers(part) for part in parts], axis=1)

    def scores(self, images: np.ndarray, answer: Scores | None = None) -> Scores:
        """Score images, unless that was done, and check the answer as a run does."""
        answer = self.show(images) if answer is None else answer
        try:
            return check_scores(answer, len(images), self.spec, "score()")
        except TargetError as error:
            raise AssertionError(str(error)) from error

    def close(self) -> None:
        """Close the target, if it was made."""
        if "target" in vars(self):
            self.target.close()


def concatenate(answers: Sequence[Any]) -> Scores:
    """Concatenate answers."""
    logits = [each.logits for each in answers]
    oks = [np.ones(len(each.probs)) if each.ok is None else each.ok for each in answers]
    probs, ok = (
        np.concatenate([*map(to_numbers, part)]) for part in ([each.probs for each in answers], oks)
    )
    have_logits = all(each is not None for each in logits)
    rows = np.concatenate([*map(to_numbers, logits)]) if have_logits else None
    return Scores(probs, rows, ok.astype(bool))


def to_numbers(values: Any) -> np.ndarray:
    """Copy an array or a tensor on any device as float64."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.array(values, dtype=np.float64)


def sample_images(spec: ImageSpec) -> np.ndarray:
    """Make eight different images, uint8 [8, C, H, W]: plain, noisy, smooth and regular ones."""
    rng = np.random.default_rng(1502)
    channels, height, width = spec.shape
    rows, columns = np.mgrid[:height, :width]
    patterns = [
        np.zeros((height, width)),
        np.ones((height, width)),
        np.full((height, width), 0.5),
        (columns + 0.5) / width,
        (rows + columns) % 2,
        np.hypot(rows - height / 2, columns - width / 2) < min(height, width) / 3,
    ]
    noise = [rng.random(spec.shape), rng.random(spec.shape) > 0.9]
    plain = [np.broadcast_to(pattern, (channels, height, width)) for pattern in patterns]
    return np.rint(np.stack([*plain, *noise]) * 255.0).astype(np.uint8)
