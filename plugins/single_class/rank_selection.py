"""Rank selection, the paper's control: the best stay, the fitter breed more often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .population import Choice, Member, fittest_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .options import Options


class RankSelection:
    """The best ``kept`` members stay and are drawn as parents by their rank.

    Each rank is ``pressure`` times as likely as the next. (The original's library counts ranks from
    the wrong end, so that the best members are never parents. This does what was meant.)
    """

    def __init__(self, options: Options, *, parents: int) -> None:
        self.batch = options.population - options.kept
        self._size = options.population
        self._kept = options.kept
        self._pressure = options.pressure
        self._parents = parents

    def begin(self) -> None:
        """Do nothing: there is no memory."""

    def choose(
        self,
        population: Sequence[Member],
        *,
        generation: int,
        first_id: int,
        seed: int,
    ) -> Choice:
        """Keep the best, and draw parents for as many children as the population has room for."""
        kept = fittest_first(population)[: self._kept]
        likelihood = self._pressure ** -np.arange(len(kept), dtype=np.float64)
        children = self._size - len(kept)
        ranks = np.random.default_rng(seed).choice(
            len(kept), size=(children, self._parents), p=likelihood / likelihood.sum()
        )
        litters = [tuple(kept[i] for i in sorted(set(litter))) for litter in ranks.tolist()]
        return Choice(kept, litters)

    def settle(self, population: Sequence[Member], generation: int) -> None:
        """Do nothing."""

    def state(self) -> None:
        """Give None."""

    def restore(self, state: None, members: Mapping[int, Member]) -> None:
        """Do nothing."""
