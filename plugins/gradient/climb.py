"""One class's way up: where it is, and which of its images are worth a niche."""

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
"""Confidences of which the first image that passes them is kept, as the paper's code keeps it."""
TENFOLD: Final = math.log(10)
"""Log-odds: an image also takes its niche where it is so much better than the one that holds it.

So the run can be watched, and its database has some ten images a class in it, not each step.
"""


@dataclass(frozen=True)
class Climb:
    """A class's way, after its last image.

    Attributes:
        class_index: The class.
        candidate: The last image.
        rest: int8 [C, H, W], what the image is short of, in parts of a grey level.
        steps: Steps taken.
        best: The best image so far, None as long as none could be scored.
        best_rank: Its rank, -inf if there is none.
        best_confidence: Its confidence.
        leads: Whether the class has been the target's first choice for one of the images.
        ended: Whether it stands still: the last image is its best one, to be shown once more.
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

    def scored(self, rank: float, confidence: float, *, leads: bool) -> Climb:
        """Take note of the last image's score; its rank is -inf if it could not be scored."""
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
        """Give it as JSON, candidates by their ids."""
        best = None
        if self.best is not None:
            best = [self.best.id, self.best_rank, self.best_confidence]
        rest = base64.b64encode(self.rest.tobytes()).decode()
        return [
            self.class_index, self.candidate.id, rest, self.steps, best, self.leads, self.ended,
        ]  # fmt: skip

    @classmethod
    def restored(
        cls, state: list[Any], candidates: Mapping[int, Candidate], shape: tuple[int, int, int]
    ) -> Climb:
        """Make it anew from its state."""
        class_index, id_, rest, steps, best, leads, ended = state
        bytes_ = np.frombuffer(base64.b64decode(rest), np.int8).reshape(shape)
        climb = cls(class_index, candidates[id_], bytes_, steps, leads=leads, ended=ended)
        if best is None:
            return climb
        return replace(climb, best=candidates[best[0]], best_rank=best[1], best_confidence=best[2])


def passes(confidence: float, held: float, marks: tuple[float, ...]) -> bool:
    """Whether an image is worth the niche of one with another confidence.

    Args:
        confidence: The image's, in [0, 1].
        held: That of the niche's elite, 0 if there is none.
        marks: Confidences whose passing is worth it.
    """
    if any(held < mark <= confidence for mark in marks):
        return True
    return _log_odds(confidence) > _log_odds(held) + TENFOLD


def _log_odds(confidence: float) -> float:
    if confidence in (0.0, 1.0):
        return math.inf if confidence else -math.inf
    return math.log(confidence) - math.log1p(-confidence)
