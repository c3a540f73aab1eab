"""What is said of groups of runs side by side, and whether they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import numpy as np
from pydantic import BeforeValidator, Field, InstanceOf, json_schema
from scipy.special import logit

from neatfool.measure import STATISTICS, TESTED_STATISTICS
from neatfool.present import (
    Block,
    Chart,
    Facts,
    Finding,
    Headline,
    Note,
    Panel,
    Records,
    Section,
    StepCurve,
    Table,
    decimal_odds,
    heat_map,
    heat_scale,
    key_of,
    steps,
)
from neatfool.wording import format_seeds, listed, percent

from .groups import USUAL_LEVEL, RankTest, RunGroup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES: Final = 24
"""All classes are listed up to this number; of more the easiest, the hardest, the most unlike."""
SOME_CLASSES: Final = 8
SUREST: Final = 0.9999
"""Larger confidences are written alike, so their log-odds are written, too."""
LARGEST_ODDS: Final = 16
"""The log-odds of a confidence that rounds to 1 in single precision are larger."""
WAYS: Final = {
    "replacements": "Niches that changed hands, since the beginning.",
    "goal_switches": "Those of them that a child of another class's elite took.",
    "connections": "Mean over the elites' genomes.",
    "nodes": "Mean over the elites' genomes.",
}
THE_TEST: Final = (
    "U counts the pairs of runs in which the first group is the higher, of all pairs; a tie counts "
    "as half. p is the chance of a U as far from the middle if the groups did not differ, exact "
    "where the groups are small, and not corrected for the number of tests."
)

Known = Annotated[float | None, BeforeValidator(lambda x: None if x is None or np.isnan(x) else x)]
"""A number; null in place of NaN."""


class GroupRun(Facts):
    """A run that counts."""

    path: str = Field(description="its folder")
    seed: int = Field(description="its seed")
    evaluations: int = Field(description="images scored")
    finished: bool = Field(description="whether it has come to its end")


class GroupFacts(Facts):
    """Runs of one experiment that differ in their seed."""

    label: str = Field(description="what the group is called")
    name: str = Field(description="its experiment's name")
    target: str = Field(description="what is fooled")
    fingerprint: str = Field(description="what tells the target from one that scores otherwise")
    classes: int = Field(description="how many classes are searched")
    runs: tuple[GroupRun, ...] = Field(description="its runs, by seed")


class GroupStatistic(Facts):
    """A measure over the runs of a group."""

    lower: Known = Field(description="the lower quartile")
    median: Known = Field(description="the median; null where fewer than half came so far")
    upper: Known = Field(description="the upper quartile")
    values: tuple[float, ...] = Field(description="the value of each run that came so far")

    def words(self, in_words: Callable[[float], str]) -> str:
        """Write the median, with the quartiles: ``"47.5 % [46.0 to 48.1]"``."""
        if self.lower is None or self.median is None or self.upper is None:
            return "-"
        lower, median, upper = map(in_words, (self.lower, self.median, self.upper))
        if lower == upper:
            return median
        return f"{median} [{lower.removesuffix(' %')} to {upper.removesuffix(' %')}]"


class GroupSnapshot(Facts):
    """A group after a number of images."""

    label: str = Field(description="what the group is called")
    n: int = Field(description="how many runs came this far")
    measures: dict[str, GroupStatistic] = Field(description="each measure over the runs")
    classes: dict[str, Known] = Field(description="each class's median confidence")


class GroupTest(RankTest):
    """Whether two groups differ in a measure."""

    first: str = Field(description="the label of a group")
    second: str = Field(description="the label of another")
    measure: str = Field(description="in what they are compared")
    first_ahead: float = Field(description="the share of pairs in which the first is higher")
    places: tuple[int, int] = Field(exclude=True, repr=False)


class ComparisonPoint(Facts):
    """The groups after an equal number of images scored."""

    evaluations: int = Field(description="images scored")
    groups: tuple[GroupSnapshot, ...] = Field(description="each group")
    tests: tuple[GroupTest, ...] = Field(description="for each measure and pair that came so far")

    def test(self, one: int, other: int, measure: str) -> GroupTest | None:
        """Give the test of two groups, by their places."""
        wanted = (one, other), measure
        return next((each for each in self.tests if (each.places, each.measure) == wanted), None)

    def panel(self) -> Panel:
        """Write each measure of each group, and the tests of each pair."""
        keys = [f"{key_of(place)} (n={each.n})" for place, each in enumerate(self.groups)]
        rows = []
        for measure in STATISTICS.values():
            found = [group.measures[measure.key] for group in self.groups]
            rows.append([measure.title, *(each.words(measure.in_words) for each in found)])
            surest = max(each.upper or 0.0 for each in found)
            if measure.kind == "confidence" and surest > SUREST:
                rows.append(["in log-odds", *(each.words(_log_odds) for each in found)])
        tables, rows = [Table(["", *keys], rows)], []
        for one, other in combinations(range(len(self.groups)), 2):
            tests = [self.test(one, other, measure.key) for measure in TESTED_STATISTICS]
            cells = [f"U {test.u:g}/{test.pairs}\n{test.words}" if test else "-" for test in tests]
            rows.append([f"{key_of(one)} : {key_of(other)}", *cells])
        if rows:
            titles = [each.title.removesuffix(" confidence") for each in TESTED_STATISTICS]
            heads = ["", *(title.removeprefix("classes ") for title in titles)]
            title = "Mann-Whitney U, two-sided: pairs of runs in which the first is the higher"
            tables.append(Table(heads, rows, title))
        title = f"After {self.evaluations:,} images: median over seeds [quartiles]"
        return Panel(tables, title, wide=True)


class QuartileCurves(Facts):
    """The quartiles of a measure over the runs of a group, at each number of images."""

    lower: tuple[Known, ...] = Field(description="the lower quartiles")
    median: tuple[Known, ...] = Field(description="null where fewer than half came so far")
    upper: tuple[Known, ...] = Field(description="the upper quartiles")


class GroupCourse(Facts):
    """A group over images scored."""

    label: str = Field(description="what the group is called")
    n: tuple[int, ...] = Field(description="how many runs came this far")
    measures: dict[str, QuartileCurves] = Field(description="each measure over the runs")


class Series(Facts):
    """All groups over images scored."""

    evaluations: tuple[int, ...] = Field(description="the common grid")
    groups: tuple[GroupCourse, ...] = Field(description="each group on it")


class Comparison(Finding):
    """Groups of runs side by side, and whether they differ."""

    about: ClassVar[str] = "comparison"

    groups: tuple[GroupFacts, ...] = Field(description="the groups, in their order")
    differ_in: dict[str, list[Any]] = Field(description="unlike options, with all groups' values")
    notes: tuple[str, ...] = Field(description="what is to be borne in mind, in words")
    at: tuple[ComparisonPoint, ...] = Field(description="the groups at equal numbers of images")
    series: Series = Field(description="the groups over images scored")
    gathered: json_schema.SkipJsonSchema[tuple[InstanceOf[RunGroup], ...]] = Field(
        exclude=True, repr=False
    )

    @property
    def title(self) -> str:
        """The groups' labels."""
        return " · ".join(dict.fromkeys(group.label for group in self.groups))

    @property
    def keys(self) -> list[str]:
        """The groups' letters."""
        return [key_of(place) for place in range(len(self.groups))]

    @cached_property
    def grid(self) -> np.ndarray:
        """The common grid of images scored, int64 [N]."""
        return np.array(self.series.evaluations)

    @property
    def same_classes(self) -> bool:
        """Whether all groups search the same classes, taken over all their runs."""
        return len({group.classes for group in self.gathered}) == 1

    @cached_property
    def maps(self) -> list[np.ndarray]:
        """For each group each class's confidence over the grid, float64 [C, N]."""
        return [group.by_class(self.grid) for group in self.gathered]

    @cached_property
    def orders(self) -> list[np.ndarray]:
        """For each group its classes, int64 [C], those first that are fooled soonest and best."""
        eases = [np.nanmean(decimal_odds(each), axis=1) for each in self.maps]
        if self.same_classes:
            eases = [np.mean(eases, axis=0)] * len(eases)
        return [np.argsort(-ease, kind="stable") for ease in eases]

    def story(self) -> Iterator[Block]:
        """Tell who is ahead, and by chance or not; then over images, at some, class by class."""
        yield Headline(self.verdict())
        yield from map(Note, self.notes)
        rows = []
        for key, group in zip(self.keys, self.groups, strict=True):
            lengths = sorted({run.evaluations for run in group.runs})
            images = " to ".join(f"{each:,}" for each in dict.fromkeys([lengths[0], lengths[-1]]))
            seeds = f"{format_seeds(run.seed for run in group.runs)} (n={len(group.runs)})"
            rows.append([key, group.label, seeds, images, f"{group.classes:,}", group.target])
        heads = ["", "group", "seeds", "images scored", "classes", "target"]
        yield Table(heads, rows, words=(0, 1, 2, 5))
        if self.differ_in:
            rows = [
                [name, *("-" if value is None else str(value) for value in values)]
                for name, values in self.differ_in.items()
            ]
            words = range(1 + len(self.groups))
            yield Table(["option", *self.keys], rows, "They differ in", words=words)
        yield Section(
            "The course of the search",
            "A thick line is the median over seeds, its band reaches from quartile to quartile, a "
            "thin line is one run. The scale of confidences is in log-odds: it keeps 99 % and "
            "99.99 % apart. Values between generations are those of the generation before.",
        )
        yield self._chart("median", "Median confidence over classes", wide=True)
        for measure in STATISTICS.values():
            if measure.kind == "classes":
                yield self._chart(measure.key, measure.title.capitalize())
        yield Section("At equal numbers of images", THE_TEST if len(self.groups) > 1 else "")
        for snapshot in self.at:
            if any(group.n for group in snapshot.groups):
                yield snapshot.panel()
        yield Section(
            "Class by class",
            "Each class's confidence, the median over seeds; the classes that are fooled first are "
            "at the top.",
        )
        yield Chart("The scale of colours, from 0.1 to 99.99 %", heat_scale, wide=True)
        for place, group in enumerate(self.groups):
            title = f"{key_of(place)}  {group.label}"
            about = f"Confidence of each class of {group.label} over images scored"
            yield Chart(about, partial(self._map, place), title, wide=len(self.groups) == 1)
        yield from self._tables_of_classes()
        yield Section("How it came about")
        for key, text in WAYS.items():
            yield self._chart(key, STATISTICS[key].title.capitalize(), text)

    def verdict(self) -> str:
        """Say which group is ahead in the median confidence at the last point, and if by chance."""
        snapshot = self.at[-1]
        images = f"{snapshot.evaluations:,} images"
        if not any(group.n for group in snapshot.groups):
            return f"No run has come to {images}; the longest has {self.grid[-1]:,}."
        medians = [group.measures["median"].median for group in snapshot.groups]
        came = [(value, place) for place, value in enumerate(medians) if value is not None]
        ranked = sorted(came, key=lambda each: -each[0])
        if not ranked:
            return f"Too few runs have come to {images}."
        parts = []
        for value, place in ranked:
            odds = f" (log-odds {_log_odds(value)})" if value > SUREST else ""
            parts.append(f"{percent(value)}{odds} for {self.groups[place].label}")
        text = f"After {images} the median confidence is {listed(parts)}."
        best = ranked[0][1]
        if len(ranked) == 1:
            count = len(self.groups[best].runs)
            seeds = f"Only one of {count} seeds has come this far." if count > 1 else ""
            alone = snapshot.groups[best].n == 1
            return f"{seeds or 'This is one seed.'} {text}" if alone else text
        second = ranked[1][1]
        test = snapshot.test(min(best, second), max(best, second), "median")
        assert test is not None
        u = test.u if best < second else test.pairs - test.u
        only = "only " if u <= test.pairs / 2 else ""
        against = "" if len(ranked) == 2 else f" against {self.groups[second].label}"
        label = self.groups[best].label
        ahead = f"{label} is ahead in {only}{u:g} of {test.pairs} pairs of runs{against}."
        if not test.can_tell:
            few = f"Too few seeds to tell a difference from chance ({test.words})."
            return f"{few} {text} {ahead}"
        unsure = test.p > USUAL_LEVEL
        chance = "This may well be chance" if unsure else "Chance alone would hardly do this"
        return f"{text} {ahead} {chance} (Mann-Whitney U, {test.words})."

    def records(self) -> Records:
        """Give each run's course over the common grid: a row for each number of images scored."""
        rows: list[list[object]] = []
        for group in self.gathered:
            for run in group.runs:
                grid = self.grid[self.grid <= run.length]
                columns = [run.at(key, grid).tolist() for key in STATISTICS]
                for images, *values in zip(grid.tolist(), *columns, strict=True):
                    found = (int(value) if value.is_integer() else value for value in values)
                    rows.append([group.label, run.seed, images, *found])
        return Records(["group", "seed", "evaluations", *STATISTICS], rows)

    def classes(self) -> Records:
        """Give the heat maps: a row for each class of each group, a column for each grid point.

        The values are medians over the seeds, with the nine digits that single precision has. They
        are empty where too few runs have come so far.
        """
        rows: list[list[object]] = []
        for group, courses in zip(self.gathered, self.maps, strict=True):
            for name, course in zip(group.classes, courses, strict=True):
                values = (f"{value:.9g}" if np.isfinite(value) else "" for value in course)
                rows.append([group.label, name, *values])
        return Records(["group", "class", *self.grid.tolist()], rows)

    def _chart(self, key: str, title: str, text: str = "", *, wide: bool = False) -> Chart:
        about = f"{title} over images scored: median and quartiles over seeds"
        return Chart(about, partial(self.draw, key, wide=wide), title, text, wide=wide)

    def draw(self, measure: str, *, wide: bool = False) -> Figure:
        """Draw a measure over the images scored, confidences on a scale of log-odds.

        Args:
            measure: Its key: ``"median"``, ``"classes_ge_0.99"``, ``"nodes"`` …
            wide: Whether the chart takes a page's width.
        """
        shown = STATISTICS[measure]
        sure = shown.kind == "confidence"
        lines = []
        for place, group in enumerate(self.gathered):
            lower, median, upper = group.quartiles(measure, self.grid)
            here = np.isfinite(median)
            if sure:
                # Nothing is scored before the first generation: no confidence to draw.
                here &= self.grid >= min(run.evaluations[0] for run in group.runs)
            if not here.any():
                continue
            grid, median = self.grid[here], median[here]
            end = f"{key_of(place)}  {shown.in_words(float(median[-1]))}"
            band, single = None, None
            if len(group.runs) > 1:
                band, single = np.stack([lower, upper])[:, here], group.at(measure, grid)
            lines.append(StepCurve(grid, median, end, place, band, single))
        return steps(lines, "confidences" if sure else "counts", self.grid, wide=wide)

    def _map(self, place: int) -> bytes:
        order = self.orders[place]
        names = [self.gathered[place].classes[index] for index in order]
        return heat_map(self.maps[place][order], self.grid, names, wide=len(self.groups) == 1)

    def _tables_of_classes(self) -> Iterator[Panel]:
        """List the classes, or some of them, at the last point; none where groups have others."""
        if not self.same_classes:
            return
        last = self.at[-1]
        names = [*last.groups[0].classes]
        confidences = np.array([[*group.classes.values()] for group in last.groups], float).T
        order = self.orders[0]
        chosen = {"All classes, the easiest first": order}
        if len(order) > MOST_CLASSES:
            easy, hard = order[:SOME_CLASSES], order[::-1][:SOME_CLASSES]
            chosen = {"The easiest": easy, "The hardest": hard}
            if len(self.groups) > 1:
                apart = np.ptp(decimal_odds(np.nan_to_num(confidences)), axis=1)
                unlike = np.argsort(-apart, kind="stable")[:SOME_CLASSES]
                chosen["The most different"] = unlike
        in_words = STATISTICS["median"].in_words
        for title, places in chosen.items():
            rows = [[names[each], *map(in_words, confidences[each])] for each in places]
            heads = [f"after {last.evaluations:,} images", *self.keys]
            yield Panel([Table(heads, rows, where="page")], title)


def _log_odds(confidence: float) -> str:
    odds = logit(confidence)
    return f"{odds:.1f}" if odds < LARGEST_ODDS else f"> {LARGEST_ODDS}"
