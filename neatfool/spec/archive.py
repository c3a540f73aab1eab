"""Candidates, elites, and the archive: for each class the best candidate found so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import Scores, rank


@dataclass(frozen=True)
class Candidate:
    """A genome that was bred and is not scored yet.

    Attributes:
        id: Its number in the run: candidates are counted from 0 as they are bred.
        genome: The genome; treat it as immutable.
        parents: The ids of its parents, fittest first; empty for a random genome.
        generation: The generation it was bred in, from 0.
        evaluations: How many images it counts for: 1 for itself, however many views of it are
            shown, and those shown to the target to make it (or a group of candidates whose first
            it is). It is not stored.
    """

    id: int
    genome: Any
    parents: tuple[int, ...] = ()
    generation: int = 0
    evaluations: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Elite:
    """The best candidate found so far for a class.

    Attributes:
        class_index: The class whose niche it holds.
        candidate: The candidate.
        score: What the target gives the class: its confidence in [0, 1]; any real number if the
            target is an objective.
        rank: The number that selection compares: the log-odds in float64 if the target has
            logits, else the score.
    """

    class_index: int
    candidate: Candidate
    score: float
    rank: float


@dataclass(frozen=True)
class Replacement:
    """A niche that a better candidate took.

    Attributes:
        elite: The new elite.
        previous: The id of the candidate that held the niche, or None if it was empty.
        goal_switch: Whether a parent of the new elite was an elite, and none held this niche.
    """

    elite: Elite
    previous: int | None = None
    goal_switch: bool = False


@dataclass(frozen=True)
class GenomeSize:
    """How large a genome is: its nodes and enabled connections, or its numbers."""

    nodes: int
    connections: int


SCORES_AT_ONCE = 1 << 21
"""The most scores ranked at once. At 8 bytes each they take 16 MiB, however many the classes."""

EMPTY = -1


class Archive:
    """The elites, one niche a class.

    Memory is linear in the classes, plus the genomes of the distinct elites.

    Attributes:
        classes: int64 [M], the indices of the classes that are searched, ascending.
        candidate_ids: int64 [K], the id of the candidate that holds each niche, -1 if empty.
        scores: float64 [K], that candidate's score in the class, 0 if empty.
        ranks: float64 [K], what selection compares, -inf if empty.
        candidates: The distinct candidates among the elites, by id.
    """

    candidates: dict[int, Candidate]

    def __init__(self, class_count: int, classes: Sequence[int] | None = None) -> None:
        """Make an empty archive.

        Args:
            class_count: The number K of the target's classes.
            classes: The indices of the classes to search; all if absent.
        """
        self._all = classes is None
        chosen = range(class_count) if classes is None else sorted(set(classes))
        self.classes = np.fromiter(chosen, dtype=np.int64)
        self.candidate_ids = np.full(class_count, EMPTY, dtype=np.int64)
        self.scores = np.zeros(class_count)
        self.ranks = np.full(class_count, -np.inf)
        self.candidates = {}
        self._niches: Counter[int] = Counter()

    @classmethod
    def of(cls, spec: ImageSpec, named: Sequence[str | int] = ()) -> Archive:
        """Make an empty archive of the classes that :meth:`ImageSpec.searched` chooses.

        Without names, classes that turn up during the run are searched, too.
        """
        archive = cls(len(spec.classes), spec.searched(named))
        archive._all = not named
        return archive

    def grow(self, class_count: int) -> None:
        """Append empty niches until there are ``class_count``; a smaller number does nothing."""
        if (more := class_count - len(self.ranks)) <= 0:
            return
        self.candidate_ids = np.concatenate([self.candidate_ids, np.full(more, EMPTY)])
        self.scores = np.concatenate([self.scores, np.zeros(more)])
        self.ranks = np.concatenate([self.ranks, np.full(more, -np.inf)])
        if self._all:
            new = np.arange(len(self.ranks) - more, len(self.ranks))
            self.classes = np.concatenate([self.classes, new])

    def elite(self, class_index: int) -> Elite | None:
        """Give the elite of a class, or None where its niche is empty."""
        if (candidate_id := int(self.candidate_ids[class_index])) == EMPTY:
            return None
        score, rank = float(self.scores[class_index]), float(self.ranks[class_index])
        return Elite(class_index, self.candidates[candidate_id], score, rank)

    def bar(self) -> np.ndarray:
        """Give the rank to exceed in each class.

        Returns:
            float64 [K]: the elite's rank, -inf for an empty niche, +inf for a class that is not
            searched.
        """
        bar = np.full(len(self.ranks), np.inf)
        bar[self.classes] = self.ranks[self.classes]
        return bar

    def elites(self) -> Iterator[Elite]:
        """Give the elites in the order of their classes."""
        yield from filter(None, map(self.elite, range(len(self.ranks))))

    def place(self, elite: Elite) -> int | None:
        """Put an elite into its niche, and give the id of its former holder; None if empty."""
        index, candidate = elite.class_index, elite.candidate
        previous = int(self.candidate_ids[index])
        self.candidate_ids[index] = candidate.id
        self.scores[index], self.ranks[index] = elite.score, elite.rank
        self.candidates[candidate.id] = candidate
        self._niches[candidate.id] += 1
        if previous == EMPTY:
            return None
        self._niches[previous] -= 1
        if not self._niches[previous]:
            del self._niches[previous], self.candidates[previous]
        return previous

    def offer(
        self, candidates: Sequence[Candidate], scores: Scores, classes: Sequence[int] | None = None
    ) -> list[Replacement]:
        """Let every candidate take every niche in which it ranks strictly higher than the elite.

        The archive ends as if the candidates were inserted one by one. Only the last holder of a
        niche counts as a replacement.

        Args:
            candidates: N candidates.
            scores: Their scores [N, K], ranked by :func:`~neatfool.rank`. A row that is not ``ok``
                or not ``exact`` takes no niche.
            classes: The niches to offer; all searched ones if absent.

        Returns:
            The replacements, in the order of the classes.
        """
        niches = self.classes if classes is None else np.asarray(sorted(set(classes)), np.int64)
        winners, ranks = self._best(scores, niches)
        before, replacements = {*self.candidates}, []
        for i in np.flatnonzero(ranks > self.ranks[niches]).tolist():
            index, row = int(niches[i]), int(winners[i])
            score = float(scores.probs[row, index])
            elite = Elite(index, candidates[row], score, float(ranks[i]))
            parents, previous = elite.candidate.parents, self.place(elite)
            goal_switch = not before.isdisjoint(parents) and previous not in parents
            replacements.append(Replacement(elite, previous, goal_switch))
        return replacements

    @staticmethod
    def _best(scores: Scores, niches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count, class_count = scores.probs.shape
        best = np.full(len(niches), -np.inf)
        winners = np.zeros(len(niches), dtype=np.int64)
        step = max(1, SCORES_AT_ONCE // max(1, class_count))
        for start in range(0, count, step):
            piece = slice(start, start + step)
            ranks = rank(scores.part(piece))
            if len(niches) < class_count:
                ranks = ranks[:, niches]
            rows = ranks.argmax(axis=0)
            values = ranks[rows, np.arange(len(niches))]
            better = values > best
            best[better] = values[better]
            winners[better] = rows[better] + start
        return winners, best
