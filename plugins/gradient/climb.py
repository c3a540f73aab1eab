"""One class's climb: where it is, and which of its images deserve the niche."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neatfool import Candidate

MARKS: Final = (0.99, 0.999, 0.9999)
"""The first image above each of these confidences is kept, as in the paper's code."""
TENFOLD: Final = math.log(10)
"""An image also takes its niche if its log-odds are this much higher than the elite's.

So one can watch the run, and the database holds about ten images for each class, not every step.
"""


@dataclass(frozen=True)
class Climb:
    """A class's climb after its last image.

    Attributes:
        candidate: The last image.
        rest: int8 [C, H, W], the image's fractions of bytes.
        best: The best image so far, None while none has a score.
        best_rank: Its rank, -inf without one.
        leads: Whether the class has been the target's first choice for an image.
        ended: Whether the climb stands still and shows its best image once more.
    """

    class_index: int
    candidate: Candidate
    rest: np.ndarray
    steps: int = 0
    best: Candidate | None = None
    best_rank: float = -math.inf
    best_confidence: float = 0.0
    leads: bool = False
    ended: bool = False

    def with_score(self, rank: float, confidence: float, *, leads: bool) -> Climb:
        """Add the last image's score; its rank is -inf if it has none."""
        leads = self.leads or leads
        if rank <= self.best_rank:
            return replace(self, leads=leads)
        return replace(
            self,
            best=self.candidate,
            best_rank=rank,
            best_confidence=confidence,
            leads=leads,
        )

    def state(self) -> list[Any]:
        """Give the climb as JSON, with candidates by their ids."""
        best = None
        if self.best is not None:
            best = [self.best.id, self.best_rank, self.best_confidence]
        rest = base64.b64encode(self.rest.tobytes()).decode()
        return [
            self.class_index, self.candidate.id, rest, self.steps, best, self.leads, self.ended,
        ]  # fmt: skip

    @classmethod
    def from_state(
        cls, state: list[Any], candidates: Mapping[int, Candidate], shape: tuple[int, int, int]
    ) -> Climb:
        """Make a climb from its state."""
        class_index, id_, rest, steps, best, leads, ended = state
        bytes_ = np.frombuffer(base64.b64decode(rest), np.int8).reshape(shape)
        climb = cls(class_index, candidates[id_], bytes_, steps, leads=leads, ended=ended)
        if best is None:
            return climb
        return replace(climb, best=candidates[best[0]], best_rank=best[1], best_confidence=best[2])


def passes(confidence: float, held: float, marks: tuple[float, ...]) -> bool:
    """Say whether a confidence passes a mark that ``held``, the elite's (or 0), has not reached.

    Log-odds that are tenfold the elite's pass too.
    """
    if any(held < mark <= confidence for mark in marks):
        return True
    return _log_odds(confidence) > _log_odds(held) + TENFOLD


def _log_odds(confidence: float) -> float:
    if confidence in (0.0, 1.0):
        return math.inf if confidence else -math.inf
    return math.log(confidence) - math.log1p(-confidence)
