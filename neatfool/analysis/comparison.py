"""Comparison: groups of runs side by side, and whether they differ."""

from __future__ import annotations

from functools import cached_property, partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field, InstanceOf, json_schema
from scipy.special import logit

from neatfool.analysis.course import MEASURES, TESTED
from neatfool.analysis.groups import Group, gather, options_that_differ
from neatfool.analysis.significance import USUAL_LEVEL, RankTest, mann_whitney
from neatfool.present.charts.axes import decimal_odds
from neatfool.present.charts.courses import Steps, heat_map, heat_scale, steps
from neatfool.present.charts.lines import key_of
from neatfool.present.finding import Facts, Finding, Records
from neatfool.present.output import Output
from neatfool.present.story import (
    Block,
    Chart,
    Headline,
    Note,
    Panel,
    Section,
    Table,
)
from neatfool.wording import counted, format_seeds, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from neatfool.present.story import (
        Where,
    )
    from neatfool.run.run import Run

GRID_POINTS: Final = 200
"""Steps of the common grid of images scored: about what a curve on the page can show."""
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


class RunOfGroup(Facts):
    """A run that counts."""

    path: str = Field(description="its folder")
    seed: int = Field(description="its seed")
    evaluations: int = Field(description="images scored")
    finished: bool = Field(description="whether it has come to its end")


class Compared(Facts):
    """Runs of one experiment that differ in their seed."""

    label: str = Field(description="what the group is called")
    name: str = Field(description="its experiment's name")
    target: str = Field(description="what is fooled")
    fingerprint: str = Field(description="what tells the target from one that scores otherwise")
    classes: int = Field(description="how many classes are searched")
    runs: tuple[RunOfGroup, ...] = Field(description="its runs, by seed")


class Measured(Facts):
    """A measure over the runs of a group."""

    lower: float | None = Field(description="the lower quartile")
    median: float | None = Field(description="the median; null where fewer than half came so far")
    upper: float | None = Field(description="the upper quartile")
    values: tuple[float, ...] = Field(description="the value of each run that came so far")

    def words(self, in_words: Callable[[float], str]) -> str:
        """Write the median, with the quartiles: ``"47.5 % [46.0 to 48.1]"``."""
        if self.lower is None or self.median is None or self.upper is None:
            return "-"
        lower, median, upper = map(in_words, (self.lower, self.median, self.upper))
        if lower == upper:
            return median
        return f"{median} [{lower.removesuffix(' %')} to {upper.removesuffix(' %')}]"


class GroupAt(Facts):
    """A group after a number of images."""

    label: str = Field(description="what the group is called")
    n: int = Field(description="how many runs came this far")
    measures: dict[str, Measured] = Field(description="each measure over the runs")
    classes: dict[str, float | None] = Field(description="each class's median confidence")


class Tested(RankTest):
    """Whether two groups differ in a measure."""

    first: str = Field(description="the label of a group")
    second: str = Field(description="the label of another")
    measure: str = Field(description="in what they are compared")
    first_ahead: float = Field(
        description="the share of pairs of runs in which the first is the higher"
    )
    places: tuple[int, int] = Field(exclude=True, repr=False)


