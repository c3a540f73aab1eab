"""Ancestry: what the lineages of runs' elites tell of the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool.measure import RunsFinding
from neatfool.present import (
    DISABLED,
    LINE_COLOURS,
    Block,
    Chart,
    Facts,
    Headline,
    Note,
    Panel,
    Records,
    Section,
    Table,
    Text,
    new_axes,
)
from neatfool.wording import share

from .diversity import Diversity
from .goal_switches import HEADS, MOST_IN_A_COLUMN, GoalSwitches
from .weight_sweep import RunSweeps, number, p_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BY_CHANCE: Final = (
    "By chance means: if the classes had each other's names. p is the share of such permutations "
    "that give at least as much; deviations are chance's standard deviations."
)
SPACES: Final = (
    "Layout compares images reduced to 32 x 32 pixels. Texture compares the widths and directions "
    "of stripes, and colour how much there is of each, wherever they are. All compare what sets an "
    "image apart from the mean of its run."
)
MEASURES: Final = (
    "Fracture is 0 if the picture changes evenly in one way as a weight is swept, and 1 if each "
    "step shows another picture. Entangled is the share of the picture that a weight changes. "
    "Shared is 1 if all weights change it in one way, and 0 if each has a way of its own. An edge "
    "that moves counts as several ways, too, so fine patterns have more fracture than broad ones."
)

QUESTIONS: Final = {
    "flows": (
        "Goal switches lead to related classes",
        "mean likeness of the two classes",
        "{} of the goal switches stay within a broad kind, {} of all pairs of classes do",
    ),
    "ancestors": (
        "Related classes share later ancestors",
        "rank correlation",
        "{} of the pairs of one broad kind have a common ancestor, {} of those of different kinds",
    ),
} | {
    space: (
        f"Related classes have images alike in {space}",
        "rank correlation",
        "{} mean correlation within a broad kind, {} between kinds",
    )
    for space in ("texture", "layout", "colour")
}
"""What each test asks, what number it compares, and a sentence with what was measured."""


class ChanceTest(Facts):
    """A number, and what it would be by chance."""

    observed: float = Field(description="the number")
    by_chance: float = Field(description="its mean after permutations of the classes")
    deviations: float = Field(description="between these two, in standard deviations of chance")
    p: float = Field(description="(1 + permutations that give at least as much) / (1 + all)")
    permutations: int = Field(description="how many permutations there were")
    within_kinds: float | None = Field(None, description="what was measured within broad kinds")
    otherwise: float | None = Field(None, description="the same elsewhere, or of all pairs")
    nearer: float | None = Field(
        None,
        description="how often the same class's image in another run is more alike than another "
        "class's; 0.5 is chance",
    )
    null: np.ndarray = Field(exclude=True, repr=False)

    @classmethod
    def of(cls, observed: float, null: np.ndarray, **more: float) -> ChanceTest:
        """Compare a number with those after permutations, float64 [P]."""
        by_chance, spread = float(null.mean()), float(null.std())
        return cls(
            observed=observed,
            by_chance=by_chance,
            deviations=(observed - by_chance) / spread if spread else 0.0,
            # Equal numbers, added up in another order, differ in their last bits.
            p=float((1 + (null >= observed - 1e-6).sum()) / (1 + len(null))),
            permutations=len(null),
            null=null,
            **more,
        )

    def draw(self) -> Figure:
        """Draw what chance gives as a histogram, and what was found as a line."""
        drawn, axes = new_axes(420, 150, left=14, right=14, top=26, bottom=30)
        axes.hist(self.null, bins=30, color=DISABLED)
        axes.axvline(self.observed, color=LINE_COLOURS[1], linewidth=2)
        low, high = (fold(self.observed, fold(self.null)) for fold in (min, max))
        room = 0.08 * (high - low or 1)
        axes.set_xlim(low - room, high + room)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=5)
        side = "right" if self.observed > (low + high) / 2 else "left"
        look: Any = {"color": LINE_COLOURS[1], "fontsize": 9.5, "weight": "bold", "ha": side}
        above = axes.get_xaxis_transform()
        axes.text(self.observed, 1.03, f"found {self.observed:.3f}", transform=above, **look)
        return drawn


def _tests(tests: Sequence[tuple[str, str, ChanceTest]]) -> Iterator[Block]:
    """Show some tests, each with its question and what it measured."""
    rows, charts = [], []
    for question, measure, test in tests:
        p, found, chance = p_value(test.p), number(test.observed), number(test.by_chance)
        deviations = f"{test.deviations:+.1f}"
        rows.append((question, p, found, chance, deviations))
        text = f"{measure} {found}, by chance {chance}: {deviations} deviations, p = {p}"
        about = "What chance gives, as a histogram, and what was found"
        charts.append(Chart(about, test.draw, question, text))
    heads = ("", "p", "found", "by chance", "deviations")
    yield Table(heads, rows, "More than chance?", where="terminal")
    yield from charts


class Lineage(Diversity):
    """What the lineage of one run tells."""

    individuals: int = Field(description="how many individuals ever were an elite")
    made: dict[str, int] = Field(description="how many of these are `first`, `bred` and `learned`")
    median_steps: float = Field(description="from the first generation to an elite")
    common_ancestor: float | None = Field(description="the share of pairs of elites with one")
    goal_switches: float = Field(description="how many goal switches there were")
    flows: GoalSwitches = Field(description="between which groups of classes they led")
    kinds: str | None = Field(description="where relations of classes are from; null if unknown")
    tests: dict[str, ChanceTest] = Field(
        description="whether related classes have more in common than chance would have it: "
        "`flows`, `ancestors`, `texture`, `layout` and `colour`"
    )
    sweeps: RunSweeps | None = Field(description="how fractured networks are; null if not swept")
    records: tuple[tuple[object, ...], ...] = Field(exclude=True, repr=False)

    def headlines(self) -> Iterator[str]:
        """Say in a sentence each what was found."""
        for name, (question, _, sentence) in QUESTIONS.items():
            if test := self.tests.get(name):
                answer = "yes" if test.p < 0.05 else "not more than by chance"
                text = f"{question}: {answer}"
                if test.within_kinds is not None and test.otherwise is not None:
                    write = share if name in {"flows", "ancestors"} else number
                    figures = map(write, (test.within_kinds, test.otherwise))
                    text += f". {sentence.format(*figures)}"
                yield f"{text} (p = {p_value(test.p)})."
        if not self.tests:
            yield self.headline()

    def story(self, label: str) -> Iterator[Block]:
        """Tell who descends from whom, and what that tells."""
        yield Section(self.subject)
        yield Text(self.subject, where="terminal")
        ways = ("first", "bred", "learned")
        made = ", ".join(f"{self.made[way]:,} {way}" for way in ways if way in self.made)
        common = self.common_ancestor
        rows = [
            ("ever an elite", f"{self.individuals:,} ({made})"),
            ("goal switches", f"{self.goal_switches:,.0f}"),
            ("steps from the first generation to an elite, median", f"{self.median_steps:g}"),
            (
                "first individuals that elites descend from",
                f"{self.founders:,} (effectively {self.effective_founders:.0f})",
            ),
            ("elites that descend from the most fruitful one", share(self.most_fruitful)),
            ("pairs of elites with a common ancestor", "-" if common is None else share(common)),
            ("elites that look like another", share(self.look_alikes)),
        ]
        # The circle stands beside a small matrix, or else beside this table.
        wide = not self.goal_switches or len(self.flows.groups) <= MOST_IN_A_COLUMN
        yield Panel([Table(("lineage", ""), rows)], wide=wide)
        if self.goal_switches:
            title, flows = "The largest flows of goal switches", self.flows.largest(12)
            yield Table(HEADS, flows, title, words=(0, 1), where="terminal")
            yield self.flows.chart()
        if self.tests:
            yield Section(f"{label}More than chance?")
            tests = [(*QUESTIONS[name][:2], test) for name, test in self.tests.items()]
            yield from _tests(tests)
        if self.sweeps:
            yield from self.sweeps.story(label)


class RunComparison(Facts):
    """Whether several runs find the same images for a class."""

    classes: tuple[str, ...] = Field(description="the classes that all runs have an elite of")
    same_class: dict[str, ChanceTest] = Field(
        description="for `layout`, `texture` and `colour`, the mean correlation of two runs' "
        "images of a class"
    )
    related_classes: dict[str, ChanceTest] = Field(description="the same of related classes")

    def headline(self) -> str:
        """Say in a sentence whether runs find the same images."""
        parts = [
            f"in {space} {share(test.nearer or 0.0)} of the time (p = {p_value(test.p)})"
            for space, test in sorted(self.same_class.items(), reverse=True)
        ]
        return (
            "Another run's image of the same class is more alike than one of another class "
            f"{' and '.join(parts)}; 50 % would be chance."
        )

    def story(self) -> Iterator[Block]:
        """Show the tests."""
        tests = [
            (f"Runs find images alike in {space} for the same class", "mean correlation", test)
            for space, test in sorted(self.same_class.items(), reverse=True)
        ]
        tests += [
            (f"{QUESTIONS[space][0]}, between runs", QUESTIONS[space][1], test)
            for space, test in sorted(self.related_classes.items(), reverse=True)
        ]
        yield from _tests(tests)


class Ancestry(RunsFinding):
    """What the lineages of runs tell."""

    about: ClassVar[str] = "ancestry"

    runs: tuple[Lineage, ...] = Field(description="what the lineage of each run tells")
    between_runs: RunComparison | None = Field(
        description="null unless the runs share three classes"
    )

    def story(self) -> Iterator[Block]:
        """Tell what the lineages tell, run by run, and what several have in common."""
        several = len(self.runs) > 1
        labels = [f"{run.label}: " if several else "" for run in self.runs]
        if self.between_runs:
            yield Headline(self.between_runs.headline())
        for run, label in zip(self.runs, labels, strict=True):
            for text in run.headlines():
                yield Headline(f"{label}{text}")
        yield from self._limits()
        for run, label in zip(self.runs, labels, strict=True):
            yield from run.story(label)
        if self.between_runs:
            title = f"Between {len(self.runs)} runs, {len(self.between_runs.classes):,} classes"
            yield Section(title)
            yield Text(title, where="terminal")
            yield from self.between_runs.story()
        if source := next(filter(None, (run.kinds for run in self.runs)), None):
            yield Note(
                f"Which classes are related is from {source}: two classes are the more alike, the "
                "fewer classes the smallest kind has that holds both."
            )
        yield Note(BY_CHANCE)
        yield Note(SPACES)
        if any(run.sweeps for run in self.runs):
            yield Note(MEASURES)

    def records(self) -> Records:
        """Give a row for each two classes between which there were goal switches."""
        return Records(
            ("run", "seed", "from", "to", "goal_switches", "from_kind", "to_kind"),
            [record for run in self.runs for record in run.records],
        )

    def _limits(self) -> Iterator[Note]:
        if any(run.kinds is None for run in self.runs):
            yield Note(
                "The classes are not ImageNet's, so nothing is known of their relations, and these "
                "tests are left out. Give a table with --kinds FILE."
            )
        if len(self.runs) < 2:
            yield Note("This is one run. Give several to see whether they find the same images.")
        elif self.between_runs is None:
            yield Note("The runs share fewer than three classes, so they are not compared.")
        if all(run.sweeps is None for run in self.runs):
            yield Note(
                "No weights were swept: --pairs 0 leaves it out, and only CPPNs have weights."
            )
