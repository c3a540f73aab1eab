"""What is said of survival, and what is kept of it in the run's folder for its report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field

from neatfool import open_run, present
from neatfool.measure import (
    FEW,
    SURVIVAL_FILE,
    ChangeKind,
    ImageSurvival,
    MultiRunResult,
    RunFacts,
    SurvivalRecord,
)
from neatfool.wording import among, counted, percent, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SURVIVED: Final = 0.9
"""A run survives a change that leaves so many of its images in their class."""
NOTE: Final = (
    "Each change is made once to each image. Its direction (for ±: up or down) is drawn at random "
    "for each image, and is the same at all strengths."
)


class SurvivalPoint(present.Facts):
    """What the target says of the images, changed in one way."""

    median: float
    """the median confidence in the images' own classes"""
    top1: float
    """the share of images whose class is top-1"""
    kept: float
    """of those with it as saved, the share that still have it"""
    strength: float | None = None
    """the strength; null for images as saved"""
    confidences: tuple[float, ...] = Field(exclude=True, repr=False)
    first: tuple[bool, ...] = Field(exclude=True, repr=False)
    shown: tuple[bytes, ...] = Field(exclude=True, repr=False)


class ChangeSurvival(ChangeKind):
    """One kind of change, at several strengths."""

    points: tuple[SurvivalPoint, ...]
    """what survives at each strength"""

    @property
    def usually(self) -> SurvivalPoint:
        """What survives at the usual strength."""
        return next(point for point in self.points if point.strength == self.usual)


class SurvivalResult(RunFacts):
    """What of a run survives."""

    target: str
    """the target that scored"""
    own_target: bool
    """whether that is the run's own target"""
    random_seed: int
    """the seed of directions, signs and noise"""
    as_saved: SurvivalPoint
    """the images as they were saved"""
    kinds: tuple[ChangeSurvival, ...]
    """each kind of change"""
    classes: tuple[str, ...] = Field(exclude=True, repr=False)
    genomes: tuple[int, ...] = Field(exclude=True, repr=False)
    examples: tuple[int, ...] = Field(exclude=True, repr=False)

    @property
    def ranked(self) -> list[ChangeSurvival]:
        """The kinds, those that most images survive first."""
        return sorted(self.kinds, key=lambda kind: -kind.usually.kept)

    def headlines(self) -> Iterator[str]:
        """Say what share of the images keeps its class, from the most to the least."""
        first, best = sum(self.as_saved.first), self.ranked
        target = "their own target" if self.own_target else self.target
        if first and best:
            worst, images = best[-1], f"the fooling images of {self.label}"
            kept = share(worst.usually.kept)
            if len(best) == 1:
                yield f"{kept} of {images} keep their class when {worst.words}."
            else:
                mild = sum(kind.usually.kept >= SURVIVED for kind in best)
                changes = among(mild, len(best), "change", "changes").capitalize()
                yield (
                    f"{changes} {'leaves' if mild == 1 else 'leave'} at least {share(SURVIVED)} of "
                    f"{images} in their class; the worst, {worst.words}, leaves {kept}."
                )
        images = among(first, self.elites, "image", "images")
        are = "is" if first == 1 or self.elites < 2 else "are"
        yield (
            f"As saved, {images} of {self.label} {are} classified as intended (top-1) by {target}; "
            f"the median confidence is {percent(self.as_saved.median)}."
        )

    def limits(self) -> Iterator[present.Block]:
        """Say what limits the figures."""
        if 0 < (first := sum(self.as_saved.first)) < FEW:
            text = f"With so few images a share is rough: one image is {share(1 / first)}."
            yield present.Note(text)
        if not self.own_target:
            yield present.Note("The images were not evolved for the target that scored them here.")

    def bars(self) -> present.Bars:
        """Give a bar for each kind."""
        kinds = [(kind.words, kind.usually) for kind in self.ranked]
        rows = [(words, point.kept, percent(point.median)) for words, point in kinds]
        return present.Bars(("the images are …", "keep class", "median"), rows, self.subject)

    def records(self) -> Iterator[tuple[object, ...]]:
        """Give a row for each image at each strength."""
        rows: list[tuple[str, str, SurvivalPoint]] = [("saved", "", self.as_saved)]
        rows += [(kind.name, kind.unit, point) for kind in self.kinds for point in kind.points]
        for kind, unit, point in rows:
            strength = "" if point.strength is None else point.strength
            for name, sure, first in zip(self.classes, point.confidences, point.first, strict=True):
                yield self.path, self.seed, name, kind, strength, unit, sure, int(first)

    def strips(self, kind: ChangeSurvival, count: int) -> Iterator[present.Strip]:
        """Show some images, as saved and changed at each strength."""
        labels = ["as saved", *(kind.number(point.strength or 0) for point in kind.points)]
        for place, row in enumerate(self.examples[:count]):
            cells = []
            for label, point in zip(labels, [self.as_saved, *kind.points], strict=True):
                figure = (present.StrongText if point.first[row] else str)(
                    percent(point.confidences[row])
                )
                cells.append(present.Cell(point.shown[place], label, figure))
            yield present.Strip(cells, self.classes[row])