class Snapshot(Facts):
    """The groups after an equal number of images scored."""

    evaluations: int = Field(description="images scored")
    groups: tuple[GroupAt, ...] = Field(description="each group")
    tests: tuple[Tested, ...] = Field(
        description="for each pair of groups, and each of the measures of confidence, whether they "
        "differ; none where no run of a group came this far"
    )

    @property
    def known(self) -> bool:
        """Whether any run came so far."""
        return any(group.n for group in self.groups)

    def test(self, one: int, other: int, measure: str) -> Tested | None:
        """Give the test of two groups, by their places."""
        for each in self.tests:
            if each.places == (one, other) and each.measure == measure:
                return each
        return None

    def panel(self) -> Panel:
        """Write each measure of each group, and the tests of each pair."""
        keys = [f"{key_of(place)} (n={each.n})" for place, each in enumerate(self.groups)]
        rows = []
        for measure in MEASURES.values():
            found = [group.measures[measure.key] for group in self.groups]
            rows.append([measure.title, *(each.words(measure.in_words) for each in found)])
            surest = max(each.upper or 0.0 for each in found)
            if measure.kind == "confidence" and surest > SUREST:
                rows.append(["in log-odds", *(each.words(_log_odds) for each in found)])
        tables = [Table(["", *keys], rows)]
        if len(self.groups) > 1:
            heads = ["", *(measure.short_title for measure in TESTED)]
            title = "Mann-Whitney U, two-sided: pairs of runs in which the first is the higher"
            tables.append(Table(heads, [*self._tests()], title))
        title = f"After {self.evaluations:,} images: median over seeds [quartiles]"
        return Panel(tables, title, wide=True)

    def _tests(self) -> Iterator[list[str]]:
        for one, other in combinations(range(len(self.groups)), 2):
            tests = [self.test(one, other, measure.key) for measure in TESTED]
            cells = [f"U {test.u:g}/{test.pairs}\n{test.words}" if test else "-" for test in tests]
            yield [f"{key_of(one)} : {key_of(other)}", *cells]


class Quartiles(Facts):
    """The quartiles of a measure over the runs of a group, at each number of images."""

    lower: tuple[float | None, ...] = Field(description="the lower quartiles")
    median: tuple[float | None, ...] = Field(description="null where fewer than half came so far")
    upper: tuple[float | None, ...] = Field(description="the upper quartiles")


class CourseOfGroup(Facts):
    """A group over images scored."""

    label: str = Field(description="what the group is called")
    n: tuple[int, ...] = Field(description="how many runs came this far")
    measures: dict[str, Quartiles] = Field(description="each measure over the runs")


class Series(Facts):
    """All groups over images scored."""

    evaluations: tuple[int, ...] = Field(description="the common grid")
    groups: tuple[CourseOfGroup, ...] = Field(description="each group on it")


