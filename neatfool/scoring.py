"""Scoring: a target made safe and fast.

A target is called with batches of one fixed size, because a network's scores depend on it in
their last bits, and what it answers is checked before the search may see it.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from neatfool.answers import check_scores
from neatfool.errors import NeatfoolError, TargetError, blaming
from neatfool.network import in_form
from neatfool.scoring_plan import networks_of, part_size
from neatfool.screening import Screening
from neatfool.spec import Scores
from neatfool.torch_threads import threads_with_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from neatfool.network import Form
    from neatfool.scoring_plan import Plan
    from neatfool.spec import Target

    _Timed = tuple[Scores, float]


class Scorer:
    """Scores any number of images through a target, in checked batches of one size.

    Attributes:
        target: The target.
        name: What messages call it.
        plan: How it scores.
        screening: What screening has learnt; None where each image is scored exactly.
    """

    def __init__(self, target: Target, *, name: str, plan: Plan) -> None:
        self.target = target
        self.name = name
        self.plan = plan
        self.screening = Screening(plan.worth) if plan.screening else None
        self._networks = networks_of(target)
        # A target without networks may be one that only the thread that made it may call.
        self._threads = (
            threads_with_cores("neatfool-score", plan.threads, plan.workers)
            if self._networks
            else None
        )

    @property
    def batch_size(self) -> int:
        """Images a call, where they are scored exactly."""
        return self.plan.batch_size

    @property
    def device(self) -> str | None:
        """The kind of device that the target's networks compute on, None if it has none."""
        return self._networks[0].device.type if self._networks else None

    def score(self, images: torch.Tensor) -> Scores:
        """Score images exactly.

        Args:
            images: uint8 [N, C, H, W]; the target is given copies.

        Returns:
            Numpy arrays: probabilities [N, K], logits [N, K] or None, and ``ok`` [N], which is
            False for an image whose scores are not numbers; its row of probabilities is zero.

        Raises:
            TargetError: The target raised an exception, or answered with the wrong type or
                shape, or with what are not probabilities.
        """
        scoring = GenerationScoring(self, None)
        scoring.add(images)
        return scoring.result()

    def generation(self, bar: np.ndarray | None = None) -> GenerationScoring:
        """Begin to score a generation.

        Args:
            bar: float64 [K], the rank to exceed in each class for a score to matter; None: all do.
        """
        return GenerationScoring(self, bar)

    def part_size(self, generation_size: int) -> int:
        """Choose how many candidates to score at a time: whole batches."""
        return part_size(generation_size, self.plan)

    def close(self) -> None:
        """Close the target, if it can be closed."""
        if self._threads is not None:
            self._threads.shutdown()
        if close := getattr(self.target, "close", None):
            with blaming(self.name):
                close()

    def _begun(self, images: torch.Tensor, *, screen: bool = False) -> list[Future[_Timed]]:
        """Begin to score images, in as many tasks as there are threads for."""
        plan = self.plan
        form, size = (
            (plan.screen, plan.screening_batch) if screen else (plan.exact, plan.batch_size)
        )
        # A thread that ends a task has to wait for Python's lock; so as few tasks as will do.
        each = size if plan.workers > 1 else len(images)
        tasks = [images[start : start + each] for start in range(0, len(images), each)]
        return [self._submitted(partial(self._timed, task, form, size)) for task in tasks]

    def _submitted(self, task: Callable[[], _Timed]) -> Future[_Timed]:
        if self._threads is not None:
            return self._threads.submit(task)
        done: Future[_Timed] = Future()
        done.set_result(task())
        return done

    def _timed(self, images: torch.Tensor, form: Form, size: int) -> _Timed:
        began = time.perf_counter()
        with in_form(self._networks, form):
            starts = range(0, len(images), size)
            batches = [self._batch(images[start : start + size], size) for start in starts]
        return self._joined(batches), time.perf_counter() - began

    def _joined(self, parts: Sequence[Scores]) -> Scores:
        logits = [part.logits for part in parts if part.logits is not None]
        if logits and len(logits) != len(parts):
            raise TargetError(f"{self.name}: gave logits for some batches only; give all or none")
        return Scores(
            probs=np.concatenate([part.probs for part in parts]),
            logits=np.concatenate(logits) if logits else None,
            ok=np.concatenate([part.ok for part in parts if part.ok is not None]),
        )

    def _batch(self, images: torch.Tensor, size: int) -> Scores:
        count = len(images)
        # A copy for a target of its own ways: should it write to its images, what is saved must
        # not change. A network turns them into other numbers first.
        if count < size or not self._networks:
            images = _padded(images, size - count)
        answer = self._call(images)
        return check_scores(answer, size, self.target.spec, self.name, keep=count)

    def _call(self, images: torch.Tensor) -> Scores:
        try:
            if not self._networks:
                images = images.cpu()
            return self.target.score(
                images.cpu().numpy() if self.target.spec.array == "numpy" else images
            )
        except NeatfoolError:
            raise
        except Exception as error:
            shape = "x".join(map(str, images.shape))
            advice = "; give a smaller [target] batch_size" if "memory" in str(error) else ""
            raise TargetError(
                f"{self.name}: score() failed on {shape} images: {type(error).__name__}: {error}"
                f"{advice}"
            ) from error


