"""What emitters see of the archive, and what they learn of their candidates.

All that they learn comes from exact scores. Screening, which depends on a measured speed, would
show through in what emitters do next, so the scheme has no ``bar`` and every candidate is scored
exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ribs.archives import ArchiveBase, DNSArchive, ProximityArchive

from neatfool import derive_seed, rank

from .space import read_array, write_array

if TYPE_CHECKING:
    from neatfool import Archive, Scores

    from .options import Options

FARTHEST: Final = 1e9
"""Log-odds beyond this count as this, because pyribs takes finite numbers only."""
MOST_MEASURES: Final = 32
"""With more classes than this, so many sums of log-probabilities measure a candidate. Distances
stay right to about an eighth (1 / sqrt(2 * 32)), and a memory of thousands stays small."""

LOWEST, HIGHEST = -20.0, 0.0
"""Log-probabilities, as measures, are between these."""
NOT_ADDED, IMPROVED, NEW = 0, 1, 2
"""pyribs' words for what became of a candidate."""
FIELDS = ("solution", "objective", "measures")
NAMES = {True: ("dominated_novelty",), False: ("novelty", "local_competition")}
"""What a memory tells, by whether it is one of dominated novelty."""


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


@dataclass(frozen=True)
class Feedback:
    """What becomes of N candidates."""

    ranks: np.ndarray
    """float64 [N, K], finite."""
    status: np.ndarray
    """int64 [N]: 0 for no improvement, 1 for a better image of some class, 2 for the first image of
    one."""
    value: np.ndarray
    """float64 [N], the largest gain in log-odds over all niches; negative if none is won."""
    measures: np.ndarray
    """float64 [N, M], the log-probabilities of the classes."""
    of_memory: dict[str, np.ndarray] = field(default_factory=dict)
    """What a memory says of them, if there is one."""


class Judge:
    """Compares candidates with the elites, or with thresholds that follow them."""

    def __init__(self, archive: Archive, threshold_rate: float, seed: int) -> None:
        """Compare with the archive's elites, or let thresholds follow them at this rate."""
        self._archive = archive
        self._rate = threshold_rate
        self._seed = seed
        self.known = len(archive.ranks)
        """The classes that measure a candidate: those that the target listed at first."""
        self.thresholds: np.ndarray | None = None
        """float64 [K], if they are not the elites' ranks; -inf for an empty niche."""

    @property
    def measures(self) -> int:
        """How many numbers measure a candidate."""
        return min(self.known, MOST_MEASURES)

    def judge(self, scores: Scores) -> Feedback:
        """Compare exact scores of N candidates with the archive before they enter it."""
        classes = self._archive.classes
        ranks = np.clip(rank(scores), -FARTHEST, FARTHEST)
        bar = np.minimum(self._bar()[classes], FARTHEST)
        empty = np.isneginf(bar)
        ours = ranks[:, classes]
        gains = np.where(empty, ours, ours - np.where(empty, 0, bar))
        wins = np.where(empty, ours > -FARTHEST, gains > 0)
        status = np.where((wins & empty).any(1), NEW, np.where(wins.any(1), IMPROVED, NOT_ADDED))
        self._raise_thresholds(ours, wins)
        return Feedback(ranks, status, gains.max(1), self._measure(scores))

    def _bar(self) -> np.ndarray:
        if self.thresholds is None:
            return self._archive.ranks
        grown = np.full(len(self._archive.ranks), -np.inf)
        grown[: len(self.thresholds)] = self.thresholds
        return grown

    def _raise_thresholds(self, ranks: np.ndarray, wins: np.ndarray) -> None:
        """Move each threshold towards those that passed it, by CMA-MAE's rule for a batch.

        With n candidates of mean f, ``t = (1 - a)^n t + (1 - (1 - a)^n) f`` (Fontaine and
        Nikolaidis, 2023). The first candidates of a niche set its threshold to their mean.
        """
        if self._rate == 1:
            return
        bar = self._bar().copy()
        counts = wins.sum(0)
        means = np.where(wins, ranks, 0).sum(0) / np.maximum(counts, 1)
        old = bar[self._archive.classes]
        kept = np.where(np.isneginf(old), 0, (1 - self._rate) ** counts)
        moved = kept * np.where(np.isneginf(old), 0, old) + (1 - kept) * means
        bar[self._archive.classes] = np.where(counts > 0, moved, old)
        self.thresholds = bar

    def _measure(self, scores: Scores) -> np.ndarray:
        """Give log-probabilities between LOWEST and HIGHEST; if they are many, sums of them."""
        if scores.logits is None:
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.log(np.asarray(scores.probs, np.float64))
        else:
            logits = np.asarray(scores.logits, np.float64)
            with np.errstate(invalid="ignore"):  # a refused image may have any scores
                logs = logits - logits.max(1, keepdims=True)
                logs -= np.log(np.exp(logs).sum(1, keepdims=True))
        logs = np.asarray(
            np.nan_to_num(np.clip(logs[:, : self.known], LOWEST, HIGHEST), nan=LOWEST)
        )
        if self.known <= MOST_MEASURES:
            return logs
        draw = np.random.default_rng(derive_seed(self._seed, "measures"))
        signs = draw.choice([-1.0, 1.0], (self.known, self.measures)) / np.sqrt(self.measures)
        # Not by BLAS, whose last bits depend on its threads.
        sums: np.ndarray = np.einsum("nk,km->nm", logs, signs)
        return sums


