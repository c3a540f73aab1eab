"""Ancestry: what the lineages of runs' elites tell, and which of their images are alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool import Run, choose_elites, open_runs, present
from neatfool.measure import MultiRunResult, image_features
from neatfool.wording import listed, share

from .broad_kinds import FEWEST_CLASSES, find_kinds
from .diversity import Diversity, measure_diversity
from .goal_switches import GoalSwitches, goal_switches
from .relations import ChanceTest, relate_kinds, relate_runs, share_nearer

METHOD: Final = (
    "Layout compares images reduced to 32 x 32 pixels, texture the widths and directions of "
    "stripes, and colour how much there is of each. p is the share of 999 random renamings of the "
    "classes that give at least as high a correlation."
)


class Lineage(Diversity):
    """What the lineage of one run tells."""

    goal_switches: float
    """how many goal switches there were"""
    flows: GoalSwitches
    """between which groups of classes they led"""
    related_classes: dict[str, ChanceTest]
    """for `layout`, `texture` and `colour`, whether images of one broad kind of classes are alike;
    empty where nothing is known of the classes"""
    classes: tuple[str, ...] = Field(exclude=True, repr=False)
    kinds: tuple[str, ...] = Field(exclude=True, repr=False)

    def headlines(self) -> Iterator[str]:
        """Say how diverse the elites are, and what related classes have in common."""
        yield self.headline(f" of {self.label}")
        if self.flows.of_kinds and self.flows.total:
            within, chance = map(share, self.flows.within())
            yield (
                f"{within} of its goal switches lead to a class of the same broad kind; by chance "
                f"it would be {chance}."
            )
        if self.related_classes:
            tests = [
                f"{test.observed:.3f} in {space} (by chance {test.by_chance:.3f}, p = {test.p:.2g})"
                for space, test in self.related_classes.items()
            ]
            yield f"Images of the same broad kind have a mean correlation of {listed(tests)}."

    def records(self) -> Iterator[tuple[object, ...]]:
        """Give a row for each two classes between which there were goal switches."""
        between = self.flows.between_classes.tocoo()
        for row, column, count in zip(*between.coords, between.data.tolist(), strict=True):
            names = self.classes[row], self.classes[column]
            yield self.path, self.seed, *names, count, self.kinds[row], self.kinds[column]


class RunLikeness(present.Facts):
    """Whether several runs find the same images for a class."""

    classes: tuple[str, ...]
    """the classes that all runs have elites of"""
    same_class: dict[str, ChanceTest]
    """whether images of one class are alike between runs, by space"""
    nearer: dict[str, float]
    """how often the same class's image in another run is more alike than another class's, by space;
    0.5 is chance"""

    def headline(self) -> str:
        """Say how much more alike images of one class are than others."""
        parts = [
            f"in {share(self.nearer[space])} of cases by {space} (p = {test.p:g})"
            for space, test in self.same_class.items()
        ]
        return (
            "An image is more like another run's image of the same class than like one of a "
            f"different class {listed(parts)}; chance would give 50 %."
        )


class Ancestry(MultiRunResult):
    """What the lineages of runs tell."""

    about: ClassVar[str] = "ancestry"

    runs: tuple[Lineage, ...]
    """what the lineage of each run tells"""
    between_runs: RunLikeness | None
    """null unless several runs share three classes"""

    def story(self) -> Iterator[present.Block]:
        """Tell what the lineages tell, and what several have in common."""
        if self.between_runs:
            yield present.Headline(self.between_runs.headline())
        for run in self.runs:
            yield from (present.Headline(e, picture=run.picture) for e in run.headlines())
        founders = [f"{e.founders:,} ({e.effective_founders:.1f})" for e in self.runs]
        rows = [
            ["goal switches", *(f"{run.goal_switches:,.0f}" for run in self.runs)],
            ["random ancestors (effective number)", *founders],
        ]
        yield present.Table(["", *(run.label for run in self.runs)], rows)
        for run in self.runs:
            yield present.Section(run.subject)
            yield from run.flows.blocks(f" of {run.label}")
        if self.between_runs or any(run.related_classes for run in self.runs):
            yield present.Note(METHOD)

    def records(self) -> present.Records:
        """Give a row for each two classes between which there were goal switches."""
        heads = ("run", "seed", "from", "to", "goal_switches", "from_kind", "to_kind")
        return present.Records(heads, [record for run in self.runs for record in run.records()])


def ancestry(
    runs: Run | str | Path | Sequence[Run | str | Path], *, console: present.Output | None = None
) -> Ancestry:
    """Trace who descends from whom, and how diverse images are.

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
    console = console or present.Output(quiet=True)
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