class Survival(MultiRunResult):
    """How much of runs survives what happens to images."""

    about: ClassVar[str] = "what survives"

    runs: tuple[SurvivalResult, ...]
    """what of each run survives"""

    def story(self) -> Iterator[present.Block]:
        """Tell what survives, all at a glance and kind by kind."""
        for run in self.runs:
            yield from (present.Headline(e, picture=run.picture) for e in run.headlines())
            yield from run.limits()
        yield present.Section("All kinds at a glance")
        for run in self.runs:
            yield run.bars()
        yield present.Section(
            "Kind by kind",
            "The lines are the share that keep their class (top-1), of those that had it as saved, "
            "and, for a single run, the median confidence of all. The figure under a picture is "
            "the target's confidence in its class, in blue where the class is top-1.",
        )
        for number in range(len(self.runs[0].kinds)):
            yield self._panel(number)
        yield present.Note(NOTE)

    def records(self) -> present.Records:
        """Give a row for each image at each strength; the kind of those as saved is ``saved``."""
        return present.Records(
            ("run", "seed", "class", "kind", "strength", "unit", "confidence", "first"),
            [row for run in self.runs for row in run.records()],
        )

    def _panel(self, number: int) -> present.Panel:
        kind = self.runs[0].kinds[number]
        most = 1 if len(self.runs) > 1 else 2
        strips = [strip for run in self.runs for strip in run.strips(run.kinds[number], most)]
        about = f"What is left when images are {kind.what}, by strength"
        chart = present.Chart(about, partial(self._chart, number))
        title = kind.what[0].upper() + kind.what[1:]
        return present.Panel([chart, *strips], title, f"{kind.name} · {kind.unit}")

    def _chart(self, number: int) -> Figure:
        """Draw a kind: of one run both measures, of several the shares."""
        lines = []
        for place, run in enumerate(self.runs):
            points = run.kinds[number].points
            shares = [1.0, *(point.kept for point in points)]
            end = f"seed {run.seed}" if len(self.runs) > 1 else "top-1"
            lines.append(present.ChartLine(shares, f"{end}  {share(shares[-1])}", place))
        if len(self.runs) == 1:
            run = self.runs[0]
            medians = [point.median for point in (run.as_saved, *run.kinds[number].points)]
            lines.append(present.ChartLine(medians, f"median  {percent(medians[-1])}", 1))
        kind = self.runs[0].kinds[number]
        ticks = ["as saved", *(kind.number(point.strength or 0) for point in kind.points)]
        return present.lines_of_shares(lines, ticks)


def keep_survival(survival: Survival) -> list[Path]:
    """Write RUN/survival.json for each run, and the runs' reports again, which show it.

    Returns:
        The reports.

    Raises:
        StorageError: A file cannot be written.
    """
    reports = []
    for run in survival.runs:
        folder = Path(run.path)
        points = {f"{k.name}={p.strength:g}": p for k in run.kinds for p in k.points}
        images = {
            name: ImageSurvival(
                genome=genome,
                changes={
                    key: (round(p.confidences[row], 6), p.first[row]) for key, p in points.items()
                },
            )
            for row, (name, genome) in enumerate(zip(run.classes, run.genomes, strict=True))
        }
        kept = SurvivalRecord(
            title="What survives",
            text=(
                f"{counted(run.elites, 'elite was', 'elites were')} changed in each of these ways. "
                "The bar is the share that keep their class (top-1), and the figure beside it the "
                f"median confidence, {percent(run.as_saved.median)} as saved."
            ),
            bars=tuple(run.bars().rows),
            own_target=run.own_target,
            usual={f"{kind.name}={kind.usual:g}": kind.words for kind in run.kinds},
            images=images,
        )
        present.save(folder / SURVIVAL_FILE, f"{kept.model_dump_json()}\n".encode())
        with closing(open_run(folder)) as opened:
            reports.append(present.write_report(opened))
    return reports