class Memory:
    """Earlier candidates by their measures, in an archive of pyribs.

    For ``novelty`` and ``local_competition`` it is a ``ProximityArchive`` of the last candidates
    that were novel. For ``dominated_novelty`` it is a ``DNSArchive`` of the best ones.
    """

    def __init__(self, options: Options, measures: int, *, dominated: bool) -> None:
        """Start empty; a candidate has so many ``measures``."""
        self._options = options
        self._measures = measures
        self._dominated = dominated
        self._archive = self._make()

    def add(self, fitness: np.ndarray, measures: np.ndarray) -> dict[str, np.ndarray]:
        """Compare candidates with the memory, then remember some of them.

        Args:
            fitness: float64 [N].
            measures: float64 [N, M].

        Returns:
            By name, an array [N] each: ``status``, whether a candidate is remembered, and what
            the rankers of novelty rank by.
        """
        if not len(fitness):
            return dict.fromkeys(("status", *NAMES[self._dominated]), np.zeros(0))
        added = self._archive.add(np.zeros(len(fitness)), fitness, measures)
        if self._dominated:
            # No fitter candidate is near: such ones come first, and infinities do not compare.
            novelty = np.minimum(added["dns"], np.finfo(np.float32).max)
            return {"status": added["status"], "dominated_novelty": novelty}
        if len(self._archive) > self._options.memory:
            kept = [self._archive.data(name)[-self._options.memory :] for name in FIELDS]
            self._archive = self._make()
            self._archive.add(*kept)
        return {name: added[name] for name in ("status", *NAMES[False])}

    def state(self) -> dict[str, Any]:
        """Give what is remembered, as JSON."""
        return {name: write_array(self._archive.data(name)) for name in FIELDS[1:]}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember what :meth:`state` gave."""
        fitness = read_array(state["objective"], np.float64)
        measures = read_array(state["measures"], np.float64).reshape(-1, self._measures)
        if len(fitness):
            # An empty archive takes all, in this order.
            self._archive = self._make()
            self._archive.add(np.zeros(len(fitness)), fitness, measures)

    def _make(self) -> Any:
        shape: dict[str, Any] = {
            "solution_dim": (),
            "measure_dim": self._measures,
            "k_neighbors": self._options.neighbours,
        }
        if self._dominated:
            return DNSArchive(**shape, capacity=self._options.memory)
        threshold = self._options.novelty_threshold
        return ProximityArchive(**shape, novelty_threshold=threshold, local_competition=True)
