"""Screening: which images of a generation are worth an exact score.

Each image is first scored in half precision. One whose rank comes near what it would have to beat
is scored again, exactly; the others could not become elites, but for an error larger than the
*margin*. That is learnt from the errors themselves: of the images that were scored both ways.
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
"""The first images of a run, at least so many, are all scored both ways."""
ERRORS_WITHIN: Final = 0.95
"""The part of all errors that is smaller than the narrow margin."""
WIDE: Final = 2.0
"""How many times as wide as the narrow margin is the wide one, which misses next to nothing."""
AFFORDED: Final = 0.04
"""The wide margin is taken where it confirms at most this part of the images more."""
PAUSE: Final = 10
"""Generations without screening, after one in which it did not pay."""
MEMORY: Final = 0.9
"""How much of a margin is kept when smaller errors are seen; larger ones count at once."""


class Screening:
    """What a run's screening has learnt, and what it lets through.

    All of it follows from the scores, so that a resumed run screens alike.

    Attributes:
        confirmed: The part of the last generation that was scored exactly, as far as is known.
    """

    def __init__(self, worth: float) -> None:
        """Begin.

        Args:
            worth: The part of a generation up to which confirming leaves something saved.
        """
        self.confirmed = 1.0
        self._worth = worth
        self._margin = 0.0
        self._seen = 0
        self._pause = 0

    @property
    def paused(self) -> bool:
        """Whether the next generation is better scored exactly from the start."""
        return self._pause > 0

    def skip(self) -> None:
        """Count a generation that was scored exactly from the start."""
        self._pause -= 1

    def doubtful(self, scores: Scores, bar: np.ndarray) -> np.ndarray:
        """Choose what is to be scored again.

        Args:
            scores: The half-precision scores [N, K].
            bar: float64 [K], the rank to beat in each class; +inf in those that do not matter.

        Returns:
            Bools [N].
        """
        if self._seen < LEARNING:
            return np.ones(len(scores.probs), np.bool_)
        near = self._near(scores, bar)
        near[~np.asarray(scores.ok)] = True
        return near

    def _near(self, scores: Scores, bar: np.ndarray) -> np.ndarray:
        wide, narrow = _near(scores, bar, (WIDE * self._margin, self._margin))
        return wide if wide.mean() <= narrow.mean() + AFFORDED else narrow

    def learn(self, screened: Scores, exact: Scores, of: int) -> None:
        """Take note of the errors.

        Args:
            screened: The half-precision scores of the images that were confirmed.
            exact: Their exact ones.
            of: How many images there were in all.
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
        if not learning and len(exact.probs) > self._worth * of:
            self._pause = PAUSE

    def state(self) -> Json:
        """Give what a resumed run needs to know."""
        return {"margin": self._margin, "seen": self._seen, "pause": self._pause}

    def restore(self, state: dict[str, Json]) -> None:
        """Go on from a state."""
        self._margin, self._seen = float(state["margin"]), int(state["seen"])
        self._pause = int(state["pause"])


def _near(scores: Scores, bar: np.ndarray, margins: tuple[float, ...]) -> list[np.ndarray]:
    """Find the images that might take a niche, were all ranks wrong by up to a margin.

    Of those that might beat a niche's elite only the best can take it.

    Returns:
        Bools [N] for each margin.
    """
    count, class_count = scores.probs.shape
    step = max(1, SCORES_AT_ONCE // class_count)
    pieces = [slice(start, start + step) for start in range(0, count, step)]
    # Ranks of very many images and classes are worked out twice rather than kept.
    kept = [rank(scores)] if len(pieces) == 1 else None
    best = np.full(len(bar), -np.inf)
    for ranks in kept or (rank(scores.part(piece)) for piece in pieces):
        np.maximum(best, ranks.max(axis=0), out=best)
    near = [np.zeros(count, np.bool_) for _ in margins]
    for piece, ranks in zip(pieces, kept or map(rank, map(scores.part, pieces)), strict=True):
        for found, margin in zip(near, margins, strict=True):
            # A class that nothing may take has an infinite bar, and no rank is above it.
            to_reach = np.maximum(bar, best - margin) - margin
            found[piece] = ((ranks >= to_reach) & (ranks + margin > bar)).any(axis=1)
    return near
