"""A generation is scored: screened first, where that pays, and then what may matter is confirmed.

Screening scores each image in half precision. If its rank comes within a *margin* of the rank to
beat, it is scored again, exactly. The others could become elites only by an error larger than the
margin. The margin is learnt from the errors of images that were scored both ways.

Idle workers confirm some images early, while others are still being screened. Which images are
confirmed, and in which batches, is decided when all are screened. An early batch counts only if it
is one of those batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.network.memory import OutOfMemory
from neatfool.spec.archive import SCORES_AT_ONCE
from neatfool.spec.scores import Scores, rank

if TYPE_CHECKING:
    from neatfool.scoring.batches import Batches, Timed
    from neatfool.spec.json import Json

LEARNING: Final = 256
"""A run's first images, at least this many, are all scored both ways, to learn a first margin."""
ERRORS_WITHIN: Final = 0.95
"""This share of all errors is smaller than the margin."""
PAYS_UP_TO: Final = 0.4
"""Screening does not pay in a generation of which a larger share is confirmed: half precision
takes half to two thirds of the time, and what is confirmed is scored twice."""
PAUSE: Final = 10
"""After a generation in which screening did not pay, this many are scored exactly."""
MEMORY: Final = 0.5
"""Smaller errors shrink the margin by half the difference; larger errors widen it at once."""
BATCHES_AT_ONCE: Final = 64
"""So many batches are copied at once to be confirmed: a whole first generation is much memory."""
MOST_CONFIRMED_EARLY: Final = 0.25
"""Above this share of the last generation, better images overtake too many early ones."""
MOST_CLASSES: Final = 10_000
"""With more classes, screening scores twice costs more time than idle workers save."""


class Screening:
    """Learns the margin, and chooses what to confirm.

    Both follow from the scores alone, so that a resumed run screens in the same way.

    Attributes:
        confirmed: The share of the last generation that was scored exactly.
    """

    def __init__(self) -> None:
        self.confirmed = 1.0
        self._margin = 0.0
        self._compared = 0
        self._pause = 0

    def begin(self) -> bool:
        """Say whether to screen the next generation, and count it if not."""
        self._pause -= (paused := self._pause > 0)
        return not paused

    def doubtful(self, scores: Scores, bar: np.ndarray) -> np.ndarray:
        """Choose what to score again, as bools [N].

        Args:
            scores: The half-precision scores [N, K].
            bar: float64 [K], the rank to beat in each class; +inf in those that do not matter.
        """
        if self._compared < LEARNING:
            return np.ones(len(scores.probs), np.bool_)
        near = _near(scores, bar, self._margin)
        near[~np.asarray(scores.ok)] = True
        return near

    def learn(self, screened: Scores, exact: Scores, count: int) -> None:
        """Learn from the errors of what was confirmed, of ``count`` images in all."""
        self.confirmed = len(exact.probs) / count
        learning = self._compared < LEARNING
        self._compared += len(exact.probs)
        with np.errstate(invalid="ignore"):  # infinite less infinite
            errors = np.abs(rank(screened) - rank(exact))
        errors = errors[np.isfinite(errors)]
        if errors.size:
            usual = float(np.quantile(errors, ERRORS_WITHIN))
            self._margin = max(usual, MEMORY * self._margin + (1 - MEMORY) * usual)
        if not learning and len(exact.probs) > PAYS_UP_TO * count:
            self._pause = PAUSE

    def state(self) -> Json:
        """Give what a resumed run needs."""
        return {"margin": self._margin, "seen": self._compared, "pause": self._pause}

    def restore(self, state: dict[str, Json]) -> None:
        """Restore what :meth:`state` gave."""
        self._margin, self._compared = float(state["margin"]), int(state["seen"])
        self._pause = int(state["pause"])


