"""Reads the lineages of runs, and tests which of their images are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from neatfool import Run, choose_elites, open_runs
from neatfool.measure import image_features
from neatfool.present import Output

from .diversity import measure_diversity
from .finding import Ancestry, Lineage, RunLikeness
from .goal_switches import goal_switches
from .kinds import FEWEST_CLASSES, find_kinds
from .likeness import relate_kinds, relate_runs, share_nearer


def ancestry(
    runs: Run | str | Path | Sequence[Run | str | Path], *, console: Output | None = None
) -> Ancestry:
    """Say who descends from whom in RUN, and what that tells of the network.

    You see how many random images the elites descend from, between which classes their children
    moved (goal switches), whether images of related classes are alike, and whether several runs
    find the same images. The target is not asked.

    Args:
        runs: The runs, or the folders that hold them.
        console: Shows how far it is.

    Raises:
        RunError: A run has no elites.

    Examples:
        neatfool ancestry runs/imagenet-1 --html ancestry.html
        neatfool ancestry runs/imagenet-1 runs/imagenet-2 --json
    """
    console = console or Output(quiet=True)
    with open_runs(runs) as opened:
        chosen = [choose_elites(run) for run in opened]
        with console.progress(sum(map(len, chosen))) as note:
            looks = [image_features(elites, partial(note, "reading", 1)) for elites in chosen]
        with console.status("tracing and testing"):
            return Ancestry(
                runs=tuple(map(_read_lineage, opened, looks)),
                between_runs=_compare_runs(opened, looks),
            )


def _read_lineage(run: Run, features: Mapping[str, np.ndarray]) -> Lineage:
    """Read a run's lineage, and test whether its images of related classes are alike."""
    graph = run.phylogeny(kinds=False)
    flows = goal_switches(run, graph)
    kinds, tests, names = find_kinds(run.classes), {}, [""] * len(run.classes)
    if kinds:
        names = [kinds.names[place] if place >= 0 else "" for place in kinds.places]
        places = kinds.places[[elite.index for elite in run]]
        known = places >= 0
        if known.sum() >= FEWEST_CLASSES:
            tests = {
                space: relate_kinds(rows[known], places[known]) for space, rows in features.items()
            }
    return Lineage(
        **measure_diversity(run, graph, features),
        goal_switches=flows.total,
        flows=flows,
        related_classes=tests,
        classes=tuple(run.classes),
        kinds=tuple(names),
    )


def _compare_runs(
    runs: Sequence[Run], looks: Sequence[Mapping[str, np.ndarray]]
) -> RunLikeness | None:
    """Say whether runs find like images for a class; None if they share fewer than three."""
    places = [{elite.name: place for place, elite in enumerate(run)} for run in runs]
    shared = [name for name in places[0] if all(name in others for others in places[1:])]
    if len(runs) < 2 or len(shared) < FEWEST_CLASSES:
        return None
    features = {
        space: [
            look[space][[at[name] for name in shared]]
            for look, at in zip(looks, places, strict=True)
        ]
        for space in looks[0]
    }
    return RunLikeness(
        classes=tuple(shared),
        same_class={space: relate_runs(each) for space, each in features.items()},
        nearer={space: share_nearer(each) for space, each in features.items()},
    )
