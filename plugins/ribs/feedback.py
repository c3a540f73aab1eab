"""What emitters see of the archive, and what they learn of their candidates.

All that they learn comes from exact scores. Screening, which depends on a measured speed, would
show through in what emitters do next, so the scheme has no ``bar`` and every candidate is scored
exactly.
"""

import base64
import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from ribs.archives import ArchiveBase, DNSArchive, ProximityArchive
from scipy.special import log_expit, log_softmax

from neatfool import Archive, Elite, Scores, derive_seed, rank

from . import Options

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


class Niches(ArchiveBase):  # type: ignore[misc]
    """An archive of pyribs that only reads; the framework's own archive keeps the elites."""

    dtypes: Final = dict.fromkeys(FIELDS, np.dtype(np.float64))

    def __init__(self, start: np.ndarray, measures: int, chance: np.random.Generator) -> None:
        """See nothing yet, and give ``start``, float64 [P], while there is no elite to draw."""
        super().__init__(solution_dim=len(start), objective_dim=(), measure_dim=measures)
        self._start = start
        self._chance = chance
        self.neighbours: Sequence[tuple[Elite, np.ndarray]] = ()
        self.drawn: list[Elite] = []
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
        self.drawn = [self.neighbours[place][0] for place in places]
        return {"solution": np.stack([self.neighbours[place][1] for place in places])}


class Judge:
    """Compares candidates with the elites, or with thresholds that follow them at a rate below 1.

    The classes that the target listed at first measure a candidate: they are ``known``.
    """

    def __init__(self, archive: Archive, threshold_rate: float, seed: int) -> None:
        self._archive = archive
        self._rate = threshold_rate
        self._seed = seed
        self.known = len(archive.ranks)
        self.thresholds: np.ndarray | None = None

    @property
    def measures(self) -> int:
        """How many numbers measure a candidate."""
        return min(self.known, MOST_MEASURES)

    def judge(self, scores: Scores) -> dict[str, np.ndarray]:
        """Compare exact scores of N candidates with the archive before they enter it.

        ``ranks`` are finite, [N, K]; ``status`` is 0 for no improvement, 1 for a better image of
        some class, 2 for the first of one; ``value`` is the largest gain in log-odds in any niche,
        negative if none is won; ``measures``, [N, M], are the log-probabilities of the classes.
        """
        classes = self._archive.classes
        ranks = np.clip(rank(scores), -FARTHEST, FARTHEST)
        limits = self._archive.ranks
        if self.thresholds is not None:  # classes may have turned up since
            limits = np.full(len(limits), -np.inf)
            limits[: len(self.thresholds)] = self.thresholds
        bar = np.minimum(limits[classes], FARTHEST)
        empty = np.isneginf(bar)
        ours = ranks[:, classes]
        gains = np.where(empty, ours, ours - np.where(empty, 0, bar))
        wins = np.where(empty, ours > -FARTHEST, gains > 0)
        status = np.where((wins & empty).any(1), NEW, np.where(wins.any(1), IMPROVED, NOT_ADDED))
        if self._rate < 1:
            # CMA-MAE's rule for n candidates of mean f that passed a threshold t:
            # t = (1 - a)^n t + (1 - (1 - a)^n) f (Fontaine and Nikolaidis, 2023). The first
            # candidates of a niche set its threshold to their mean.
            counts = wins.sum(0)
            means = np.where(wins, ours, 0).sum(0) / np.maximum(counts, 1)
            self.thresholds, old = limits.copy(), limits[classes]
            kept = np.where(np.isneginf(old), 0, (1 - self._rate) ** counts)
            moved = kept * np.where(np.isneginf(old), 0, old) + (1 - kept) * means
            self.thresholds[classes] = np.where(counts > 0, moved, old)
        measures = self._measure(scores)
        value = gains.max(1, initial=-np.inf)  # no class may have turned up yet
        return {"ranks": ranks, "status": status, "value": value, "measures": measures}

    def _measure(self, scores: Scores) -> np.ndarray:
        """Give log-probabilities between LOWEST and HIGHEST; if they are many, sums of them."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a refused image may have any scores
            if scores.logits is None:
                logs = np.log(np.asarray(scores.probs, np.float64))
            else:
                logits = np.asarray(scores.logits, np.float64)
                logs = log_expit(logits) if scores.alone else log_softmax(logits, 1)
        measures: np.ndarray = np.clip(logs[:, : self.known], LOWEST, HIGHEST)
        measures = np.nan_to_num(measures, nan=LOWEST)
        if self.known <= MOST_MEASURES:
            return measures
        draw = np.random.default_rng(derive_seed(self._seed, "measures"))
        signs = draw.choice([-1.0, 1.0], (self.known, self.measures)) / np.sqrt(self.measures)
        # Not by BLAS, whose last bits depend on its threads.
        return np.asarray(np.einsum("nk,km->nm", measures, signs))


class Memory:
    """Earlier candidates by their measures: the last novel ones, or if ``dominated`` the best."""

    def __init__(self, options: Options, measures: int, *, dominated: bool) -> None:
        """Start empty; a candidate has so many ``measures``."""
        self._options = options
        self._measures = measures
        self._dominated = dominated
        self._archive = self._make()

    def add(self, fitness: np.ndarray, measures: np.ndarray) -> dict[str, np.ndarray]:
        """Compare N candidates, then remember some; a fitness of -FARTHEST is a refused image's."""
        usable = np.flatnonzero(fitness > -FARTHEST)
        names = ("dominated_novelty",) if self._dominated else ("novelty", "local_competition")
        compared = dict.fromkeys(("status", *names), np.zeros(0))
        if len(usable):
            added = self._archive.add(np.zeros(len(usable)), fitness[usable], measures[usable])
            if self._dominated:
                # No fitter candidate is near: such come first, and infinities do not compare.
                added["dominated_novelty"] = np.minimum(added["dns"], np.finfo(np.float32).max)
            compared = {name: added[name] for name in compared}
        if not self._dominated and len(self._archive) > self._options.memory:
            kept = [self._archive.data(name)[-self._options.memory :] for name in FIELDS]
            self._archive = self._make()
            self._archive.add(*kept)
        for name, values in compared.items():
            compared[name] = np.zeros(len(fitness), values.dtype)
            compared[name][usable] = values
        return compared

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
        neighbours = self._options.neighbours
        shape = {"solution_dim": (), "measure_dim": self._measures, "k_neighbors": neighbours}
        if self._dominated:
            return DNSArchive(**shape, capacity=self._options.memory)
        threshold = self._options.novelty_threshold
        return ProximityArchive(**shape, novelty_threshold=threshold, local_competition=True)


def write_array(array: np.ndarray) -> str:
    """Write an array's numbers, without its shape, as text for a state in JSON."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(little.tobytes())).decode()


def read_array(text: str, dtype: Any) -> np.ndarray:
    """Read what :func:`write_array` wrote of that type: an array of one dimension."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)
