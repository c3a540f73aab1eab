"""Groups of runs that differ by nothing but chance: the replicates of one experiment."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.comparison.series import read_series, told_apart
from neatfool.errors import ExperimentError, RunError
from neatfool.experiment.differences import differences
from neatfool.run.folder import DATABASE
from neatfool.run.run import open_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from neatfool.comparison.series import RunSeries
    from neatfool.spec.json import Json

MOST_IN_A_LABEL: Final = 2
"""So many options tell groups of one name apart in their labels."""


@dataclass(frozen=True)
class Summary:
    """The middle of some runs over a grid of numbers of images; NaN where too few came so far.

    Attributes:
        median: float64 [N].
        lower: The lower quartile, float64 [N].
        upper: The upper quartile, float64 [N].
        n: int64 [N], how many runs came so far.
    """

    median: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    n: np.ndarray


@dataclass(frozen=True)
class Group:
    """Runs of one experiment that differ in their seed.

    Attributes:
        label: What people call it.
        runs: Its runs, by seed. All have the same classes, in one order.
        folder: The folder they were found in, None if they were named one by one.
        left_out: Runs that are no replicates, as another of the same seed has come farther.
        idle: Runs that have recorded nothing yet.
    """

    label: str
    runs: tuple[RunSeries, ...]
    folder: Path | None = None
    left_out: tuple[RunSeries, ...] = ()
    idle: tuple[RunSeries, ...] = ()

    @property
    def first(self) -> RunSeries:
        """One of its runs."""
        return self.runs[0]

    @property
    def seeds(self) -> list[int]:
        """The seeds of its runs."""
        return [run.seed for run in self.runs]

    @property
    def experiment(self) -> dict[str, Json]:
        """What its runs have in common: section -> key -> value."""
        return _without_seed(self.first.identity)

    @property
    def reach(self) -> float:
        """Up to how many images it is known what at least half of its runs found."""
        reaches = sorted((run.reach for run in self.runs), reverse=True)
        return reaches[(len(reaches) - 1) // 2]

    def at(self, measure: str, grid: np.ndarray) -> np.ndarray:
        """Give a measure of each run at numbers of images: float64 [S, N]."""
        return np.stack([run.at(measure, grid) for run in self.runs])

    def summary(self, measure: str, grid: np.ndarray) -> Summary:
        """Give the median and the quartiles of a measure over the runs.

        Args:
            measure: One of :data:`~neatfool.comparison.series.MEASURES`.
            grid: [N], numbers of images, rising.
        """
        return summarise(self.at(measure, grid))

    def by_class(self, grid: np.ndarray) -> np.ndarray:
        """Give the median over runs of each class's confidence at numbers of images: [C, N]."""
        median: np.ndarray = _middle(np.stack([run.by_class(grid) for run in self.runs]), [0.5])[0]
        return median


def summarise(values: np.ndarray) -> Summary:
    """Give median and quartiles (linear between the values) of float64 [S, N] over S."""
    lower, median, upper = _middle(values, [0.25, 0.5, 0.75])
    return Summary(median, lower, upper, np.isfinite(values).sum(0))


def _middle(values: np.ndarray, quantiles: Sequence[float]) -> np.ndarray:
    """Give quantiles over the runs, at the numbers of images that half of them have come to.

    Args:
        values: float64 [S, ..., N]; NaN from the column on that a run has not come to.
        quantiles: Q of them.

    Returns:
        float64 [Q, ..., N].
    """
    found = np.full((len(quantiles), *values.shape[1:]), np.nan)
    there = np.isfinite(values).reshape(len(values), -1, values.shape[-1]).all(1)
    # A quantile of columns with the same runs is many times as fast as one that looks for NaN.
    for runs in np.unique(there, axis=1).T:
        columns = (there == runs[:, None]).all(0)
        if 2 * runs.sum() >= len(runs):
            found[..., columns] = np.quantile(values[runs][..., columns], quantiles, axis=0)
    return found


