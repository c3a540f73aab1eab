"""Screening chooses the images of a generation that are worth an exact score.

Each image is first scored in half precision. If its rank comes within a *margin* of the rank to
beat, it is scored again, exactly. The others could become elites only by an error larger than the
margin. The margin is learnt from the errors of images that were scored both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.spec.archive import SCORES_AT_ONCE
from neatfool.spec.scores import rank

if TYPE_CHECKING:
    from neatfool.spec.json import Json
    from neatfool.spec.scores import Scores

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


class Screening:
    """Learns the margin, and chooses what to confirm.

    Both follow from the scores alone, so that a resumed run screens in the same way.

    Attributes:
        confirmed: The share of the last generation that was scored exactly.
    """

    def __init__(self) -> None:
        self.confirmed = 1.0
        self._margin = 0.0
        self._seen = 0
        self._pause = 0

    @property
    def paused(self) -> bool:
        """Whether to score the next generation without screening."""
        return self._pause > 0

    def skip(self) -> None:
        """Count a generation without screening."""
        self._pause -= 1

    def doubtful(self, scores: Scores, bar: np.ndarray) -> np.ndarray:
        """Choose what to score again, as bools [N].

        Args:
            scores: The half-precision scores [N, K].
            bar: float64 [K], the rank to beat in each class; +inf in those that do not matter.
        """
        if self._seen < LEARNING:
            return np.ones(len(scores.probs), np.bool_)
        near = _near(scores, bar, self._margin)
        near[~np.asarray(scores.ok)] = True
        return near

    def learn(self, screened: Scores, exact: Scores, of: int) -> None:
        """Learn from the errors.

        Args:
            screened: The half-precision scores of the confirmed images.
            exact: Their exact scores.
            of: How many images the generation has.
        """
        self.confirmed = len(exact.probs) / of
        learning = self._seen < LEARNING
        self._seen += len(exact.probs)
        with np.errstate(invalid="ignore"):  # infinite less infinite
            errors = np.abs(rank(screened) - rank(exact))
        errors = errors[np.isfinite(errors)]
        if errors.size:
            seen = float(np.quantile(errors, ERRORS_WITHIN))
            self._margin = max(seen, MEMORY * self._margin + (1 - MEMORY) * seen)
        if not learning and len(exact.probs) > PAYS_UP_TO * of:
            self._pause = PAUSE

    def state(self) -> Json:
        """Give what a resumed run needs."""
        return {"margin": self._margin, "seen": self._seen, "pause": self._pause}

    def restore(self, state: dict[str, Json]) -> None:
        """Restore what :meth:`state` gave."""
        self._margin, self._seen = float(state["margin"]), int(state["seen"])
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