class Comparison(Finding):
    """Groups of runs side by side, and whether they differ."""

    about: ClassVar[str] = "comparison"

    groups: tuple[Compared, ...] = Field(description="the groups, in their order")
    differ_in: dict[str, list[Any]] = Field(
        description="the options in which the groups differ, each with a list of their values"
    )
    notes: tuple[str, ...] = Field(description="what is to be borne in mind, in words")
    at: tuple[Snapshot, ...] = Field(description="the groups at equal numbers of images")
    series: Series = Field(description="the groups over images scored")
    gathered: json_schema.SkipJsonSchema[tuple[InstanceOf[Group], ...]] = Field(
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

    @cached_property
    def same_classes(self) -> bool:
        """Whether all groups search the same classes, taken over all their runs."""
        return len({group.classes for group in self.gathered}) == 1

    @cached_property
    def maps(self) -> list[np.ndarray]:
        """For each group each class's confidence over the grid, float64 [C, N]."""
        return [group.by_class(self.grid) for group in self.gathered]

    @cached_property
    def orders(self) -> list[np.ndarray]:
        """For each group its classes, int64 [C], the ones that are fooled first and best before.

        Groups that search the same classes have one order.
        """
        eases = [np.nanmean(decimal_odds(each), axis=1) for each in self.maps]
        if self.same_classes:
            eases = [np.mean(eases, axis=0)] * len(eases)
        return [np.argsort(-ease, kind="stable") for ease in eases]

    def story(self) -> Iterator[Block]:
        """Tell who is ahead, and by chance or not; then over images, at some, class by class."""
        yield Headline(self.verdict())
        for note in self.notes:
            yield Note(note)
        yield self._table_of_groups()
        yield from self._options("terminal")
        yield Section(
            "The course of the search",
            "A thick line is the median over seeds, its band reaches from quartile to quartile, a "
            "thin line is one run. The scale of confidences is in log-odds: it keeps 99 % and "
            "99.99 % apart. Values between generations are those of the generation before.",
        )
        yield self._chart("median", "Median confidence over classes", wide=True)
        for measure in MEASURES.values():
            if measure.kind == "classes":
                yield self._chart(measure.key, measure.title.capitalize())
        yield Section("At equal numbers of images", THE_TEST if len(self.groups) > 1 else "")
        for snapshot in self.at:
            if snapshot.known:
                yield snapshot.panel()
        yield Section(
            "Class by class",
            "Each class's confidence, the median over seeds; the classes that are fooled first are "
            "at the top.",
        )
        yield from self._maps()
        yield from self._tables_of_classes()
        yield Section("How it came about")
        for key, text in WAYS.items():
            yield self._chart(key, MEASURES[key].title.capitalize(), text)
        yield Section("In what the experiments differ")
        yield from self._options("page")

    def verdict(self) -> str:
        """Say which group is ahead in the median confidence at the last point, and if by chance."""
        snapshot = self.at[-1]
        images = f"{snapshot.evaluations:,} images"
        if not snapshot.known:
            return f"No run has come to {images}; the longest has {self.grid[-1]:,}."
        medians = [group.measures["median"].median for group in snapshot.groups]
        came = [(value, place) for place, value in enumerate(medians) if value is not None]
        ranked = sorted(came, key=lambda each: -each[0])
        if not ranked:
            return f"Too few runs have come to {images}."
        parts = [
            f"{percent(value, min(logit(value), LARGEST_ODDS))} for {self.groups[place].label}"
            for value, place in ranked
        ]
        listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
        text = f"After {images} the median confidence is {listed}."
        if len(ranked) > 1:
            return self._judge(text, snapshot, [place for _, place in ranked])
        group = ranked[0][1]
        if snapshot.groups[group].n > 1:
            return text
        if len(seeds := self.groups[group].runs) > 1:
            return f"Only one of {len(seeds)} seeds has come this far. {text}"
        return f"This is one seed. {text}"

    def _judge(self, text: str, snapshot: Snapshot, ranked: Sequence[int]) -> str:
        """Tell of the first and the second whether they differ by more than chance."""
        best, second = ranked[:2]
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
        chance = "Chance alone would hardly do this"
        if test.p > USUAL_LEVEL:
            chance = "This may well be chance"
        return f"{text} {ahead} {chance} (Mann-Whitney U, {test.words})."

    def records(self) -> Records:
        """Give each run's course over the common grid: a row for each number of images scored."""
        rows: list[list[object]] = []
        for group in self.gathered:
            for run in group.runs:
                grid = self.grid[self.grid <= run.length]
                columns = [run.at(key, grid).tolist() for key in MEASURES]
                rows += (
                    [group.label, run.seed, images]
                    + [int(value) if value.is_integer() else value for value in values]
                    for images, *values in zip(grid.tolist(), *columns, strict=True)
                )
        return Records(["group", "seed", "evaluations", *MEASURES], rows)

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

    def _table_of_groups(self) -> Table:
        rows = []
        for key, group in zip(self.keys, self.groups, strict=True):
            lengths = sorted({run.evaluations for run in group.runs})
            images = " to ".join(f"{each:,}" for each in dict.fromkeys([lengths[0], lengths[-1]]))
            seeds = f"{format_seeds(run.seed for run in group.runs)} (n={len(group.runs)})"
            rows.append([key, group.label, seeds, images, f"{group.classes:,}", group.target])
        heads = ["", "group", "seeds", "images scored", "classes", "target"]
        return Table(heads, rows, words=(0, 1, 2, 5))

    def _options(self, where: Where) -> Iterator[Table]:
        """Write the options in which the groups differ."""
        if self.differ_in:
            rows = [
                [name, *("-" if value is None else str(value) for value in values)]
                for name, values in self.differ_in.items()
            ]
            title = "They differ in" if where == "terminal" else ""
            heads = ["option", *self.keys]
            yield Table(heads, rows, title, words=range(len(heads)), where=where)

    def _chart(self, key: str, title: str, text: str = "", *, wide: bool = False) -> Chart:
        about = f"{title} over images scored: median and quartiles over seeds"
        return Chart(about, partial(self.draw, key, wide=wide), title, text, wide=wide)

    def draw(self, measure: str, *, wide: bool = False) -> Figure:
        """Draw a measure over the images scored, confidences on a scale of log-odds.

        Args:
            measure: Its key: ``"median"``, ``"classes_ge_0.99"``, ``"nodes"`` …
            wide: Whether the chart takes a page's width.
        """
        shown = MEASURES[measure]
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
                band, single = np.stack([lower[here], upper[here]]), group.at(measure, grid)
            lines.append(Steps(grid, median, end, place, band, single))
        return steps(lines, "confidences" if sure else "counts", self.grid, wide=wide)

    def _maps(self) -> Iterator[Chart]:
        about = "The scale of colours, from 0.1 to 99.99 %"
        yield Chart(about, heat_scale, wide=True)
        wide = len(self.groups) == 1
        for place, group in enumerate(self.groups):
            title = f"{key_of(place)}  {group.label}"
            about = f"Confidence of each class of {group.label} over images scored"
            yield Chart(about, partial(self._map, place, wide=wide), title, wide=wide)

    def _map(self, place: int, *, wide: bool) -> bytes:
        order = self.orders[place]
        names = [self.gathered[place].classes[index] for index in order]
        return heat_map(self.maps[place][order], self.grid, names, wide=wide)

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
        in_words = MEASURES["median"].in_words
        for title, places in chosen.items():
            rows = [[names[each], *map(in_words, confidences[each])] for each in places]
            heads = [f"after {last.evaluations:,} images", *self.keys]
            yield Panel([Table(heads, rows, where="page")], title)


def compare(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    labels: Sequence[str] = (),
    at: Sequence[int] = (),
    console: Output | None = None,
) -> Comparison:
    """Compare runs: medians over seeds at equal numbers of images, and whether they differ.

    Runs of one experiment that differ only in their seed are put into one group. Groups are
    compared by the Mann-Whitney U test. Runs under way count as far as they have come.

    Args:
        runs: The runs, their folders, or folders that hold several.
        labels: What to call the groups, in their order; made of their names if empty.
        at: Numbers of images to compare at; half and all of what all groups came to if empty.
        console: Shows how far it is.

    Raises:
        RunError: There is no run in a folder, or nothing is recorded of a group.
        ExperimentError: There are not as many labels as groups.
    """
    with (console or Output(quiet=True)).status("reading the runs"):
        groups = gather(runs, labels)
    longest = max(run.length for group in groups for run in group.runs)
    grid = np.unique(np.linspace(0, longest, GRID_POINTS + 1).round().astype(np.int64))
    # Half of the runs of each group have come to this number. A run whose search came to its own
    # end counts as one that has scored any number of images.
    common = int(min([longest, *(group.reach for group in groups)]))
    points = sorted({*at} or {max(common // 2, 1), common})
    snapshots = tuple(_snapshot(groups, evaluations) for evaluations in points)
    return Comparison(
        groups=tuple(_describe(group) for group in groups),
        differ_in=options_that_differ(groups),
        notes=tuple(_notes(groups, snapshots[-1])),
        at=snapshots,
        series=Series(
            evaluations=tuple(grid.tolist()),
            groups=tuple(_course(group, grid) for group in groups),
        ),
        gathered=tuple(groups),
    )


def _describe(group: Group) -> Compared:
    return Compared(
        label=group.label,
        name=group.first.name,
        target=group.first.target,
        fingerprint=group.first.fingerprint,
        classes=len(group.classes),
        runs=tuple(
            RunOfGroup(
                path=str(run.path), seed=run.seed, evaluations=run.length, finished=run.finished
            )
            for run in group.runs
        ),
    )


def _snapshot(groups: Sequence[Group], evaluations: int) -> Snapshot:
    here = np.array([evaluations])
    found = []
    for group in groups:
        measures = {}
        for key in MEASURES:
            lower, median, upper = _known(group.quartiles(key, here)[:, 0])
            values = group.at(key, here)
            came = tuple(values[np.isfinite(values)].tolist())
            measures[key] = Measured(lower=lower, median=median, upper=upper, values=came)
        medians = _known(group.by_class(here)[:, 0])
        found.append(
            GroupAt(
                label=group.label,
                n=len(measures["median"].values),
                measures=measures,
                classes=dict(zip(group.classes, medians, strict=True)),
            )
        )
    tests = []
    for places in combinations(range(len(groups)), 2):
        one, other = (found[place] for place in places)
        for key in (measure.key for measure in TESTED if one.n and other.n):
            test = mann_whitney(one.measures[key].values, other.measures[key].values)
            tests.append(
                Tested(
                    **test.model_dump(),
                    first=one.label,
                    second=other.label,
                    measure=key,
                    first_ahead=test.u / test.pairs,
                    places=places,
                )
            )
    return Snapshot(evaluations=evaluations, groups=tuple(found), tests=tuple(tests))


def _course(group: Group, grid: np.ndarray) -> CourseOfGroup:
    measures = {}
    for key in MEASURES:
        lower, median, upper = (tuple(_known(each)) for each in group.quartiles(key, grid))
        measures[key] = Quartiles(lower=lower, median=median, upper=upper)
    n = tuple(np.isfinite(group.at("median", grid)).sum(0).tolist())
    return CourseOfGroup(label=group.label, n=n, measures=measures)


def _known(values: Iterable[float]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _log_odds(confidence: float) -> str:
    odds = logit(confidence)
    return f"{odds:.1f}" if odds < LARGEST_ODDS else f"> {LARGEST_ODDS}"


def _notes(groups: Sequence[Group], last: Snapshot) -> Iterator[str]:
    """Say what to bear in mind."""
    if len({(group.first.target, group.first.fingerprint) for group in groups}) > 1:
        names = [*dict.fromkeys(group.first.target for group in groups)]
        which = f"{names[0]} with other weights" if len(names) == 1 else " and ".join(names)
        yield (
            f"The groups fool different targets ({which}). A difference may come from the targets, "
            "not from the searches."
        )
    if len({group.classes for group in groups}) > 1:
        counts = ", ".join(f"{group.label}: {len(group.classes):,}" for group in groups)
        yield f"The groups search different classes ({counts}), so counts of classes mislead."
    for group in groups:
        yield from _about_runs(group)
    unsure = {tuple(sorted(test.n)): test.least_p for test in last.tests if not test.can_tell}
    for (one, other), least_p in unsure.items():
        seeds = f"{counted(one, 'seed', 'seeds')} against {other}"
        yield (
            f"{seeds} cannot reach p < {USUAL_LEVEL:g} (the smallest possible is {least_p:.3g}). "
            "Use at least four against four."
        )


def _about_runs(group: Group) -> Iterator[str]:
    if short := [run.seed for run in group.runs if not run.finished]:
        are = "is" if len(short) == 1 else "are"
        yield (
            f"{group.label}: {_seeds(short)} {are} not at the end yet; each run counts as far as "
            "it has come."
        )
    if ended := [run.seed for run in group.runs if run.ended]:
        searches = "search" if len(ended) == 1 else "searches"
        yield (
            f"{group.label}: the {searches} of {_seeds(ended)} ended early, with nothing left to "
            "do; after that counts what was found until then."
        )
    if group.left_out:
        paths = ", ".join(str(run.path) for run in group.left_out)
        yield (
            f"{group.label}: {paths} left out, as nothing is recorded yet or a longer run has the "
            "same seed."
        )


def _seeds(seeds: Sequence[int]) -> str:
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {format_seeds(seeds)}"
