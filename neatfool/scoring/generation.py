"""A generation being scored: first screened, where that pays, and then confirmed.

While the last images are still being screened, others may be confirmed already, so that no worker
has to wait. What is confirmed in the end does not depend on that.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.network.memory import OutOfMemory
from neatfool.scoring.early_confirmations import EarlyConfirmations
from neatfool.scoring.generation_images import GenerationImages
from neatfool.spec.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from neatfool.scoring.batches import Batches, Timed
    from neatfool.scoring.screening import Screening


class GenerationScoring:
    """A generation's images being scored, a part at a time, while others are made.

    Attributes:
        images: The images.
        full: Whether no further images can be scored: never.
        spent: What there is no budget for: nothing.
        seconds: The time that the target took, if all its workers had always had work.
        confirmed: How many images were scored exactly.
        answered: The sizes of the batches that the target has answered; confirming is left out.
    """

    full: Final = False
    spent: Final = ""

    def __init__(
        self, batches: Batches, screening: Screening | None, bar: np.ndarray | None
    ) -> None:
        """Begin; use :meth:`neatfool.scoring.scorer.Scorer.generation`."""
        self.seconds = 0.0
        self.confirmed = 0
        self.answered: list[int] = []
        self._batches = batches
        self._bar = bar
        self.images = GenerationImages()
        self._submitted: list[Future[Timed]] = []
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
        screens = self._screening is not None
        self._submitted += self._batches.submit(
            images, screen=screens, first=len(self._submitted), answered=self.answered
        )

    def result(self) -> Scores:
        """Wait for the scores of all images.

        Returns:
            As :meth:`neatfool.scoring.scorer.Scorer.score`; where images were screened, ``exact``
            says which of them were confirmed.

        Raises:
            TargetError: As :meth:`neatfool.scoring.scorer.Scorer.score`.
        """
        parts, screening, bar = self.images.parts(), self._screening, self._bar
        if screening is None or bar is None:
            scores = self._collect(parts, self._submitted, screen=False)
            self.confirmed = len(scores.probs)
            return scores
        early = EarlyConfirmations(self._batches, screening, bar, self.images)
        scores = self._collect(parts, self._submitted, screen=True, look=early.add)
        rows = np.flatnonzero(screening.doubtful(scores, bar))
        self.confirmed = len(rows)
        if not len(rows):
            screening.confirmed = 0.0
            return replace(scores, exact=np.zeros(len(scores.probs), np.bool_))
        exact = self._confirm(rows, early)
        screening.learn(scores.part(rows), exact, len(scores.probs))
        return _replace_rows(scores, rows, exact)

    def cancel(self) -> None:
        """Do not score what is not being scored yet; there is to be no result."""
        for future in self._submitted:
            future.cancel()

    def _confirm(self, rows: np.ndarray, early: EarlyConfirmations) -> Scores:
        """Score some images exactly, as far as that is not under way yet."""
        known = early.take_wanted(rows)
        self.seconds += early.seconds / self._batches.workers
        order = np.array([row for batch in known for row in batch], np.int64)
        pieces = [*known.values()]
        # The others are in the same batches as if none had been begun early.
        late = rows[~np.isin(rows, order)]
        if len(late):
            size, images = self._batches.sizes.exact, self.images.pick(late)
            pieces.append(self._collect([images], self._batches.submit(images), screen=False))
            if self._batches.sizes.exact < size and known:
                # All of a generation are scored in batches of one size.
                images = self.images.pick(rows)
                return self._collect([images], self._batches.submit(images), screen=False)
        return self._batches.concatenate(pieces).part(np.concatenate([order, late]).argsort())

    def _collect(
        self,
        parts: Sequence[torch.Tensor],
        submitted: Sequence[Future[Timed]],
        *,
        screen: bool,
        look: Callable[[Scores], None] = lambda _: None,
    ) -> Scores:
        """Wait for the scores of some images, all in batches of one size that memory suffices for.

        Args:
            parts: The images.
            submitted: Their scores to be.
            screen: Whether they are screened.
            look: Given scores as they come, in order, as long as memory suffices.
        """
        while True:
            try:
                return self._wait_for(submitted, look)
            except OutOfMemory as error:
                cause = str(error)
            wait(submitted)
            self._batches.halve(screen=screen, cause=cause)
            again: list[Future[Timed]] = []
            for images in parts:
                again += self._batches.submit(images, screen=screen, first=len(again))
            submitted, look = again, lambda _: None

    def _wait_for(
        self, submitted: Sequence[Future[Timed]], look: Callable[[Scores], None]
    ) -> Scores:
        pieces = []
        for future in submitted:
            scores, seconds = future.result()
            self.seconds += seconds / self._batches.workers
            pieces.append(scores)
            look(scores)
        return self._batches.concatenate(pieces)


def _replace_rows(scores: Scores, rows: np.ndarray, exact: Scores) -> Scores:
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