def _near(scores: Scores, bar: np.ndarray, margin: float) -> np.ndarray:
    """Find the images, as bools [N], that could take a niche if ranks were wrong by the margin.

    Of those that could beat a niche's elite, only the best one takes it.
    """
    count, class_count = scores.probs.shape
    step = max(1, SCORES_AT_ONCE // class_count)
    pieces = [slice(start, start + step) for start in range(0, count, step)]
    # Ranks that would take too much memory are computed twice.
    kept = [rank(scores)] if len(pieces) == 1 else None
    best = np.full(len(bar), -np.inf)
    for ranks in kept or (rank(scores.part(piece)) for piece in pieces):
        np.maximum(best, ranks.max(axis=0), out=best)
    near = np.zeros(count, np.bool_)
    # A class that does not matter has an infinite bar, and no rank is above it.
    to_reach = np.maximum(bar, best - margin) - margin
    for piece, ranks in zip(pieces, kept or map(rank, map(scores.part, pieces)), strict=True):
        near[piece] = ((ranks >= to_reach) & (ranks + margin > bar)).any(axis=1)
    return near


class Generation:
    """Scores a generation's images, a part at a time, while others are made.

    Attributes:
        batches: Where they are scored.
        images: The images.
        seconds: The time that the target would take if all its workers were always busy.
        confirmed: How many images were scored exactly.
        answered: The images that finished batches showed, those that confirm left out.
    """

    def __init__(
        self, batches: Batches, screening: Screening | None, bar: np.ndarray | None
    ) -> None:
        """Begin; ``bar`` is float64 [K], the rank to beat in each class, without which none is."""
        self.batches = batches
        self.images = batches.begin()
        self.seconds = 0.0
        self.confirmed = 0
        self.answered: list[int] = []
        self._bar = bar
        screens = screening is not None and bar is not None and screening.begin()
        self._screening = screening if screens else None
        self._submitted: list[Future[Timed]] = []
        self._early: dict[tuple[int, ...], Future[Timed]] = {}
        self._waiting: list[int] = []
        self._looked_at = 0

    def add(self, part: Any) -> None:
        """Score a part of the images, uint8 [n, C, H, W], which must not change afterwards."""
        self.images.parts.append(part)
        self._submitted += self.batches.submit(
            part,
            screen=self._screening is not None,
            first=len(self._submitted),
            answered=self.answered,
        )

    def result(self) -> Scores:
        """Wait for the scores of all images.

        Returns:
            As :meth:`neatfool.scoring.scorer.Scorer.score`. After screening, ``exact`` says which
            images were confirmed. If a budget is spent, the scores end before the first image
            without an answer.
        """
        parts, screening, bar = self.images.parts, self._screening, self._bar
        if screening is None or bar is None:
            scores = self._collect(parts, self._submitted, screen=False)
            self.confirmed = len(scores.probs)
            return scores
        scores = self._collect(parts, self._submitted, screen=True)
        rows = np.flatnonzero(screening.doubtful(scores, bar))
        self.confirmed = len(rows)
        if not len(rows):
            screening.confirmed = 0.0
            return replace(scores, exact=np.zeros(len(scores.probs), np.bool_))
        exact = self._score_exactly(rows)
        screening.learn(scores.part(rows), exact, len(scores.probs))
        return _replace_rows(scores, rows, exact)

    def cancel(self) -> None:
        """Cancel what has not started; there will be no result."""
        for future in self._submitted:
            future.cancel()

    def _collect(
        self, parts: Sequence[Any], submitted: Sequence[Future[Timed]], *, screen: bool
    ) -> Scores:
        """Wait for scores. If memory runs out, score all again in smaller batches."""
        look: Callable[[Scores], None] = self._confirm_early if screen else lambda _: None
        while True:
            try:
                scores, seconds = self.batches.collect(submitted, look)
            except OutOfMemory as error:
                cause = str(error)
            else:
                self.seconds += seconds
                return scores
            wait(submitted)
            self.batches.halve(screen=screen, cause=cause)
            again: list[Future[Timed]] = []
            for part in parts:
                again += self.batches.submit(part, screen=screen, first=len(again))
            submitted, look = again, lambda _: None

    def _confirm_early(self, scores: Scores) -> None:
        """Take the next images' half-precision scores, and start to confirm what may matter."""
        screening, bar, batches = self._screening, self._bar, self.batches
        assert screening is not None
        assert bar is not None
        # With several devices, an image's scores may depend on the device.
        if (
            batches.workers == 1
            or batches.devices > 1
            or screening.confirmed > MOST_CONFIRMED_EARLY
            or len(bar) > MOST_CLASSES
        ):
            return
        doubtful = np.flatnonzero(screening.doubtful(scores, bar))
        self._waiting += (doubtful + self._looked_at).tolist()
        self._looked_at += len(scores.probs)
        size = batches.sizes.exact
        while len(self._waiting) >= size:
            rows, self._waiting = self._waiting[:size], self._waiting[size:]
            (self._early[tuple(rows)],) = batches.submit(self.images.pick(rows))

    def _take_early(self, rows: np.ndarray) -> dict[tuple[int, ...], Scores]:
        """Take the early batches that are among those of ``rows``, and cancel the others.

        Returns:
            Their scores by their images. It is empty if memory ran out.
        """
        size = self.batches.sizes.exact
        wanted = {tuple(rows[first : first + size].tolist()) for first in range(0, len(rows), size)}
        for batch, future in self._early.items():
            if batch not in wanted:
                future.cancel()
        taken, seconds = {}, 0.0
        try:
            for batch in wanted & self._early.keys():
                taken[batch], each = self._early[batch].result()
                seconds += each
        except OutOfMemory:
            taken = {}
        self.seconds += seconds / self.batches.workers
        return taken

    def _score_exactly(self, rows: np.ndarray) -> Scores:
        """Score images exactly, and use the early confirmations."""
        known = self._take_early(rows)
        order = np.array([row for batch in known for row in batch], np.int64)
        pieces = [*known.values()]
        # The others form the same batches as without early confirmations.
        late = rows[~np.isin(rows, order)]
        size = self.batches.sizes.exact
        for first in range(0, len(late), BATCHES_AT_ONCE * size):
            pieces.append(self._confirm(late[first : first + BATCHES_AT_ONCE * size]))
            if self.batches.sizes.exact < size and len(pieces) > 1:
                # Memory ran out. A generation's batches have one size, so all are scored again.
                return self._confirm(rows)
        return self.batches.concatenate(pieces).part(np.concatenate([order, late]).argsort())

    def _confirm(self, rows: np.ndarray) -> Scores:
        images = self.images.pick(rows)
        return self._collect([images], self.batches.submit(images), screen=False)


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
