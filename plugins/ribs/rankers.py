"""What evolution strategies rank candidates by: pyribs' rankers, by names that say what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ribs.emitters import rankers

if TYPE_CHECKING:
    from ribs.archives import ArchiveBase
    from ribs.emitters import EmitterBase


class DominatedNoveltyRanker(rankers.RankerBase):  # type: ignore[misc]
    """Ranks by dominated novelty, which pyribs has an archive for, but no ranker."""

    def rank(
        self,
        emitter: EmitterBase,
        archive: ArchiveBase,
        data: dict[str, np.ndarray],
        add_info: dict[str, np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the order, the most novel among the fitter first, and what it is made from."""
        values = add_info["dominated_novelty"]
        return np.flip(np.argsort(values, kind="stable")), values


CLASSES: Final[dict[str, type[Any]]] = {
    "improvement": rankers.ImprovementRanker,
    "two_stage_improvement": rankers.TwoStageImprovementRanker,
    "objective": rankers.ObjectiveRanker,
    "two_stage_objective": rankers.TwoStageObjectiveRanker,
    "random_direction": rankers.RandomDirectionRanker,
    "two_stage_random_direction": rankers.TwoStageRandomDirectionRanker,
    "novelty": rankers.NoveltyRanker,
    "local_competition": rankers.NSLCRanker,
    "dominated_novelty": DominatedNoveltyRanker,
}


class NotingRanker(rankers.RankerBase):  # type: ignore[misc]
    """Notes the orders that a ranker gives, and can give noted ones in its place.

    An evolution strategy depends on nothing but its start, its draws and these orders. So the
    orders are all that a resumed run needs to bring a strategy to where it was.
    """

    def __init__(self, ranker: rankers.RankerBase) -> None:
        self._ranker = ranker
        self.order: np.ndarray | None = None
        """The last order, int64 [N]. If ``replaying``, the order to give next."""
        self.replaying = False

    def rank(
        self,
        emitter: EmitterBase,
        archive: ArchiveBase,
        data: dict[str, np.ndarray],
        add_info: dict[str, np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the order of the candidates, the best first, and what it is made from."""
        if not self.replaying:
            self.order, values = self._ranker.rank(emitter, archive, data, add_info)
            return self.order, values
        assert self.order is not None
        # Only a strategy that did not stop is replayed, and equal values would stop it.
        values = np.empty(len(self.order))
        values[self.order] = np.arange(len(self.order), 0, -1)
        return self.order, values

    def reset(self, emitter: EmitterBase, archive: ArchiveBase) -> None:
        """Let the ranker draw anew what it draws: a direction."""
        self._ranker.reset(emitter, archive)
