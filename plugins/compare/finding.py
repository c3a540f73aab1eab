"""What is said of groups of runs side by side, and whether they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import numpy as np
from pydantic import BeforeValidator, Field, InstanceOf, json_schema

from neatfool import present
from neatfool.measure import STATISTICS, Statistic, tested
from neatfool.wording import counted, format_seeds, listed

from .groups import USUAL_LEVEL, RankTest, RunGroup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRID_POINTS: Final = 200
"""Steps of the common grid of images scored: about what a curve on the page can show."""
CURVES: Final = ("median", "classes_ge_0.99", "filled")
THE_TEST: Final = (
    "U counts the pairs of runs in which the first group is the higher; a tie counts as half. p is "
    "the chance of a U as far from the middle if the groups did not differ, and not corrected for "
    "the number of tests."
)

Known = Annotated[float | None, BeforeValidator(lambda x: None if x is None or np.isnan(x) else x)]
"""A number; null in place of NaN."""


class GroupRun(present.Facts):
    """A run that counts."""

    path: str
    """its folder"""
    seed: int
    """its seed"""
    evaluations: int
    """images scored"""
    finished: bool
    """whether it has come to its end"""


class GroupFacts(present.Facts):
    """Runs of one experiment that differ in their seed."""

    label: str
    """what the group is called"""
    target: str
    """what scores"""
    classes: int
    """how many classes are searched"""
    runs: tuple[GroupRun, ...]
    """its runs, by seed"""


class GroupStatistic(present.Facts):
    """A measure over the runs of a group."""

    lower: Known
    """the lower quartile"""
    median: Known
    """the median; null where fewer than half came so far"""
    upper: Known
    """the upper quartile"""
    values: tuple[float, ...]
    """the value of each run that came so far"""

    def words(self, in_words: Callable[[float], str]) -> str:
        """Write the median, with the quartiles: ``"47.5 % [46.0 to 48.1]"``."""
        if self.lower is None or self.median is None or self.upper is None:
            return "-"
        lower, median, upper = map(in_words, (self.lower, self.median, self.upper))
        if lower == upper:
            return median
        sure, bracket, _ = median.partition(" (log-odds ")
        if bracket and lower.startswith(sure + bracket):
            odds = [each.removesuffix(")").rpartition(" ")[2] for each in (median, lower, upper)]
            return "{}{}{} [{} to {}])".format(sure, bracket, *odds)
        return f"{median} [{lower.removesuffix(' %')} to {upper.removesuffix(' %')}]"


class GroupSnapshot(present.Facts):
    """A group after a number of images."""

    label: str
    """what the group is called"""
    n: int
    """how many runs came this far"""
    measures: dict[str, GroupStatistic]
    """each measure over the runs"""


class GroupTest(RankTest):
    """Whether two groups differ in a measure."""

    first: str
    """the label of a group"""
    second: str
    """the label of another"""
    measure: str
    """in what they are compared"""
    places: tuple[int, int] = Field(exclude=True, repr=False)


class ComparisonPoint(present.Facts):
    """The groups after an equal number of images scored."""

    evaluations: int
    """images scored"""
    groups: tuple[GroupSnapshot, ...]
    """each group"""
    tests: tuple[GroupTest, ...]
    """for each measure and pair that came so far"""

    def test(self, one: int, other: int, measure: str) -> GroupTest | None:
        """Give the test of two groups, by their places."""
        wanted = (one, other), measure
        return next((each for each in self.tests if (each.places, each.measure) == wanted), None)

    def panel(self, statistics: Mapping[str, Statistic] = STATISTICS) -> present.Panel:
        """Write each measure of each group, and the tests of each pair."""
        keys = [f"{present.key_of(place)} (n={each.n})" for place, each in enumerate(self.groups)]
        rows = [
            [each.title, *(group.measures[each.key].words(each.in_words) for group in self.groups)]
            for each in statistics.values()
        ]
        tables = [present.Table(["", *keys], rows)]
        if pairs := [*combinations(range(len(self.groups)), 2)]:
            heads = [f"{present.key_of(one)} : {present.key_of(other)}" for one, other in pairs]
            rows = []
            for each in tested(statistics):
                tests = [self.test(*pair, each.key) for pair in pairs]
                cells = (
                    f"{test.u:g} of {test.pairs}, {test.words}" if test else "-" for test in tests
                )
                rows.append([each.title, *cells])
            title = "Mann-Whitney U, two-sided: pairs of runs in which the first is the higher"
            tables.append(present.Table(["", *heads], rows, title))
        title = f"After {self.evaluations:,} images: median over seeds [quartiles]"
        return present.Panel(tables, title, wide=True)


class Comparison(present.Finding):
    """Groups of runs side by side, and whether they differ."""

    about: ClassVar[str] = "comparison"

    groups: tuple[GroupFacts, ...]
    """the groups, in their order"""
    differ_in: dict[str, list[Any]]
    """unlike options, with all groups' values"""
    notes: tuple[str, ...]
    """what is to be borne in mind, in words"""
    at: tuple[ComparisonPoint, ...]
    """the groups at equal numbers of images"""
    gathered: json_schema.SkipJsonSchema[tuple[InstanceOf[RunGroup], ...]] = Field(
        exclude=True, repr=False
    )

    @property
    def title(self) -> str:
        """The groups' labels."""
        return " · ".join(dict.fromkeys(group.label for group in self.groups))

    @property
    def _median(self) -> Statistic:
        return self.statistics["median"]

    @property
    def statistics(self) -> Mapping[str, Statistic]:
        """What is compared, by its keys."""
        return self.gathered[0].first.statistics

    @property
    def grid(self) -> np.ndarray:
        """A common grid of images scored, int64 [N], from 0 to the length of the longest run."""
        longest = max(run.length for group in self.gathered for run in group.runs)
        return np.unique(np.linspace(0, longest, GRID_POINTS + 1).round().astype(np.int64))

    def story(self) -> Iterator[present.Block]:
        """Tell who is ahead, and by chance or not; then over images, and at some of them."""
        yield from map(present.Headline, self.headlines())
        yield from map(present.Note, self.notes)
        rows, keys = [], [present.key_of(place) for place in range(len(self.groups))]
        for key, group in zip(keys, self.groups, strict=True):
            lengths = sorted({run.evaluations for run in group.runs})
            images = " to ".join(f"{each:,}" for each in dict.fromkeys([lengths[0], lengths[-1]]))
            seeds = f"{format_seeds(run.seed for run in group.runs)} (n={len(group.runs)})"
            rows.append([key, group.label, seeds, images, f"{group.classes:,}", group.target])
        what = "classes" if self._median.kind == "confidence" else "niches"
        heads = ["", "group", "seeds", "images scored", what, "target"]
        yield present.Table(heads, rows, words=(0, 1, 2, 5))
        if self.differ_in:
            rows = [
                [name, *("-" if value is None else str(value) for value in values)]
                for name, values in self.differ_in.items()
            ]
            yield present.Table(
                ["option", *keys], rows, "They differ in", words=range(1 + len(keys))
            )
        yield present.Section(
            "The course of the search",
            "A thick line is the median over seeds, its band reaches from quartile to quartile, a "
            "thin line is one run."
            + " The scale of confidences is in log-odds."
            * (self._median.kind == "confidence"),
        )
        for key in (key for key in CURVES if key in self.statistics):
            title = self.statistics[key].title.capitalize()
            about = f"{title} over images scored: median and quartiles over seeds"
            yield present.Chart(about, partial(self.draw, key), title, wide=True)
        yield present.Section(
            "At equal numbers of images", THE_TEST if len(self.groups) > 1 else ""
        )
        for snapshot in self.at:
            if any(group.n for group in snapshot.groups):
                yield snapshot.panel(self.statistics)

    def headlines(self) -> Iterator[str]:
        """Say which group is ahead in the median score at the last point, and if by chance."""
        snapshot, in_words = self.at[-1], self._median.in_words
        images = f"{snapshot.evaluations:,} images"
        values = [group.measures["median"].median for group in snapshot.groups]
        came = [(value, place) for place, value in enumerate(values) if value is not None]
        if not came:
            yield f"Too few runs have reached {images}; the longest has {self.grid[-1]:,}."
            return
        ranked = sorted(came, key=lambda each: -each[0])
        parts = [f"{in_words(value)} for {self.groups[place].label}" for value, place in ranked]
        medians = f"After {images} the {self._median.title} is {listed(parts)}."
        if len(ranked) == 1:
            yield medians
            return
        (_, best), (_, second) = ranked[:2]
        test = snapshot.test(min(best, second), max(best, second), "median")
        assert test is not None
        u = test.u if best < second else test.pairs - test.u
        if not test.can_tell:
            chance = "there are too few seeds to tell this from chance"
        elif test.p > USUAL_LEVEL:
            chance = "the difference may be due to chance"
        else:
            chance = "the difference is unlikely to be due to chance"
        ahead = f"{self.groups[best].label} is ahead of {self.groups[second].label}"
        yield f"{ahead} after {images}; {chance}."
        pairs = f"It is ahead in {u:g} of {counted(test.pairs, 'pair', 'pairs')} of runs"
        yield f"{medians} {pairs} (Mann-Whitney U, {test.words})."

    def records(self) -> present.Records:
        """Give each run's course over the common grid: a row for each number of images scored."""
        rows: list[list[object]] = []
        for group in self.gathered:
            for run in group.runs:
                grid = self.grid[self.grid <= run.length]
                columns = [run.at(key, grid).tolist() for key in self.statistics]
                for images, *values in zip(grid.tolist(), *columns, strict=True):
                    found = (int(value) if value.is_integer() else value for value in values)
                    rows.append([group.label, run.seed, images, *found])
        return present.Records(["group", "seed", "evaluations", *self.statistics], rows)

    def draw(self, measure: str) -> Figure:
        """Draw a measure over the images scored, confidences on a scale of log-odds.

        Args:
            measure: Its key: ``"median"``, ``"classes_ge_0.99"``, ``"nodes"`` …
        """
        shown, lines = self.statistics[measure], []
        scales: dict[str, Any] = {"confidence": "confidences", "score": "numbers"}
        scale = scales.get(shown.kind, "counts")
        for place, group in enumerate(self.gathered):
            lower, median, upper = group.quartiles(measure, self.grid)
            here = np.isfinite(median)
            if scale != "counts":
                # Nothing is scored before the first generation: no score to draw.
                here &= self.grid >= min(run.evaluations[0] for run in group.runs)
            if not here.any():
                continue
            grid, median = self.grid[here], median[here]
            end = f"{present.key_of(place)}  {shown.in_words(float(median[-1]))}"
            band, single = None, None
            if len(group.runs) > 1:
                band, single = np.stack([lower, upper])[:, here], group.at(measure, grid)
            lines.append(present.StepCurve(grid, median, end, place, band, single))
        return present.steps(lines, scale, self.grid, wide=True)
