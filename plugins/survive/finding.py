"""What is said of survival, and what is kept of it in the run's folder for its report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
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
from neatfool.wording import counted, listed, percent, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTE: Final = (
    "Each change is made once to each image. Its direction (for ±: up or down) is drawn at random "
    "for each image, and is the same at all strengths."
)


class SurvivalPoint(present.Facts):
    """What the target says of the images, changed in one way."""

    median: float = Field(description="the median confidence in the images' own classes")
    lower_quartile: float = Field(description="the lower quartile")
    upper_quartile: float = Field(description="the upper quartile")
    top1: float = Field(description="the share of images whose class has the first place")
    kept: float = Field(description="of those with it as saved, the share that still have it")
    strength: float | None = Field(None, description="the strength; null for images as saved")
    confidences: tuple[float, ...] = Field(exclude=True, repr=False)
    first: tuple[bool, ...] = Field(exclude=True, repr=False)
    shown: tuple[bytes, ...] = Field(exclude=True, repr=False)


class ChangeSurvival(ChangeKind):
    """One kind of change, at several strengths."""

    points: tuple[SurvivalPoint, ...] = Field(description="what survives at each strength")

    @property
    def usually(self) -> SurvivalPoint:
        """What survives at the usual strength."""
        return next(point for point in self.points if point.strength == self.usual)


class SurvivalResult(RunFacts):
    """What of a run survives."""

    target: str = Field(description="the target that scored")
    own_target: bool = Field(description="whether that is the run's own target")
    random_seed: int = Field(description="the seed of directions, signs and noise")
    as_saved: SurvivalPoint = Field(description="the images as they were saved")
    kinds: tuple[ChangeSurvival, ...] = Field(description="each kind of change")
    classes: tuple[str, ...] = Field(exclude=True, repr=False)
    genomes: tuple[int, ...] = Field(exclude=True, repr=False)
    examples: tuple[int, ...] = Field(exclude=True, repr=False)

    def ranked(self, like: SurvivalResult) -> list[ChangeSurvival]:
        """Give the kinds, those that most images survive first in ``like``."""
        order = like.kinds
        places = sorted(range(len(order)), key=lambda place: -order[place].usually.kept)
        return [self.kinds[place] for place in places]

    def headline(self) -> str:
        """Say in a sentence what survives, from the most to the least."""
        first = sum(self.as_saved.first)
        if not first:
            return "No image has its class in the first place as it was saved, so none can lose it."
        best = self.ranked(self)
        shown = best if len(best) < 5 else [*best[:2], *best[-2:]]
        parts = [f"{share(kind.usually.kept)} {kind.words}" for kind in shown]
        return (
            f"{first:,} of {self.elites:,} images have their class in the first place as "
            f"saved. Of these {first:,} keep it: {listed(parts)}."
        )

    def limits(self) -> Iterator[present.Block]:
        """Say what was looked at, and what limits the figures."""
        target = "its own target" if self.own_target else self.target
        sure = percent(self.as_saved.median)
        yield present.Text(
            f"{self.subject}, scored by {target}; median confidence as saved {sure}."
        )
        if 0 < (first := sum(self.as_saved.first)) < FEW:
            yield present.Note(
                f"With so few images a share is rough: one image is {share(1 / first)}."
            )
        if not self.own_target:
            yield present.Note(
                "The target is not the one that the images were evolved for, so some do not have "
                "their class in the first place even as saved."
            )

    def bars(self, like: SurvivalResult) -> present.Bars:
        """Give a bar for each kind, in the order of ``like``."""
        kinds = [(kind.words, kind.usually) for kind in self.ranked(like)]
        rows = [(words, point.kept, percent(point.median)) for words, point in kinds]
        return present.Bars(("the images are …", "keep class", "median"), rows)

    def summary(self) -> present.Bars:
        """Sum it up for the run's report."""
        elites = counted(self.elites, "elite", "elites")
        text = (
            f"What happens to images in the world was done to {elites}, after "
            f"{self.evaluations:,} images. The bar is the share that keep their class in the "
            "first place; the figure beside it is their median confidence, "
            f"{percent(self.as_saved.median)} as saved."
        )
        return replace(self.bars(self), title="What survives", text=text)

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

    runs: tuple[SurvivalResult, ...] = Field(description="what of each run survives")

    def story(self) -> Iterator[present.Block]:
        """Tell what survives, all at a glance and kind by kind."""
        for place, run in enumerate(self.runs):
            yield present.Headline(f"{self._key(place)}{run.label}: {run.headline()}")
            yield from run.limits()
        yield present.Section("All kinds at a glance")
        for place, run in enumerate(self.runs):
            title = f"{self._key(place)}{run.label}" if len(self.runs) > 1 else ""
            yield present.Panel([run.bars(self.runs[0])], title)
        lines = ("A thick line", "a thin line") if len(self.runs) > 1 else ("Blue", "orange")
        yield present.Section(
            "Kind by kind",
            f"{lines[0]} is the share that keep their class in the first place, of those that had "
            f"it as saved; {lines[1]} is the median confidence of all. The figure under a picture "
            "is the target's confidence in its class, in blue where the class has the first place.",
        )
        for number in range(len(self.runs[0].kinds)):
            yield self._panel(number)
        yield present.Note(f"{NOTE} --csv, --json and --html have all strengths.")

    def records(self) -> present.Records:
        """Give a row for each image at each strength; the kind of those as saved is ``saved``."""
        return present.Records(
            ("run", "seed", "class", "kind", "strength", "unit", "confidence", "first"),
            [row for run in self.runs for row in run.records()],
        )

    def _key(self, place: int) -> str:
        return f"{present.key_of(place)}  " if len(self.runs) > 1 else ""

    def _panel(self, number: int) -> present.Panel:
        kind = self.runs[0].kinds[number]
        most = 1 if len(self.runs) > 1 else 2
        strips = [strip for run in self.runs for strip in run.strips(run.kinds[number], most)]
        about = f"What is left when images are {kind.what}, by strength"
        title = kind.what[0].upper() + kind.what[1:]
        chart = present.Chart(about, partial(self._chart, number))
        return present.Panel([chart, *strips], title, f"{kind.name} · {kind.unit}")

    def _chart(self, number: int) -> Figure:
        """Draw a kind: of one run both measures, of several the shares, and medians thinly."""
        lines, several = [], len(self.runs) > 1
        for place, run in enumerate(self.runs):
            points = run.kinds[number].points
            shares = [1.0, *(point.kept for point in points)]
            medians = [point.median for point in (run.as_saved, *points)]
            end = present.key_of(place) if several else "class"
            lines.append(present.ChartLine(shares, f"{end}  {share(shares[-1])}", place))
            if several:
                lines.append(present.ChartLine(medians, "", place, thin=True))
            else:
                lines.append(present.ChartLine(medians, f"median  {percent(medians[-1])}", 1))
        kind = self.runs[0].kinds[number]
        ticks = ["as saved", *(kind.number(point.strength or 0) for point in kind.points)]
        return present.lines_of_shares(lines, ticks, right=104 if several else 148)


def keep_survival(survival: Survival) -> list[Path]:
    """Write RUN/survival.json for each run, and the runs' reports again, which show it.

    Returns:
        The reports.

    Raises:
        StorageError: A file cannot be written.
    """
    reports = []
    for run in survival.runs:
        folder, bars = Path(run.path), run.summary()
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
            title=bars.title,
            text=bars.text,
            bars=tuple(bars.rows),
            own_target=run.own_target,
            usual={f"{kind.name}={kind.usual:g}": kind.words for kind in run.kinds},
            images=images,
        )
        present.save(folder / SURVIVAL_FILE, f"{kept.model_dump_json()}\n".encode())
        with closing(open_run(folder)) as opened:
            reports.append(present.write_report(opened))
    return reports
