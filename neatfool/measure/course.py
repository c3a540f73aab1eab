"""A run, read as a course over images: what it had found by when."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from scipy.special import logit

from neatfool.run.run import Run
from neatfool.run.statistics import GenerationReport
from neatfool.wording import distinct_names, four_digits, level, percent


@dataclass(frozen=True)
class Statistic:
    """A number that each generation of a run has; changes are counted since the run began."""

    key: str
    title: str
    kind: Literal["confidence", "score", "classes", "changes", "size"]

    def in_words(self, value: float) -> str:
        """Write a value of it, or ``"-"`` for NaN."""
        if not np.isfinite(value):
            return "-"
        if self.kind == "confidence":
            odds = logit(value)
            if odds < LARGEST_ODDS:
                return percent(value, odds)
            return f"{percent(value)} (log-odds above {LARGEST_ODDS:g})"
        if self.kind == "score":
            return four_digits(value)
        return f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:,.1f}"


LARGEST_ODDS: Final = 16.0
"""A confidence that rounds to 1 in single precision has at least these log-odds."""
STATISTICS: Final = {
    measure.key: measure
    for measure in (
        Statistic("median", "median confidence", "confidence"),
        Statistic("mean", "mean confidence", "confidence"),
        Statistic("minimum", "lowest confidence", "confidence"),
        *(
            Statistic(f"classes_ge_{p:g}", f"classes ≥ {level(p)}", "classes")
            for p in GenerationReport.thresholds
        ),
        Statistic("replacements", "replacements", "changes"),
        Statistic("goal_switches", "goal switches", "changes"),
        Statistic("nodes", "nodes", "size"),
        Statistic("connections", "connections", "size"),
    )
}
"""All measures of a classifier's run by their keys, in the order in which they are shown."""
SCORE_STATISTICS: Final = {
    "median": Statistic("median", "median score", "score"),
    "mean": Statistic("mean", "mean score", "score"),
    "minimum": Statistic("minimum", "lowest score", "score"),
    "filled": Statistic("filled", "niches filled", "classes"),
    **{key: each for key, each in STATISTICS.items() if each.kind in ("changes", "size")},
}
"""Those of an objective's run."""


def tested(statistics: Mapping[str, Statistic]) -> list[Statistic]:
    """Choose the measures in which groups of runs are tested."""
    return [m for m in statistics.values() if m.kind == "classes" or m.key in ("median", "mean")]


TESTED_STATISTICS: Final = tested(STATISTICS)
"""Those of :data:`STATISTICS` that comparisons test for significance."""


class RunCourse:
    """A run as a comparison sees it, over G generations and R replacements."""

    def __init__(self, run: Run) -> None:
        """Read the course of a run, finished or under way."""
        history, target = run.history, run.info["target"]
        self.path, self.name, self.seed = run.path, run.name, run.seed
        identity: Mapping[str, Any] = run.info["identity"]
        general = {key: v for key, v in identity.get("experiment", {}).items() if key != "seed"}
        self.without_seed = {**identity, "experiment": general}
        self.target, self.fingerprint = str(target["name"]), str(target["fingerprint"])
        self.finished, self.ended = run.finished, run.ended
        self.classes = distinct_names([run.classes[index] for index in run.searched])
        self.statistics = SCORE_STATISTICS if run.spec.is_objective else STATISTICS
        self.evaluations = np.array([report.evaluations for report in history], dtype=np.int64)
        sure = np.array([report.classes_ge for report in history], dtype=float)
        columns = iter(sure.reshape(-1, len(GenerationReport.thresholds)).T)
        self.values: dict[str, np.ndarray] = {}
        for key, measure in self.statistics.items():
            if key.startswith("classes_ge"):
                self.values[key] = next(columns)
            else:
                each = np.array([getattr(report, key) for report in history], dtype=float)
                self.values[key] = each.cumsum() if measure.kind == "changes" else each
        replacements = np.array(run.replacements, dtype=float).reshape(-1, 4)
        generations, indices = replacements[:, :2].astype(np.int64).T
        places = np.full(len(run.classes), -1)
        places[list(run.searched)] = np.arange(len(run.searched))
        first = history[0].generation if history else 0
        # Of each replacement the place of its class, images scored by then, and the score.
        self.replaced, self.replaced_at = places[indices], self.evaluations[generations - first]
        self.scores = replacements[:, 2]

    @property
    def length(self) -> int:
        """Images scored so far."""
        return int(self.evaluations[-1]) if len(self.evaluations) else 0

    @property
    def reach(self) -> float:
        """Up to how many images it is known what it found: infinity if it ended by itself."""
        return math.inf if self.ended and self.length else self.length

    def rows_of(self, name: str) -> np.ndarray:
        """Say which replacements were in a class: bools [R]."""
        place = self.classes.index(name) if name in self.classes else -1
        found: np.ndarray = self.replaced == place
        return found

    def until(self, name: str, confidence: float) -> float:
        """Count the images until a class had a confidence: infinity if it never did."""
        above = self.rows_of(name) & (self.scores >= confidence)
        return float(self.replaced_at[above].min()) if above.any() else math.inf

    def at(self, measure: str, grid: np.ndarray) -> np.ndarray:
        """Give a measure at N numbers of images: 0 before the first generation, NaN after all."""
        last = np.searchsorted(self.evaluations, grid, side="right")
        values = np.concatenate([[0.0], self.values[measure]])
        return np.where(grid <= self.reach, values[last], np.nan)
