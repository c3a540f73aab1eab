"""Compares groups of runs at equal numbers of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import click
import numpy as np

from neatfool import ExperimentError, Run
from neatfool.measure import tested
from neatfool.present import Names, Output
from neatfool.wording import listed, name_seeds

from . import finding
from .groups import RunGroup, gather, mann_whitney, options_that_differ


def compare(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    at: Annotated[Sequence[int], "N,N", ImageCounts()] = (),
    console: Output | None = None,
) -> finding.Comparison:
    """Compare groups of runs, and test whether they differ.

    Runs of one experiment that differ only in their seed are put into one group; a folder may hold
    several. Groups are compared by the Mann-Whitney U test. Runs under way count as far as they
    have come.

    Args:
        runs: The runs, their folders, or folders that hold several.
        at: Numbers of images to compare at.  [default: half and all of what all groups came to]
        console: Shows how far it is.

    Raises:
        RunError: There is no run in a folder, or nothing is recorded of a group.

    Examples:
        neatfool compare runs/mnist                         # a folder of replicates: one group
        neatfool compare runs/mnist runs/mnist_single_class --html compared.html
        neatfool compare runs/a-1 runs/a-2 runs/b-1 runs/b-2
        neatfool compare runs/imagenet runs/imagenet_paper --at 25000,75000 --csv courses.csv
        neatfool compare runs/imagenet --json --at 25000,75000,200000 | jq .at
    """
    console = console or Output(quiet=True)
    with console.status("reading the runs"):
        groups = gather(runs)
    if len({"filled" in group.first.statistics for group in groups}) > 1:
        fault = "some runs are of classifiers and some of objectives, whose scores do not compare"
        raise ExperimentError(f"neatfool compare: {fault}; give runs of one kind")
    longest = max(run.length for group in groups for run in group.runs)
    # Half of the runs of each group have come to this number. A run whose search came to its own
    # end counts as one that has scored any number of images.
    common = int(min([longest, *(group.reach for group in groups)]))
    points = sorted({*at} or {max(common // 2, 1), common})
    snapshots = tuple(_snapshot(groups, evaluations) for evaluations in points)
    return finding.Comparison(
        groups=tuple(map(_describe, groups)),
        differ_in=options_that_differ(groups),
        notes=tuple(_notes(groups)),
        at=snapshots,
        gathered=tuple(groups),
    )


class ImageCounts(Names):
    """Numbers of images with commas between them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Divide a text."""
        texts = super().convert(value, param, ctx)
        return tuple(click.IntRange(min=1)(text, param, ctx) for text in texts)


def _describe(group: RunGroup) -> finding.GroupFacts:
    return finding.GroupFacts(
        label=group.label,
        target=group.first.target,
        classes=len(group.classes),
        runs=tuple(
            finding.GroupRun(
                path=str(run.path), seed=run.seed, evaluations=run.length, finished=run.finished
            )
            for run in group.runs
        ),
    )


def _snapshot(groups: Sequence[RunGroup], evaluations: int) -> finding.ComparisonPoint:
    here = np.array([evaluations])
    found = []
    for group in groups:
        measures = {}
        for key in group.first.statistics:
            lower, median, upper = group.quartiles(key, here)[:, 0]
            values = group.at(key, here)
            came = tuple(values[np.isfinite(values)].tolist())
            measures[key] = finding.GroupStatistic(
                lower=lower, median=median, upper=upper, values=came
            )
        count = len(measures["median"].values)
        found.append(finding.GroupSnapshot(label=group.label, n=count, measures=measures))
    tests, statistics = [], tested(groups[0].first.statistics)
    for places in combinations(range(len(groups)), 2):
        one, other = (found[place] for place in places)
        for key in (measure.key for measure in statistics if one.n and other.n):
            test = mann_whitney(one.measures[key].values, other.measures[key].values)
            facts = {"first": one.label, "second": other.label, "measure": key, "places": places}
            tests.append(finding.GroupTest(**test.model_dump(), **facts))
    return finding.ComparisonPoint(evaluations=evaluations, groups=tuple(found), tests=tuple(tests))


def _notes(groups: Sequence[RunGroup]) -> Iterator[str]:
    """Say what to bear in mind."""
    objective = "filled" in groups[0].first.statistics
    if len({(group.first.target, group.first.fingerprint) for group in groups}) > 1:
        names = [*dict.fromkeys(group.first.target for group in groups)]
        yield (
            f"The groups {'have' if objective else 'fool'} different targets ({listed(names)}). A "
            "difference may come from the targets, not from the searches."
        )
    if objective and len(groups[0].classes) > 1:
        yield (
            "Only the niches that a run has filled have a score. A run that fills more niches, "
            "some of them with low scores, can therefore have the lower median."
        )
    if len({group.classes for group in groups}) > 1:
        counts = ", ".join(f"{group.label}: {len(group.classes):,}" for group in groups)
        what = "niches" if objective else "classes"
        yield f"The groups search different {what} ({counts}), so counts of {what} mislead."
    for group in groups:
        if short := [run.seed for run in group.runs if not run.finished]:
            yield (
                f"{group.label}: the search with {name_seeds(short)} has not finished; what it has "
                "found so far counts."
            )
        if ended := [run.seed for run in group.runs if run.ended]:
            yield (
                f"{group.label}: the search with {name_seeds(ended)} ended early, because nothing "
                "was left to do; what it had found by then counts from there on."
            )
        if group.left_out:
            paths = listed([str(run.path) for run in group.left_out])
            yield (
                f"{group.label} leaves out {paths}, where nothing is recorded yet or whose seed a "
                "longer run has."
            )
