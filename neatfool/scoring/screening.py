"""Screening: which images are scored again, exactly, after they were scored in half precision.

An image whose screened rank comes within a *margin* of the rank to beat is scored again. The margin
is learnt from the errors of images that were scored both ways.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.files import Json
from neatfool.spec.archive import SCORES_AT_ONCE
from neatfool.spec.scores import Scores, rank

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


class ScreeningMargin:
    """Learns the margin, and chooses what to confirm, from the scores alone."""

    def __init__(self) -> None:
        self._margin = 0.0
        self._compared = 0
        self._pause = 0

    def begin(self) -> bool:
        """Say whether to screen the next generation, and count it if not."""
        self._pause -= (paused := self._pause > 0)
        return not paused

    def doubtful(self, scores: Scores, bar: np.ndarray) -> np.ndarray:
        """Choose what to score again, as bools [N]; ``bar`` [K] is +inf where nothing matters."""
        if self._compared < LEARNING:
            return np.ones(len(scores.probs), np.bool_)
        # An image that could take a niche if ranks were wrong by the margin. Of those that could
        # beat a niche's elite, only the best one takes it.
        step = max(1, SCORES_AT_ONCE // len(bar))
        pieces = [slice(start, start + step) for start in range(0, len(scores.probs), step)]
        # Ranks that would take too much memory are computed twice.
        kept = [rank(scores)] if len(pieces) == 1 else None
        best = np.full(len(bar), -np.inf)
        for ranks in kept or (rank(scores.part(piece)) for piece in pieces):
            np.maximum(best, ranks.max(axis=0), out=best)
        near = ~np.asarray(scores.ok)
        # A class that does not matter has an infinite bar, and no rank is above it.
        reach = np.maximum(bar, best - self._margin) - self._margin
        for piece, ranks in zip(pieces, kept or map(rank, map(scores.part, pieces)), strict=True):
            near[piece] |= ((ranks >= reach) & (ranks + self._margin > bar)).any(axis=1)
        return near

    def learn(self, screened: Scores, exact: Scores, count: int) -> None:
        """Learn from the errors of what was confirmed, of ``count`` images in all."""
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
