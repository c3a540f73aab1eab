"""What an emitter sees of the archive: the elites in the space of its own vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ribs.archives import ArchiveBase

if TYPE_CHECKING:
    from collections.abc import Sequence

LOWEST, HIGHEST = -20.0, 0.0
"""Log-probabilities, as measures, are between these."""


@dataclass(frozen=True)
class Neighbour:
    """An elite whose vector is in the emitter's space: its id, rank and float64 [P]."""

    id: int
    rank: float
    vector: np.ndarray


class Niches(ArchiveBase):  # type: ignore[misc]
    """An archive of pyribs that only reads; the framework's own archive keeps the elites."""

    dtypes: Final = dict.fromkeys(("solution", "objective", "measures"), np.dtype(np.float64))

    def __init__(self, start: np.ndarray, measures: int, chance: np.random.Generator) -> None:
        """See nothing yet.

        Args:
            start: float64 [P], the vector to give while there is no elite in this space.
            measures: How many numbers measure a candidate.
            chance: What draws elites.
        """
        super().__init__(solution_dim=len(start), objective_dim=(), measure_dim=measures)
        self._start = start
        self._chance = chance
        self.neighbours: Sequence[Neighbour] = ()
        self.drawn: list[Neighbour] = []
        self.lower_bounds = np.full(measures, LOWEST)
        self.upper_bounds = np.full(measures, HIGHEST)

    @property
    def empty(self) -> bool:
        """Whether no elite is in this space."""
        return not self.neighbours

    def sample_elites(self, n: Any, replace: bool = True) -> dict[str, np.ndarray]:
        """Draw niches, and give the vectors of their elites, float64 [n, P]."""
        if self.empty:
            return {"solution": np.repeat(self._start[None], n, axis=0)}
        places = self._chance.integers(len(self.neighbours), size=n).tolist()
        self.drawn = [self.neighbours[place] for place in places]
        return {"solution": np.stack([each.vector for each in self.drawn])}
