"""The course of a run over the images that it scored, read from its database at once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from neatfool.run.statistics import CONFIDENCE_THRESHOLDS
from neatfool.wording import level, percent

if TYPE_CHECKING:
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport


@dataclass(frozen=True)
class Measure:
    """A number that each generation of a run has; changes are counted since the run began."""

    key: str
    title: str
    kind: Literal["confidence", "classes", "changes", "size"]
    read: Callable[[GenerationReport], float]

    @property
    def tested(self) -> bool:
        """Whether groups are tested for a difference in it."""
        return self.kind == "classes" or self.key in {"median", "mean"}

    @property
    def short_title(self) -> str:
        """The title for a narrow column: ``"median"``, ``"≥ 99 %"``."""
        return self.title.removesuffix(" confidence").removeprefix("classes ")

    def in_words(self, value: float) -> str:
        """Write a value of it, or ``"-"`` for NaN."""
        if not np.isfinite(value):
            return "-"
        if self.kind == "confidence":
            return percent(value)
        return f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:,.1f}"


def _named(key: str, title: str, kind: Literal["confidence", "changes", "size"]) -> Measure:
    return Measure(key, title, kind, attrgetter(key))


def _classes(place: int, least: float) -> Measure:
    key, title = f"classes_ge_{least:g}", f"classes ≥ {level(least)}"
    return Measure(key, title, "classes", lambda report: report.classes_ge[place])


MEASURES: Final = {
    measure.key: measure
    for measure in (
        _named("median", "median confidence", "confidence"),
        _named("mean", "mean confidence", "confidence"),
        _named("minimum", "lowest confidence", "confidence"),
        *(_classes(place, least) for place, least in enumerate(CONFIDENCE_THRESHOLDS)),
        _named("replacements", "replacements", "changes"),
        _named("goal_switches", "goal switches", "changes"),
        _named("nodes", "nodes", "size"),
        _named("connections", "connections", "size"),
    )
}
"""All measures by their keys, in the order in which they are shown."""
TESTED: Final = [measure for measure in MEASURES.values() if measure.tested]


@dataclass(frozen=True)
class Course:
    """A run as a comparison sees it."""

    path: Path
    name: str
    seed: int
    identity: Mapping[str, Any]
    """What its result depends on, the seed too."""
    target: str
    fingerprint: str
    """What tells the target from one that scores otherwise."""
    classes: tuple[str, ...]
    """The names of the classes that are searched, each another."""
    evaluations: np.ndarray
    """int64 [G], images scored after each generation."""
    values: Mapping[str, np.ndarray]
    """For each measure's key float64 [G], its value after each generation."""
    replaced: np.ndarray
    """int64 [R], the place in ``classes`` of each elite that was replaced."""
    replaced_at: np.ndarray
    """int64 [R], images scored after the generation of each replacement."""
    confidences: np.ndarray
    """float64 [R], the confidence that each replacement reached."""
    finished: bool
    """Whether the run has reached its length, or its own end."""
    ended: bool = False
    """Whether the search came to an end of its own. It would score no more images, and what it
    found stays as it is."""

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
        """Give the best confidence so far in C classes, the run's own among them: float64 [C, N].

        It is 0 while a niche is empty, and NaN where the run has not come so far.
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
    """Read the course of a run, finished or under way."""
    replacements = np.array(run.replacements, dtype=float).reshape(-1, 3)
    history, target = run.history, run.info["target"]
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
        target=str(target["name"]),
        fingerprint=str(target["fingerprint"]),
        classes=tuple(_numbered(names[index] for index in searched)),
        evaluations=evaluations,
        values={
            key: values.cumsum() if measure.kind == "changes" else values
            for key, measure in MEASURES.items()
            for values in [np.array([measure.read(report) for report in history], dtype=float)]
        },
        replaced=places[indices],
        replaced_at=evaluations[generations - (history[0].generation if history else 0)],
        confidences=replacements[:, 2],
        finished=run.finished,
        ended=run.ended,
    )


def _numbered(names: Iterable[str]) -> Iterator[str]:
    """Number a name that was there before: ``crane``, ``crane (2)``."""
    counts: Counter[str] = Counter()
    for name in names:
        counts[name] += 1
        yield name if counts[name] == 1 else f"{name} ({counts[name]})"
