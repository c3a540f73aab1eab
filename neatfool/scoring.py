"""Scoring: a target made safe and fast.

A target is called with batches of one fixed size, because a network's scores depend on it in
their last bits, and what it answers is checked before the search may see it.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn, cast

import numpy as np

from neatfool.answers import check_scores
from neatfool.batch_sizes import BatchSizes
from neatfool.errors import NeatfoolError, TargetError, blaming
from neatfool.generation_images import GenerationImages
from neatfool.ledger import Budget
from neatfool.memory import OutOfMemory, is_out_of_memory
from neatfool.metering import MeteredTarget, is_metered
from neatfool.scoring_plan import networks_of, part_size
from neatfool.screening import Screening
from neatfool.spec import Scores
from neatfool.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from neatfool.metering import MeteredScoring
    from neatfool.scoring_plan import Plan
    from neatfool.spec import ImageSpec, Json, Target

    _Timed = tuple[Scores, float]


class Scorer:
    """Scores any number of images through a target, in checked batches of one size.

    Attributes:
        target: The target.
        name: What messages call it.
        plan: How it scores.
        sizes: How many images a call has: those of the plan, or fewer.
        screening: What screening has learnt; None where each image is scored exactly.
        metered: The target with its ledger, if asking it costs something; else None.
    """

    def __init__(
        self, target: Target, *, name: str, plan: Plan, budget: Budget | None = None
    ) -> None:
        """Make a target safe.

        Args:
            target: The target.
            name: What messages call it.
            plan: How it scores.
            budget: What may be spent, if asking the target costs something.
        """
        self.target = target
        self.name = name
        self.plan = plan
        self.sizes = BatchSizes(name, plan)
        self.screening = Screening(plan.worth) if plan.screening else None
        self.metered = (
            MeteredTarget(target, name=name, batch_size=plan.batch_size, budget=budget or Budget())
            if is_metered(target)
            else None
        )
        self._networks = networks_of(target)
        # A target without networks may be one that only the thread that made it may call.
        self._workers = (
            Workers("neatfool-score", self._networks, plan.threads, plan.workers)
            if self._networks
            else None
        )

    @property
    def spec(self) -> ImageSpec:
        """The target's spec, with the classes that have turned up."""
        return self.metered.spec if self.metered is not None else self.target.spec

    @property
    def batch_size(self) -> int:
        """Images a call, where they are scored exactly."""
        return self.sizes.exact

    @property
    def workers(self) -> int:
        """Calls at a time."""
        return self._workers.count if self._workers is not None else 1

    @property
    def scores_meanwhile(self) -> bool:
        """Whether images are scored in threads of their own, while others are made."""
        return self._workers is not None

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
            BudgetSpent: It costs something, and there is no budget for it.
        """
        if self.metered is not None:
            return self.metered.score(images)
        scoring = GenerationScoring(self, None)
        scoring.add(images)
        return scoring.result()

    def generation(self, bar: np.ndarray | None = None) -> GenerationScoring | MeteredScoring:
        """Begin to score a generation.

        Args:
            bar: float64 [K], the rank to exceed in each class for a score to matter; None: all do.
        """
        if self.metered is not None:
            return self.metered.generation()
        return GenerationScoring(self, bar)

    def part_size(self, generation_size: int) -> int:
        """Choose how many candidates to score at a time: whole batches."""
        if self.metered is not None:
            return generation_size
        return part_size(generation_size, replace(self.plan, batch_size=self.sizes.exact))

    def state(self) -> dict[str, Json]:
        """Give what a resumed run needs to know."""
        screening = self.screening.state() if self.screening is not None else None
        state: dict[str, Json] = {"screening": screening, "halvings": [*self.sizes.halvings]}
        if self.metered is not None:
            state["answers"] = self.metered.state()
        return state

    def restore(self, state: dict[str, Json]) -> None:
        """Go on from a state."""
        self.sizes.restore(state.get("halvings", ()))
        if self.metered is not None:
            self.metered.restore(state["answers"])
        if self.screening is not None:
            self.screening.restore(state["screening"])

    def close(self) -> None:
        """Close the target, if it can be closed."""
        if self.metered is not None:
            with blaming(self.name):
                self.metered.close()
            return
        if self._workers is not None:
            self._workers.shutdown()
        if close := getattr(self.target, "close", None):
            with blaming(self.name):
                close()

    def _halve(self, *, screen: bool, cause: str) -> None:
        self.sizes.halve(screen=screen, cause=cause)
        for network in self._networks:
            network.forget()

    def _begun(
        self, images: torch.Tensor, *, screen: bool = False, first: int = 0
    ) -> list[Future[_Timed]]:
        """Begin to score images, in as many tasks as there are threads for.

        Args:
            images: The images.
            screen: Whether to screen them.
            first: The number of the first task in its generation.
        """
        size = self.sizes.of(screen=screen)
        # A thread that ends a task has to wait for Python's lock; so as few tasks as will do.
        each = size if self.workers > 1 else len(images)
        tasks = [images[start : start + each] for start in range(0, len(images), each)]
        return [
            self._submitted(first + number, partial(self._timed, task, size), screen=screen)
            for number, task in enumerate(tasks)
        ]

    def _submitted(
        self, number: int, task: Callable[[], _Timed], *, screen: bool
    ) -> Future[_Timed]:
        if self._workers is not None:
            form = self.plan.screen if screen else self.plan.exact
            return self._workers.submit(number, form, task)
        done: Future[_Timed] = Future()
        try:
            done.set_result(task())
        except OutOfMemory as error:
            done.set_exception(error)
        return done

    def _timed(self, images: torch.Tensor, size: int) -> _Timed:
        began = time.perf_counter()
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
            given = images.cpu().numpy() if self.target.spec.array == "numpy" else images
            return cast("Scores", self.target.score(given))
        except Exception as error:
            if not is_out_of_memory(error):
                self._blame(images, error)
            said = f"{type(error).__name__}: {error}".split("\n", 1)[0]
        # Raised outside of the handler, so that nothing holds on to the memory of what failed.
        raise OutOfMemory(said)

    def _blame(self, images: torch.Tensor, error: Exception) -> NoReturn:
        if isinstance(error, NeatfoolError):
            raise error
        shape = "x".join(map(str, images.shape))
        raise TargetError(
            f"{self.name}: score() failed on {shape} images: {type(error).__name__}: {error}"
        ) from error


class GenerationScoring:
    """A generation's images being scored, a part at a time, while others are made.

    Attributes:
        images: The images.
        full: Whether no further images can be scored: never.
        spent: What there is no budget for: nothing.
        seconds: The time that the target took, if all its workers had always had work.
        confirmed: How many images were scored exactly.
    """

    full: Final = False
    spent: Final = ""

    def __init__(self, scorer: Scorer, bar: np.ndarray | None) -> None:
        """Begin; use :meth:`Scorer.generation`."""
        self.seconds = 0.0
        self.confirmed = 0
        self._scorer = scorer
        self._bar = bar
        self.images = GenerationImages()
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
        self.images.add(images)
        self._begun += self._scorer._begun(images, screen=self._screens, first=len(self._begun))

    def result(self) -> Scores:
        """Wait for the scores of all images.

        Returns:
            As :meth:`Scorer.score`; where images were screened, ``exact`` says which of them were
            confirmed.

        Raises:
            TargetError: As :meth:`Scorer.score`.
        """
        scores = self._whole(self.images.parts(), self._begun, screen=self._screens)
        if self._screening is None or self._bar is None:
            self.confirmed = len(scores.probs)
            return scores
        rows = np.flatnonzero(self._screening.doubtful(scores, self._bar))
        self.confirmed = len(rows)
        if not len(rows):
            return replace(scores, exact=np.zeros(len(scores.probs), np.bool_))
        doubtful = self.images.pick(rows)
        exact = self._whole([doubtful], self._scorer._begun(doubtful), screen=False)
        self._screening.learn(scores.part(rows), exact, len(scores.probs))
        return _confirmed(scores, rows, exact)

    def cancel(self) -> None:
        """Do not score what is not being scored yet; there is to be no result."""
        for future in self._begun:
            future.cancel()

    @property
    def _screens(self) -> bool:
        return self._screening is not None

    def _whole(
        self, parts: Sequence[torch.Tensor], begun: Sequence[Future[_Timed]], *, screen: bool
    ) -> Scores:
        """Wait for the scores of some images, all in batches of one size that memory suffices for.

        Args:
            parts: The images.
            begun: Their scores to be.
            screen: Whether they are screened.
        """
        while True:
            try:
                return self._awaited(begun)
            except OutOfMemory as error:
                cause = str(error)
            wait(begun)
            self._scorer._halve(screen=screen, cause=cause)
            again: list[Future[_Timed]] = []
            for images in parts:
                again += self._scorer._begun(images, screen=screen, first=len(again))
            begun = again

    def _awaited(self, begun: Sequence[Future[_Timed]]) -> Scores:
        done = [future.result() for future in begun]
        self.seconds += sum(seconds for _, seconds in done) / self._scorer.workers
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
