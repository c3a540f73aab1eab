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
from neatfool.scoring.early_looks import EarlyLooks
from neatfool.scoring.generation_images import GenerationImages
from neatfool.spec.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from neatfool.scoring.scorer import Scorer, Timed


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

    def __init__(self, scorer: Scorer, bar: np.ndarray | None) -> None:
        """Begin; use :meth:`Scorer.generation`."""
        self.seconds = 0.0
        self.confirmed = 0
        self.answered: list[int] = []
        self._scorer = scorer
        self._bar = bar
        self.images = GenerationImages()
        self._begun: list[Future[Timed]] = []
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
        screens = self._screening is not None
        self._begun += self._scorer.begun(
            images, screen=screens, first=len(self._begun), answered=self.answered
        )

    def result(self) -> Scores:
        """Wait for the scores of all images.

        Returns:
            As :meth:`Scorer.score`; where images were screened, ``exact`` says which of them were
            confirmed.

        Raises:
            TargetError: As :meth:`Scorer.score`.
        """
        parts, screening, bar = self.images.parts(), self._screening, self._bar
        if screening is None or bar is None:
            scores = self._whole(parts, self._begun, screen=False)
            self.confirmed = len(scores.probs)
            return scores
        early = EarlyLooks(self._scorer, screening, bar, self.images)
        scores = self._whole(parts, self._begun, screen=True, look=early.look)
        rows = np.flatnonzero(screening.doubtful(scores, bar))
        self.confirmed = len(rows)
        if not len(rows):
            screening.confirmed = 0.0
            return replace(scores, exact=np.zeros(len(scores.probs), np.bool_))
        exact = self._exact(rows, early)
        screening.learn(scores.part(rows), exact, len(scores.probs))
        return _confirmed(scores, rows, exact)

    def cancel(self) -> None:
        """Do not score what is not being scored yet; there is to be no result."""
        for future in self._begun:
            future.cancel()

    def _exact(self, rows: np.ndarray, early: EarlyLooks) -> Scores:
        """Score some images exactly, as far as that is not under way yet."""
        known = early.taken(rows)
        self.seconds += early.seconds / self._scorer.workers
        order = np.array([row for batch in known for row in batch], np.int64)
        pieces = [*known.values()]
        # The others are in the same batches as if none had been begun early.
        late = rows[~np.isin(rows, order)]
        if len(late):
            size, images = self._scorer.batch_size, self.images.pick(late)
            pieces.append(self._whole([images], self._scorer.begun(images), screen=False))
            if self._scorer.batch_size < size and known:
                # All of a generation are scored in batches of one size.
                images = self.images.pick(rows)
                return self._whole([images], self._scorer.begun(images), screen=False)
        return self._scorer.joined(pieces).part(np.concatenate([order, late]).argsort())

    def _whole(
        self,
        parts: Sequence[torch.Tensor],
        begun: Sequence[Future[Timed]],
        *,
        screen: bool,
        look: Callable[[Scores], None] = lambda _: None,
    ) -> Scores:
        """Wait for the scores of some images, all in batches of one size that memory suffices for.

        Args:
            parts: The images.
            begun: Their scores to be.
            screen: Whether they are screened.
            look: Given scores as they come, in order, as long as memory suffices.
        """
        while True:
            try:
                return self._awaited(begun, look)
            except OutOfMemory as error:
                cause = str(error)
            wait(begun)
            self._scorer.halve(screen=screen, cause=cause)
            again: list[Future[Timed]] = []
            for images in parts:
                again += self._scorer.begun(images, screen=screen, first=len(again))
            begun, look = again, lambda _: None

    def _awaited(self, begun: Sequence[Future[Timed]], look: Callable[[Scores], None]) -> Scores:
        pieces = []
        for future in begun:
            scores, seconds = future.result()
            self.seconds += seconds / self._scorer.workers
            pieces.append(scores)
            look(scores)
        return self._scorer.joined(pieces)


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
