"""Groups of runs that differ by nothing but chance: the replicates of one experiment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from neatfool.analysis.course import Course, read_course
from neatfool.errors import ExperimentError, RunError
from neatfool.experiment.experiment import differences
from neatfool.fooling.opening import open_run
from neatfool.run.folder import find_runs
from neatfool.run.run import Run

MOST_IN_A_LABEL: Final = 2
"""A label tells at most this many options; more make it too long for the tables."""


@dataclass(frozen=True)
class Group:
    """Runs of one experiment that differ in their seed; all groups have their classes in one order.

    Of runs that are left out nothing is recorded yet, or a longer one has the same seed.
    """

    label: str
    runs: tuple[Course, ...]
    classes: tuple[str, ...]
    folder: Path | None = None
    left_out: tuple[Course, ...] = ()

    @property
    def first(self) -> Course:
        """One of its runs."""
        return self.runs[0]

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

    def by_class(self, grid: np.ndarray) -> np.ndarray:
        """Give the median over runs of each class's confidence at numbers of images: [C, N]."""
        values = np.stack([run.by_class(self.classes, grid) for run in self.runs])
        median = np.full(values.shape[1:], np.nan)
        here = grid <= self.reach
        median[:, here] = np.nanmedian(values[..., here], axis=0)
        return median


def gather(
    runs: Run | str | Path | Sequence[Run | str | Path], labels: Sequence[str] = ()
) -> list[Group]:
    """Read runs and put together those that differ in nothing but their seed, as they were named.

    A folder that holds runs is a group, or several if there are several experiments in it.

    Raises:
        RunError: No run is named, or there is none in a folder, or one cannot be read, or nothing
            is recorded of a group.
        ExperimentError: There are not as many labels as groups.
    """
    places: dict[Path, tuple[Path | None, Run | Path]] = {}
    for each in [runs] if isinstance(runs, Run | str | Path) else runs:
        if isinstance(each, Run):
            places.setdefault(each.path.resolve(), (None, each))
            continue
        for place in find_runs(Path(each)):
            folder = None if place == Path(each) else place.parent
            places.setdefault(place.resolve(), (folder, place))
    if not places:
        raise RunError("no run was named; give runs, or folders that hold such")
    found: dict[tuple[Any, ...], list[Course]] = {}
    for folder, source in places.values():
        with ExitStack() as ending:
            if not isinstance(source, Run):
                source = ending.enter_context(closing(open_run(source)))  # noqa: PLW2901
            course = read_course(source)
        same = json.dumps(_without_seed(course.identity), sort_keys=True)
        found.setdefault((folder, same, course.fingerprint), []).append(course)
    groups = [_group(folder, runs) for (folder, *_), runs in found.items()]
    names = labels or _labels(groups)
    if len(names) != len(groups):
        count = f"{len(groups)} groups" if len(groups) != 1 else "1 group"
        raise ExperimentError(
            f"--labels: {len(names)} for {count} ({', '.join(_labels(groups))}); give one for each"
        )
    order = list(dict.fromkeys(name for group in groups for name in group.classes))
    return [
        replace(group, label=label, classes=tuple(filter(set(group.classes).__contains__, order)))
        for group, label in zip(groups, names, strict=True)
    ]


def _group(folder: Path | None, runs: Sequence[Course]) -> Group:
    longest = {run.seed: run for run in sorted(runs, key=lambda run: (run.seed, run.length))}
    chosen = tuple(run for run in longest.values() if run.length)
    if not chosen:
        raise RunError(
            f"{runs[0].path}: nothing is recorded yet; wait for its first generation, or leave it "
            "out"
        )
    return Group(
        label=chosen[0].name,
        runs=chosen,
        classes=tuple(dict.fromkeys(name for run in chosen for name in run.classes)),
        folder=folder,
        left_out=tuple(run for run in runs if run is not longest[run.seed] or not run.length),
    )


def _without_seed(identity: Mapping[str, Any]) -> dict[str, Any]:
    general = {key: v for key, v in identity.get("experiment", {}).items() if key != "seed"}
    return {**identity, "experiment": general}


def options_that_differ(groups: Sequence[Group]) -> dict[str, list[Any]]:
    """Give the options in which the groups' experiments differ, each with all groups' values."""
    first, *others = (_without_seed(group.first.identity) for group in groups)
    options: dict[str, list[Any]] = {}
    for place, other in enumerate(others, 1):
        for name, here, there in differences(first, other):
            options.setdefault(name, [here] * len(groups))[place] = there
    return options


def _labels(groups: Sequence[Group]) -> list[str]:
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
