"""Scores a generation: screens it first, where that pays, and then confirms what may matter.

Idle workers confirm some images early. That changes neither which are confirmed nor their scores.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.network.memory import OutOfMemory
from neatfool.scoring.early_confirmations import EarlyConfirmations
from neatfool.spec.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from neatfool.scoring.batches import Batches, Timed
    from neatfool.scoring.screening import Screening

BATCHES_AT_ONCE: Final = 64
"""So many batches are copied at once to be confirmed: a whole first generation is much memory."""


class GenerationScoring:
    """Scores a generation's images, a part at a time, while others are made.

    Attributes:
        full: Always False; see :class:`~neatfool.scoring.metering.MeteredScoring`.
        spent: Always empty.
        seconds: The time that the target would take if all its workers were always busy.
        confirmed: How many images were scored exactly.
        answered: The images that finished batches showed, those that confirm left out.
    """

    full: Final = False
    spent: Final = ""

    def __init__(
        self, batches: Batches, screening: Screening | None, bar: np.ndarray | None
    ) -> None:
        self.seconds = 0.0
        self.confirmed = 0
        self.answered: list[int] = []
        self._batches = batches
        self._bar = bar
        self.images = batches.images()
        self._submitted: list[Future[Timed]] = []
        self._screening = screening if bar is not None and screening is not None else None
        if self._screening is not None and self._screening.paused:
            self._screening.skip()
            self._screening = None

    def add(self, images: torch.Tensor) -> None:
        """Score uint8 [n, C, H, W], which must not change afterwards."""
        self.images.parts.append(images)
        screens = self._screening is not None
        self._submitted += self._batches.submit(
            images, screen=screens, first=len(self._submitted), answered=self.answered
        )

    def result(self) -> Scores:
        """Wait for the scores of all images.

        Returns:
            As :meth:`neatfool.scoring.scorer.Scorer.score`. After screening, ``exact`` says which
            images were confirmed.

        Raises:
            TargetError: As :meth:`neatfool.scoring.scorer.Scorer.score`.
        """
        parts, screening, bar = self.images.parts, self._screening, self._bar
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
        exact = self._score_exactly(rows, early)
        screening.learn(scores.part(rows), exact, len(scores.probs))
        return _replace_rows(scores, rows, exact)

    def cancel(self) -> None:
        """Cancel what has not started; there will be no result."""
        for future in self._submitted:
            future.cancel()

    def _score_exactly(self, rows: np.ndarray, early: EarlyConfirmations) -> Scores:
        """Score images exactly, and use the early confirmations."""
        known = early.take_wanted(rows)
        self.seconds += early.seconds / self._batches.workers
        order = np.array([row for batch in known for row in batch], np.int64)
        pieces = [*known.values()]
        # The others form the same batches as without early confirmations.
        late = rows[~np.isin(rows, order)]
        size = self._batches.sizes.exact
        for first in range(0, len(late), BATCHES_AT_ONCE * size):
            images = self.images.pick(late[first : first + BATCHES_AT_ONCE * size])
            pieces.append(self._collect([images], self._batches.submit(images), screen=False))
            if self._batches.sizes.exact < size and len(pieces) > 1:
                # Memory ran out. A generation's batches have one size, so all are scored again.
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
        """Wait for scores. If memory runs out, score all again in smaller batches.

        Args:
            parts: The images.
            submitted: Futures of their scores.
            screen: Whether they are screened.
            look: Called with scores as they come, in order, until memory runs out.
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
    probs, ok = scores.probs.copy(), np.asarray(scores.ok).copy()
    probs[rows], ok[rows] = exact.probs, exact.ok
    logits = None
    if scores.logits is not None and exact.logits is not None:
        logits = scores.logits.copy()
        logits[rows] = exact.logits
    looked_at = np.zeros(len(probs), np.bool_)
    looked_at[rows] = True
    return Scores(probs, logits, ok, looked_at, alone=scores.alone)
