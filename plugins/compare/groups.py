"""Runs, read as courses over images, in groups, and the test whether two groups differ."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from neatfool import Run, RunError, differences, open_runs
from neatfool.measure import RunCourse
from neatfool.present import Facts

MOST_IN_A_LABEL: Final = 2
"""A label tells at most this many options; more make it too long for the tables."""
MOST_ARRANGEMENTS: Final = 5_000
"""Equal values make scipy count every way to deal the values out; more would take seconds."""
USUAL_LEVEL: Final = 0.05


@dataclass(frozen=True)
class RunGroup:
    """Runs of one experiment that differ in their seed."""

    label: str
    runs: tuple[RunCourse, ...]
    folder: Path | None = None
    left_out: tuple[RunCourse, ...] = ()

    @property
    def first(self) -> RunCourse:
        """One of its runs."""
        return self.runs[0]

    @property
    def classes(self) -> frozenset[str]:
        """The classes that its runs search."""
        return frozenset(name for run in self.runs for name in run.classes)

    @property
    def reach(self) -> float:
        """Up to how many images it is known what at least half of its runs found."""
        reaches = sorted((run.reach for run in self.runs), reverse=True)
        return reaches[(len(reaches) - 1) // 2]

    def at(self, measure: str, grid: np.ndarray) -> np.ndarray:
        """Give a measure of each run at numbers of images: float64 [S, N]."""
        return np.stack([run.at(measure, grid) for run in self.runs])

    def quartiles(self, measure: str, grid: np.ndarray) -> np.ndarray:
        """Give a measure's quartiles, float64 [3, N]: NaN where less than half of the runs came."""
        found = np.full((3, len(grid)), np.nan)
        here = grid <= self.reach
        found[:, here] = np.nanquantile(self.at(measure, grid[here]), [0.25, 0.5, 0.75], axis=0)
        return found


def gather(runs: Run | str | Path | Sequence[Run | str | Path]) -> list[RunGroup]:
    """Read runs and put together those of one folder that differ in nothing but their seed."""
    courses: dict[Path, tuple[Path | None, RunCourse]] = {}
    for each in [runs] if isinstance(runs, Run | str | Path) else runs:
        with open_runs(each) as opened:
            for run in opened:
                named = isinstance(each, Run) or run.path == Path(each)
                entry = None if named else run.path.parent, RunCourse(run)
                courses.setdefault(run.path.resolve(), entry)
    if not courses:
        raise RunError("no run was named; give runs, or folders that hold such")
    found: dict[tuple[Any, ...], list[RunCourse]] = {}
    for folder, course in courses.values():
        same = json.dumps(course.without_seed, sort_keys=True)
        found.setdefault((folder, same, course.fingerprint), []).append(course)
    groups = [_group(folder, runs) for (folder, *_), runs in found.items()]
    labels = zip(groups, _labels(groups), strict=True)
    return [replace(group, label=label) for group, label in labels]


def _group(folder: Path | None, runs: Sequence[RunCourse]) -> RunGroup:
    longest = {run.seed: run for run in sorted(runs, key=lambda run: (run.seed, run.length))}
    chosen = tuple(run for run in longest.values() if run.length)
    if not chosen:
        raise RunError(
            f"{runs[0].path}: nothing is recorded yet; wait for its first generation, or leave it "
            "out"
        )
    return RunGroup(
        label=chosen[0].name,
        runs=chosen,
        folder=folder,
        left_out=tuple(run for run in runs if run is not longest[run.seed] or not run.length),
    )


def options_that_differ(groups: Sequence[RunGroup]) -> dict[str, list[Any]]:
    """Give the options in which the groups' experiments differ, each with all groups' values."""
    first, *others = (group.first.without_seed for group in groups)
    options: dict[str, list[Any]] = {}
    for place, other in enumerate(others, 1):
        for name, here, there in differences(first, other):
            options.setdefault(name, [here] * len(groups))[place] = there
    return options


def _labels(groups: Sequence[RunGroup]) -> list[str]:
    """Make labels that tell the groups apart: names, then options, then folders."""
    labels = [group.first.name for group in groups]
    for name in {label for label in labels if labels.count(label) > 1}:
        places = [i for i, label in enumerate(labels) if label == name]
        options = list(options_that_differ([groups[i] for i in places]).items())[:MOST_IN_A_LABEL]
        for number, i in enumerate(places):
            parts = [f"{key.partition('] ')[2]} = {values[number]}" for key, values in options]
            labels[i] = f"{name} ({', '.join(parts)})" if parts else name
    return [
        label if labels.count(label) == 1 else f"{label} in {group.folder or group.first.path}"
        for label, group in zip(labels, groups, strict=True)
    ]


class RankTest(Facts):
    """What the Mann-Whitney U test says of two groups of values."""

    n: tuple[int, int]
    """how many values the groups have"""
    u: float
    """pairs in which the first is the higher; a tie counts as half"""
    p: float
    """how likely chance alone makes a U so far from the middle"""
    least_p: float
    """the smallest p that this number of values can give"""

    @property
    def pairs(self) -> int:
        """Pairs of a value of the first group and one of the second."""
        return self.n[0] * self.n[1]

    @property
    def can_tell(self) -> bool:
        """Whether this number of values can show a difference at the level of 5 %."""
        return self.least_p <= USUAL_LEVEL

    @property
    def words(self) -> str:
        """The p-value: ``"p = 0.032"``."""
        return "p < 0.0001" if self.p < 0.0001 else f"p = {self.p:.2g}"


def mann_whitney(first: ArrayLike, second: ArrayLike) -> RankTest:
    """Compare two groups of values by the two-sided U test (Mann and Whitney, 1947)."""
    from scipy.stats import PermutationMethod, mannwhitneyu

    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    n = len(one), len(other)
    arrangements = math.comb(sum(n), n[0])
    tied = len(np.unique([*one, *other])) < sum(n)
    count_all = tied and min(n) > 1 and arrangements <= MOST_ARRANGEMENTS
    method = PermutationMethod(n_resamples=arrangements) if count_all else "auto"
    u, p = mannwhitneyu(one, other, alternative="two-sided", method=method)
    least_p = min(1.0, 2 / arrangements)
    return RankTest(u=u, p=min(1.0, max(float(p), least_p)), least_p=least_p, n=n)