def gather(paths: Sequence[Path], labels: Sequence[str] = ()) -> list[Group]:
    """Read runs and put together those that differ in nothing but their seed.

    Classes that turn up during a run do so in an order of its own. All runs of a group are given
    the classes of each of them, by name, and all groups have them in one order.

    Args:
        paths: Folders of runs, and folders that hold such. A folder of the latter kind is a
            group, or several if there are several experiments in it.
        labels: What to call the groups, in their order; made of their names if absent.

    Returns:
        The groups, in the order in which they were named.

    Raises:
        RunError: There is no run in a folder, or one cannot be read, or nothing is recorded of a
            group.
        ExperimentError: There are not as many labels as groups.
    """
    found: dict[tuple[Any, ...], list[RunSeries]] = {}
    seen = set()
    for path in paths:
        for folder, place in _runs_in(path):
            if place.resolve() in seen:
                continue
            seen.add(place.resolve())
            series = _read(place)
            same = json.dumps(_without_seed(series.identity), sort_keys=True)
            found.setdefault((folder, same, series.fingerprint), []).append(series)
    groups = _aligned([_group(key[0], runs) for key, runs in found.items()])
    if labels and len(labels) != len(groups):
        told = ", ".join(_labels(groups))
        raise ExperimentError(
            f"--labels: {len(labels)} for {len(groups)} groups ({told}); give one for each"
        )
    return [
        replace(group, label=label)
        for group, label in zip(groups, labels or _labels(groups), strict=True)
    ]


def _read(path: Path) -> RunSeries:
    run = open_run(path)
    try:
        return read_series(run)
    finally:
        run.close()


def _runs_in(path: Path) -> list[tuple[Path | None, Path]]:
    """List the runs of a folder, each with the folder of replicates that it is in."""
    if (path / DATABASE).is_file():
        return [(None, path)]
    if not path.is_dir():
        raise RunError(f"{path}: is not there; give folders of runs, or folders that hold such")
    for folders in ([path], sorted(path.glob("*/"))):
        runs = [
            (folder, each)
            for folder in folders
            for each in sorted(folder.glob("*/"))
            if (each / DATABASE).is_file()
        ]
        if runs:
            return list(runs)
    raise RunError(
        f"{path}: there is no run in it; give folders of runs, or folders that hold such"
    )


def _group(folder: Path | None, runs: Sequence[RunSeries]) -> Group:
    kept: dict[int, RunSeries] = {}
    for run in sorted(runs, key=lambda run: (run.seed, -run.length)):
        kept.setdefault(run.seed, run)
    chosen = tuple(run for run in kept.values() if run.length)
    if not chosen:
        raise RunError(
            f"{runs[0].path}: nothing is recorded yet; wait for its first generation, or leave it "
            "out"
        )
    idle = tuple(run for run in kept.values() if not run.length)
    left_out = tuple(run for run in runs if run not in kept.values())
    return Group(chosen[0].name, chosen, folder, left_out, idle)


def _aligned(groups: Sequence[Group]) -> list[Group]:
    """Give all runs of a group the same classes, in an order that is that of all groups."""
    all_keys = dict.fromkeys(key for group in groups for key in _classes_of(group))
    aligned = []
    for group in groups:
        own = set(_classes_of(group))
        classes = [name for name, number in all_keys if (name, number) in own]
        aligned.append(replace(group, runs=tuple(run.with_classes(classes) for run in group.runs)))
    return aligned


def _classes_of(group: Group) -> list[tuple[str, int]]:
    return [key for run in group.runs for key in told_apart(run.classes)]


def _without_seed(identity: Mapping[str, Json]) -> dict[str, Json]:
    general = {key: v for key, v in identity.get("experiment", {}).items() if key != "seed"}
    return {**identity, "experiment": general}


def options_that_differ(groups: Sequence[Group]) -> dict[str, list[Json]]:
    """Give the options in which the groups' experiments differ, each with all groups' values."""
    names = dict.fromkeys(
        name
        for group in groups[1:]
        for name, *_ in differences(groups[0].experiment, group.experiment)
    )
    return {name: [_option(group.experiment, name) for group in groups] for name in names}


def _option(experiment: Mapping[str, Json], name: str) -> Json:
    section, _, key = name.partition("] ")
    return experiment.get(section[1:], {}).get(key)


def _labels(groups: Sequence[Group]) -> list[str]:
    """Make labels that tell the groups apart: names, then options, then folders."""
    labels = [group.first.name for group in groups]
    for name in {label for label in labels if labels.count(label) > 1}:
        places = [i for i, group in enumerate(groups) if group.first.name == name]
        options = options_that_differ([groups[i] for i in places])
        for number, i in enumerate(places):
            told = [
                f"{key.partition('] ')[2]} = {values[number]}"
                for key, values in list(options.items())[:MOST_IN_A_LABEL]
            ]
            labels[i] = f"{name} ({', '.join(told)})" if told else name
    return [
        label if labels.count(label) == 1 else f"{label} in {group.folder or group.first.path}"
        for label, group in zip(labels, groups, strict=True)
    ]