class GenerationScoring:
    """A generation's images being scored, a part at a time, while others are made.

    Attributes:
        seconds: The time that the target took, if all its workers had always had work.
        confirmed: How many images were scored exactly.
    """

    def __init__(self, scorer: Scorer, bar: np.ndarray | None) -> None:
        """Begin; use :meth:`Scorer.generation`."""
        self.seconds = 0.0
        self.confirmed = 0
        self._scorer = scorer
        self._bar = bar
        self._images: list[torch.Tensor] = []
        self._begun: list[Future[_Timed]] = []
        screening = scorer.screening
        self._screening = screening if bar is not None and screening is not None else None
        if self._screening is not None and self._screening.paused:
            self._screening.skip()
            self._screening = None

    def add(self, images: torch.Tensor) -> None:
        """Score some images: at once, or in the scorer's own thread where it has one.

        Args:
            images: uint8 [n, C, H, W], which must not be changed any more.
        """
        self._images.append(images)
        self._begun += self._scorer._begun(images, screen=self._screening is not None)

    def result(self) -> Scores:
        """Wait for the scores of all images.

        Returns:
            As :meth:`Scorer.score`; where images were screened, ``exact`` says which of them were
            confirmed.

        Raises:
            TargetError: As :meth:`Scorer.score`.
        """
        scores = self._awaited(self._begun)
        if self._screening is None or self._bar is None:
            self.confirmed = len(scores.probs)
            return scores
        rows = np.flatnonzero(self._screening.doubtful(scores, self._bar))
        self.confirmed = len(rows)
        if not len(rows):
            return replace(scores, exact=np.zeros(len(scores.probs), np.bool_))
        exact = self._awaited(self._scorer._begun(self.images(rows)))
        self._screening.learn(scores.part(rows), exact, len(scores.probs))
        return _confirmed(scores, rows, exact)

    def images(self, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Give some of the generation's images: uint8 [n, C, H, W], where they were made."""
        import torch

        if not len(rows):
            return self._images[0][:0]
        ends = np.cumsum([len(part) for part in self._images])
        parts = np.searchsorted(ends, rows, side="right").tolist()
        starts = [0, *ends.tolist()]
        return torch.stack(
            [
                self._images[part][int(row) - starts[part]]
                for row, part in zip(rows, parts, strict=True)
            ]
        )

    def _awaited(self, begun: Sequence[Future[_Timed]]) -> Scores:
        done = [future.result() for future in begun]
        self.seconds += sum(seconds for _, seconds in done) / self._scorer.plan.workers
        return self._scorer._joined([scores for scores, _ in done])


def _confirmed(scores: Scores, rows: np.ndarray, exact: Scores) -> Scores:
    """Put the exact scores of some images in the place of their others."""
    probs, ok = scores.probs.copy(), np.asarray(scores.ok).copy()
    probs[rows], ok[rows] = exact.probs, exact.ok
    logits = None
    if scores.logits is not None and exact.logits is not None:
        logits = scores.logits.copy()
        logits[rows] = exact.logits
    looked_at = np.zeros(len(probs), np.bool_)
    looked_at[rows] = True
    return Scores(probs, logits, ok, looked_at)


def _padded(images: torch.Tensor, missing: int) -> torch.Tensor:
    import torch

    return torch.cat([images, images[-1:].expand(missing, *images.shape[1:])])
