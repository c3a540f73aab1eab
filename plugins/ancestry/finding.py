"""Ancestry: what the lineages of runs' elites tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from pydantic import Field

from neatfool.measure import MultiRunResult
from neatfool.present import Block, Facts, Headline, Note, Records, Section, Table
from neatfool.wording import listed, share

from .diversity import Diversity
from .goal_switches import GoalSwitches
from .likeness import ChanceTest

METHOD: Final = (
    "Layout compares images reduced to 32 x 32 pixels, texture the widths and directions of "
    "stripes, and colour how much there is of each. p is the share of 999 random renamings of the "
    "classes that give at least as high a correlation."
)


class Lineage(Diversity):
    """What the lineage of one run tells."""

    goal_switches: float = Field(description="how many goal switches there were")
    flows: GoalSwitches = Field(description="between which groups of classes they led")
    related_classes: dict[str, ChanceTest] = Field(
        description="for `layout`, `texture` and `colour`, whether images of one broad kind of "
        "classes are alike; empty where nothing is known of the classes"
    )
    classes: tuple[str, ...] = Field(exclude=True, repr=False)
    kinds: tuple[str, ...] = Field(exclude=True, repr=False)

    def headlines(self) -> Iterator[str]:
        """Say how diverse the elites are, and what related classes have in common."""
        yield f"{self.label}: {self.headline()}"
        if self.flows.of_kinds and self.flows.total:
            within, chance = map(share, self.flows.within())
            yield (
                f"{within} of its goal switches stay within a broad kind of classes, where "
                f"{chance} would by chance."
            )
        if self.related_classes:
            tests = [
                f"{test.observed:.3f} in {space} (by chance {test.by_chance:.3f}, p = {test.p:.2g})"
                for space, test in self.related_classes.items()
            ]
            yield f"Images of one broad kind have a mean correlation of {listed(tests)}."

    def figures(self) -> Iterator[tuple[str, str]]:
        """List what was counted."""
        effective = f"{self.founders:,} (effectively {self.effective_founders:.0f})"
        yield "goal switches", f"{self.goal_switches:,.0f}"
        yield "first individuals that elites descend from", effective

    def records(self) -> Iterator[tuple[object, ...]]:
        """Give a row for each two classes between which there were goal switches."""
        between = self.flows.between_classes.tocoo()
        for row, column, count in zip(*between.coords, between.data.tolist(), strict=True):
            names = self.classes[row], self.classes[column]
            yield self.path, self.seed, *names, count, self.kinds[row], self.kinds[column]


class RunLikeness(Facts):
    """Whether several runs find the same images for a class."""

    classes: tuple[str, ...] = Field(description="the classes that all runs have elites of")
    same_class: dict[str, ChanceTest] = Field(
        description="whether images of one class are alike between runs, by space"
    )
    nearer: dict[str, float] = Field(
        description="how often the same class's image in another run is more alike than another "
        "class's, by space; 0.5 is chance"
    )

    def headline(self) -> str:
        """Say how much more alike images of one class are than others."""
        parts = [
            f"in {share(self.nearer[space])} of the cases by {space} (p = {test.p:g})"
            for space, test in self.same_class.items()
        ]
        return (
            "Another run's image of the same class is more alike than one of another class "
            f"{listed(parts)}; 50 % would be chance."
        )


class Ancestry(MultiRunResult):
    """What the lineages of runs tell."""

    about: ClassVar[str] = "ancestry"

    runs: tuple[Lineage, ...] = Field(description="what the lineage of each run tells")
    between_runs: RunLikeness | None = Field(
        description="null unless several runs share three classes"
    )

    def story(self) -> Iterator[Block]:
        """Tell what the lineages tell, and what several have in common."""
        if self.between_runs:
            yield Headline(self.between_runs.headline())
        for run in self.runs:
            yield from map(Headline, run.headlines())
        columns = [dict(run.figures()) for run in self.runs]
        rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
        yield Table(["", *(run.label for run in self.runs)], rows)
        for run in self.runs:
            yield Section(run.subject)
            yield from run.flows.blocks(f" of {run.label}")
        if self.between_runs or any(run.related_classes for run in self.runs):
            yield Note(METHOD)

    def records(self) -> Records:
        """Give a row for each two classes between which there were goal switches."""
        heads = ("run", "seed", "from", "to", "goal_switches", "from_kind", "to_kind")
        return Records(heads, [record for run in self.runs for record in run.records()])
