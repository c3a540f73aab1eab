"""The course of a run over the images that it scored, read from its database at once."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.run.statistics import CONFIDENCE_THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport
    from neatfool.spec.json import Json

CONFIDENCES: Final = ("median", "mean", "minimum")
THRESHOLDS: Final = tuple(f"classes_ge_{threshold:g}" for threshold in CONFIDENCE_THRESHOLDS)
COUNTS: Final = ("replacements", "goal_switches")
SIZES: Final = ("nodes", "connections")
MEASURES: Final = (*CONFIDENCES, *THRESHOLDS, *COUNTS, *SIZES)
"""What is compared. Replacements and goal switches are counted from the run's beginning."""


@dataclass(frozen=True)
class RunSeries:
    """A run as a comparison sees it.

    Attributes:
        path: The run's folder.
        name: The run's name.
        seed: Its seed.
        identity: What its result depends on, the seed too.
        target: What is fooled, by name.
        fingerprint: What tells the target from one that scores otherwise.
        classes: The names of the classes that are searched.
        evaluations: int64 [G], images scored after each generation.
        values: For each of :data:`MEASURES` float64 [G], after each generation.
        changes: int64 [R, 2], the generation and the class (its place among ``classes``) of each
            replacement.
        confidences: float64 [R], the confidence that each replacement reached.
        finished: Whether the run has reached its length, or its own end.
        ended: Whether the search came to an end of its own. However many images there might be, it
            would score no more, and what it found stays as it is.
    """

    path: Path
    name: str
    seed: int
    identity: Mapping[str, Json]
    target: str
    fingerprint: str
    classes: tuple[str, ...]
    evaluations: np.ndarray
    values: Mapping[str, np.ndarray]
    changes: np.ndarray
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

    @cached_property
    def at_change(self) -> np.ndarray:
        """Images scored when each replacement was made, int64 [R]."""
        changed: np.ndarray = self.evaluations[self.changes[:, 0]]
        return changed

    def at(self, measure: str, grid: np.ndarray) -> np.ndarray:
        """Give a measure at numbers of images scored: what it was after the last generation.

        Args:
            measure: One of :data:`MEASURES`.
            grid: [N], numbers of images, rising.

        Returns:
            float64 [N]: 0 before the first generation, NaN where the run has not come so far.
        """
        last = np.searchsorted(self.evaluations, grid, side="right")
        series = np.concatenate([[0.0], self.values[measure]])
        return np.where(grid <= self.reach, series[last], np.nan)

    def by_class(self, grid: np.ndarray) -> np.ndarray:
        """Give each class's best confidence so far at numbers of images scored.

        Args:
            grid: [N], numbers of images, rising.

        Returns:
            float64 [C, N]: 0 while a niche is empty, NaN where the run has not come so far.
        """
        best = np.zeros((len(self.classes), len(grid) + 1))
        columns = np.searchsorted(grid, self.at_change, side="left")
        np.maximum.at(best, (self.changes[:, 1], columns), self.confidences)
        best = np.maximum.accumulate(best[:, :-1], axis=1)
        best[:, grid > self.reach] = np.nan
        return best

    def with_classes(self, names: Sequence[str]) -> RunSeries:
        """Give the same course with its classes in another order, or among others.

        Args:
            names: The classes, those of the run among them. The others are empty niches.
        """
        if self.classes == tuple(names):
            return self
        places = {key: place for place, key in enumerate(told_apart(names))}
        moved = np.array([places[key] for key in told_apart(self.classes)], dtype=np.int64)
        changes = np.stack([self.changes[:, 0], moved[self.changes[:, 1]]], axis=1)
        return replace(self, classes=tuple(names), changes=changes)


def told_apart(names: Iterable[str]) -> list[tuple[str, int]]:
    """Give each name and how many like it come before: two classes may have one name."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys


def read_series(run: Run) -> RunSeries:
    """Read a run's course.

    Args:
        run: The run, finished or under way.

    Raises:
        RunError: Its database cannot be read.
    """
    replacements = run.store.replacements(run.generation)
    history, info = run.history, run.info
    searched, names = run.searched, run.classes
    places = np.full(len(names), -1)
    places[list(searched)] = np.arange(len(searched))
    generations, classes, confidences = (
        np.array(column)
        for column in (zip(*replacements, strict=True) if replacements else [()] * 3)
    )
    first = history[0].generation if history else 0
    changes = np.stack([generations.astype(int) - first, places[classes.astype(int)]], axis=1)
    return RunSeries(
        path=run.path,
        name=run.name,
        seed=run.seed,
        identity=info["identity"],
        target=str(info["target"]["name"]),
        fingerprint=str(info["target"]["fingerprint"]),
        classes=tuple(names[index] for index in searched),
        evaluations=np.array([report.evaluations for report in history], dtype=np.int64),
        values=_values(history),
        changes=changes,
        confidences=confidences.astype(float),
        finished=_is_finished(run, history),
        ended=run.ended,
    )


def _values(history: list[GenerationReport]) -> dict[str, np.ndarray]:
    named = {
        name: np.array([getattr(report, name) for report in history], dtype=float)
        for name in (*CONFIDENCES, *COUNTS, *SIZES)
    }
    for name in COUNTS:
        named[name] = named[name].cumsum()
    counts = np.array([report.classes_ge for report in history], dtype=float)
    counts = counts.reshape(len(history), len(THRESHOLDS))
    return named | {name: counts[:, i] for i, name in enumerate(THRESHOLDS)}


def _is_finished(run: Run, history: list[GenerationReport]) -> bool:
    lengths = run.experiment.get("experiment", {})
    if not history:
        return False
    if run.ended:
        return True
    if generations := lengths.get("generations"):
        return history[-1].generation + 1 >= int(generations)
    return history[-1].evaluations >= int(lengths.get("images") or 0)
