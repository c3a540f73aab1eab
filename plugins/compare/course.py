"""The course of a run over the images that it scored, read from its database at once."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .measures import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from neatfool import GenerationReport, Run

    from .measures import Measure


@dataclass(frozen=True)
class Course:
    """A run as a comparison sees it.

    Attributes:
        path: The run's folder.
        name: The run's name.
        seed: Its seed.
        identity: What its result depends on, the seed too.
        target: What is fooled, by name.
        fingerprint: What tells the target from one that scores otherwise.
        classes: The names of the classes that are searched, each another.
        evaluations: int64 [G], images scored after each generation.
        values: For each measure's key float64 [G], its value after each generation.
        replaced: int64 [R], the place in ``classes`` of each elite that was replaced.
        replaced_at: int64 [R], images scored after the generation of each replacement.
        confidences: float64 [R], the confidence that each replacement reached.
        finished: Whether the run has reached its length, or its own end.
        ended: Whether the search came to an end of its own. It would score no more images, and
            what it found stays as it is.
    """

    path: Path
    name: str
    seed: int
    identity: Mapping[str, Any]
    target: str
    fingerprint: str
    classes: tuple[str, ...]
    evaluations: np.ndarray
    values: Mapping[str, np.ndarray]
    replaced: np.ndarray
    replaced_at: np.ndarray
    confidences: np.ndarray
    finished: bool
    ended: bool = False

    @property
    def length(self) -> int:
        """Images scored so far."""
        return int(self.evaluations[-1]) if len(self.evaluations) else 0

    @property
    def reach(self) -> float:
        """Up to how many images it is known what it found: infinity if it ended by itself."""
        return math.inf if self.ended and self.length else self.length

    def at(self, measure: str, grid: np.ndarray) -> np.ndarray:
        """Give a measure at numbers of images: its value after the last generation, float64 [N].

        It is 0 before the first generation, and NaN where the run has not come so far.
        """
        last = np.searchsorted(self.evaluations, grid, side="right")
        values = np.concatenate([[0.0], self.values[measure]])
        return np.where(grid <= self.reach, values[last], np.nan)

    def by_class(self, classes: Sequence[str], grid: np.ndarray) -> np.ndarray:
        """Give each class's best confidence so far at numbers of images scored.

        Args:
            classes: C names, the run's own among them. The others are empty niches.
            grid: int64 [N], numbers of images, rising.

        Returns:
            float64 [C, N]: 0 while a niche is empty, NaN where the run has not come so far.
        """
        places = {name: place for place, name in enumerate(classes)}
        rows = np.array([places[name] for name in self.classes], dtype=np.int64)[self.replaced]
        columns = np.searchsorted(grid, self.replaced_at, side="left")
        best = np.zeros((len(classes), len(grid) + 1))
        np.maximum.at(best, (rows, columns), self.confidences)
        best = np.maximum.accumulate(best[:, :-1], axis=1)
        best[:, grid > self.reach] = np.nan
        return best


def read_course(run: Run) -> Course:
    """Read the course of a run, finished or under way.

    Raises:
        RunError: Its database cannot be read.
    """
    replacements = np.array(run.replacements, dtype=float).reshape(-1, 3)
    history = run.history
    searched, names = run.searched, run.classes
    places = np.full(len(names), -1)
    places[list(searched)] = np.arange(len(searched))
    generations, indices = replacements[:, :2].astype(np.int64).T
    evaluations = np.array([report.evaluations for report in history], dtype=np.int64)
    return Course(
        path=run.path,
        name=run.name,
        seed=run.seed,
        identity=run.info["identity"],
        target=str(run.info["target"]["name"]),
        fingerprint=str(run.info["target"]["fingerprint"]),
        classes=tuple(_told_apart(names[index] for index in searched)),
        evaluations=evaluations,
        values={key: _values(measure, history) for key, measure in MEASURES.items()},
        replaced=places[indices],
        replaced_at=evaluations[generations - (history[0].generation if history else 0)],
        confidences=replacements[:, 2],
        finished=run.finished,
        ended=run.ended,
    )


def _values(measure: Measure, history: Sequence[GenerationReport]) -> np.ndarray:
    values = np.array([measure.read(report) for report in history], dtype=float)
    return values.cumsum() if measure.kind == "changes" else values


def _told_apart(names: Iterable[str]) -> Iterator[str]:
    """Number a name that was there before: ``crane``, ``crane (2)``."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"
