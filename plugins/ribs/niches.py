"""What an emitter sees of the archive: the elites in the space of its own vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

    @property
    def dtypes(self) -> dict[str, np.dtype[Any]]:
        """The types of the arrays that emitters get and give."""
        return {name: np.dtype(np.float64) for name in ("solution", "objective", "measures")}

    @property
    def empty(self) -> bool:
        """Whether no elite is in this space."""
        return not self.neighbours

    @property
    def lower_bounds(self) -> np.ndarray:
        """The least that measures can be, float64 [measures]."""
        return np.full(self.measure_dim, LOWEST)

    @property
    def upper_bounds(self) -> np.ndarray:
        """The most that measures can be, float64 [measures]."""
        return np.full(self.measure_dim, HIGHEST)

    def sample_elites(self, n: Any, replace: bool = True) -> dict[str, np.ndarray]:
        """Draw niches, and give the vectors of their elites, float64 [n, P]."""
        if self.empty:
            return {"solution": np.repeat(self._start[None], n, axis=0)}
        places = self._chance.integers(len(self.neighbours), size=n).tolist()
        self.drawn = [self.neighbours[place] for place in places]
        return {"solution": np.stack([each.vector for each in self.drawn])}
