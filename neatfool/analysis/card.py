"""A classifier's report card: how easily is it fooled?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from neatfool.present.charts.courses import Steps, steps
from neatfool.present.finding import Facts, Finding, Records
from neatfool.present.story import (
    Block,
    Cell,
    Chart,
    Headline,
    Note,
    Panel,
    Section,
    Strip,
    Strong,
    Table,
    Text,
)
from neatfool.run.statistics import CONFIDENCE_THRESHOLDS
from neatfool.wording import format_seeds, level, percent, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.figure import Figure

LEVELS: Final = CONFIDENCE_THRESHOLDS[:3]
"""50, 90 and 99 %."""
MOST_DIFFERENCES: Final = 2
FAILED: Final = 9
"""The exit code if the median is above the threshold: no error has it."""

Share = Annotated[float, Field(ge=0, le=1)]


class Shares(Facts):
    """A share or a confidence, from 0 to 1, for each seed."""

    median: Share = Field(description="the median over seeds")
    lowest: Share = Field(description="the lowest of a seed")
    highest: Share = Field(description="the highest of a seed")
    by_seed: list[Share] = Field(description="a value for each seed, in the order of `seeds`")

    @classmethod
    def of(cls, values: Iterable[float]) -> Shares:
        """Sum up a value for each seed, at least one."""
        each = [float(value) for value in values]
        return cls(median=float(np.median(each)), lowest=min(each), highest=max(each), by_seed=each)

    def as_share(self) -> str:
        """Write it with its range over seeds: ``"97 % (95 to 98 %)"``."""
        low, high = share(self.lowest), share(self.highest)
        return share(self.median) + (f" ({low.removesuffix(' %')} to {high})" * (low != high))

    def as_confidence(self) -> str:
        """Write it with its range over seeds: ``"38.1 % (36.0 % to 39.9 %)"``."""
        low, high = percent(self.lowest), percent(self.highest)
        return percent(self.median) + (f" ({low} to {high})" if low != high else "")


class Counts(Facts):
    """A number of images for each seed; `null` where it was not reached within the budget."""

    median: float | None = Field(description="the median over seeds")
    lowest: int | None = Field(description="the lowest of a seed; null if none reached it")
    highest: int | None = Field(description="the highest of a seed; null if one did not reach it")
    by_seed: list[int | None] = Field(description="a value for each seed, in the order of `seeds`")

    @classmethod
    def of(cls, values: Iterable[int | None]) -> Counts:
        """Sum up a value for each seed, at least one."""
        each = [*values]
        numbers = sorted(np.inf if value is None else value for value in each)
        lowest, highest = (None if np.isinf(end) else int(end) for end in (numbers[0], numbers[-1]))
        middle = (numbers[(len(numbers) - 1) // 2] + numbers[len(numbers) // 2]) / 2
        median = None if np.isinf(middle) else float(middle)
        return cls(median=median, lowest=lowest, highest=highest, by_seed=each)

    def __str__(self) -> str:
        """Write it with its range over seeds: ``"1,200 (960 to 2,400)"``."""
        if self.median is None:
            reached = sum(value is not None for value in self.by_seed)
            return f"not reached{f' by most seeds (by {reached} it was)' if reached else ''}"
        if self.lowest == self.highest:
            return f"{self.median:,.0f}"
        high = "not reached" if self.highest is None else f"{self.highest:,}"
        return f"{self.median:,.0f} ({self.lowest:,} to {high})"


class Classifier(Facts):
    """What was audited."""

    name: str = Field(description="what messages call the target")
    options: dict[str, Any] = Field(description="the section `[target]`")
    fingerprint: str = Field(description="changes when the target scores differently")
    classes: int = Field(description="the number of classes that were searched")
    nothing: list[str] = Field(
        [], description="the classes that mean that nothing is there; they were not searched"
    )
    height: int = Field(description="of the images that it takes")
    width: int = Field(description="of the images that it takes")
    channels: int = Field(description="1 for grey, 3 for colours")


class Searched(Facts):
    """A run."""

    seed: int = Field(description="its seed")
    path: str = Field(description="its folder")
    images: int = Field(description="the images that it scored")


class Until(Facts):
    """Images until half of the classes, of ten the fifth, had a confidence."""

    confidence: Share = Field(description="that confidence")
    images: Counts = Field(description="null where it was not reached within the budget")


class Moment(Facts):
    """How far the search had come after so many images: medians over seeds, and their range."""

    images: int = Field(description="the images of a seed so far")
    median: Share = Field(description="the median confidence over classes")
    lowest: Share = Field(description="the lowest of a seed")
    highest: Share = Field(description="the highest of a seed")
    shares: list[Share] = Field(description="the share of classes at or above 50, 90 and 99 %")


class OfClass(Facts):
    """How a class fell."""

    name: str = Field(description="the class's name")
    index: int = Field(description="the class's index")
    until_half: float | None = Field(
        description="images until it had 50 %, the median over seeds; null if it had not"
    )
    confidence: Share = Field(description="its confidence at the end, the median over seeds")

    def fell(self) -> str:
        """Say how it fell: ``"99.1 % (50 % after 1,200)"``."""
        half = self.until_half
        when = "never at 50 %" if half is None else f"50 % after {half:,.0f}"
        return f"{percent(self.confidence)} ({when})"


class Surviving(Facts):
    """What is left after a change of the images."""

    kind: str = Field(description="as in `neatfool survive --kinds`")
    what: str = Field(description="the change in words, with its strength")
    strength: float = Field(description="the strength as a number")
    kept: Shares = Field(
        description="of the images that are top-1 as saved, the share that keep it"
    )
    confidence: Shares = Field(description="the median confidence of all that were looked at")


class Survival(Facts):
    """How much survives."""

    sample: int = Field(description="how many images of each run were looked at")
    saved: Shares = Field(description="their median confidence as saved, scored again")
    changes: list[Surviving] = Field(description="what is left after each change of the images")


class Asked(Facts):
    """How another network sees the images."""

    label: str = Field(description="the network's name")
    experiment: str | None = Field(description="the file that names it")
    images: int = Field(description="how many images of all runs have a class that it knows")
    top1: Shares = Field(description="the share that is top-1 there")
    confidence: Shares = Field(description="the median confidence there")
    agreement: Share | None = Field(
        description="the share of photographs for which it names the same class first as the "
        "audited network; null if there are none"
    )


class Transfer(Facts):
    """Which other networks are fooled."""

    sample: int = Field(description="how many images of each run were shown")
    photographs: int = Field(description="how many photographs were shown, too")
    networks: list[Asked] = Field(description="each other network")


class Detector(Facts):
    """What an OOD detector tells of the fooling images."""

    name: str = Field(description="the detector's name")
    looks_at: str = Field("", description="what it looks at, in short")
    auroc: Shares = Field(description="1: it tells them from the in-distribution ones, 0.5: chance")
    passing_95: Shares | None = Field(
        description="the share of fooling images that pass where 95 % of the in-distribution ones "
        "do: the false-positive rate at 95 % true positives; null if fewer than 20 are known"
    )
    passing_99: Shares | None = Field(
        description="the same where 99 % of the in-distribution ones pass; null if fewer than 100 "
        "are"
    )


class Defence(Facts):
    """What a defence would have caught."""

    in_distribution: str = Field(description="the in-distribution images, in words")
    few: bool = Field(
        description="whether there are too few in-distribution images to set a threshold"
    )
    detectors: list[Detector] = Field(description="what each detector tells")
    left_out: dict[str, str] = Field(description="detectors that do not work here, and why")


class Beside(Facts):
    """The card of a known network beside this one, at an equal number of images."""

    name: str = Field(description="the known network's name")
    images: int = Field(description="the number of images for each seed at which they are compared")
    seeds: int = Field(description="how many seeds the known network was audited with")
    theirs: Share = Field(description="the known network's median confidence there")
    lowest: Share = Field(description="the lowest of its seeds")
    highest: Share = Field(description="the highest of its seeds")
    ours: Share = Field(description="the audited network's there")
    differs: list[str] = Field(
        description="in what the two audits differ, so that the figures are not comparable; empty "
        "if they are"
    )

    def comparable(self) -> str:
        """Say whether the two are comparable, and why not."""
        if not self.differs:
            return "yes"
        more = len(self.differs) - MOST_DIFFERENCES
        told = "; ".join(self.differs[:MOST_DIFFERENCES])
        return f"no: {told}{f'; and {more} more' if more > 0 else ''}"

    def median(self) -> str:
        """Write its median with its range over seeds."""
        seeds = f", {self.seeds} seed{'s' * (self.seeds != 1)}"
        low, high = percent(self.lowest), percent(self.highest)
        return percent(self.theirs) + (f" ({low} to {high}{seeds})" if low != high else seeds)


class Check(Facts):
    """The threshold of `--fail-if-median-above`."""

    above: Share = Field(description="the threshold")
    failed: bool = Field(description="whether the median is above it")


class Card(Finding):
    """The report card of a classifier: how easily is it fooled?"""

    about: ClassVar[str] = "report card"

    format: Literal["neatfool audit 1"] = Field("neatfool audit 1", description="the file's kind")
    neatfool: str = Field(description="the version that ran the search")
    name: str = Field(description="the experiment's name")
    classifier: Classifier = Field(description="what was audited")
    images: int = Field(description="the budget: images for each seed")
    seeds: list[int] = Field(description="the seeds, one a run")
    search: dict[str, dict[str, Any]] = Field(
        description="the sections of the experiment that say how it was searched"
    )
    runs: list[Searched] = Field(description="each run")
    median: Shares = Field(
        description="the one number: the median confidence over classes at the end of the budget; "
        "of ten, the mean of the fifth and the sixth"
    )
    rejected: Shares | None = Field(
        None,
        description="the share of the images that the classifier is surest show nothing, so that "
        "it rejects them; null if it has no class for that",
    )
    until: list[Until] = Field(
        description="images until half of the classes, of ten the fifth, had 50, 90 and 99 %"
    )
    first: list[OfClass] = Field(description="the classes that fell first")
    last: list[OfClass] = Field(description="the classes that resist most, the most stubborn last")
    course: list[Moment] = Field(description="how far the search had come: medians over seeds")
    survival: Survival = Field(description="how much survives")
    transfer: Transfer | None = Field(
        description="which other networks are fooled; null if none was named"
    )
    defence: Defence | None = Field(
        description="what a detector would have caught; null if there is nothing in-distribution "
        "to compare with"
    )
    beside: list[Beside] = Field(description="known networks, at an equal number of images")
    check: Check | None = Field(
        description="the threshold of `--fail-if-median-above`; null if none was given"
    )
    notes: list[str] = Field(description="what to bear in mind")
    # Of the first seed's elites: the image, and how sure the classifier is of it.
    pictures: dict[str, tuple[bytes, str]] = Field({}, exclude=True, repr=False)

    @property
    def title(self) -> str:
        """The experiment's name."""
        return self.name

    @property
    def exit_code(self) -> int:
        """9 if the median is above the threshold."""
        return FAILED if self.check is not None and self.check.failed else 0

    def story(self) -> Iterator[Block]:
        """Tell the one number, what is behind it, and what stands beside it."""
        yield Headline(
            f"After {self.images:,} images, the median confidence over classes is "
            f"{self.median.as_confidence()}: half of the classes have an image of which the "
            "classifier is at least that sure. A search made these images, and no camera."
        )
        if self.rejected is not None:
            yield Text(
                f"It rejects {self.rejected.as_share()} of the images: it is surest that they show "
                f"{' or '.join(self.classifier.nothing)}, which was not searched."
            )
        if verdict := self.verdict():
            yield Headline(verdict)
        if self.check is not None:
            yield Text(self.checked(self.check), where="page")
        yield Text(self._subject())
        yield from map(Note, self.notes)
        yield Section("How soon")
        yield Table(
            ["half of the classes at", "after so many images"],
            [[level(each.confidence), str(each.images)] for each in self.until],
        )
        yield Chart(
            "The share of classes at or above 50, 90 and 99 % over images scored",
            self._falling,
            "Classes that had fallen",
            "The share of classes with an image at or above 50, 90 and 99 %, the median over "
            "seeds.",
        )
        yield Chart(
            "Median confidence over images scored",
            self._rising,
            "Median confidence over classes",
            "The line is the median over seeds, the band their range. A dot is a known network "
            "that was audited in the same way. The scale is in log-odds.",
        )
        yield from self._classes()
        yield Section(
            "What else", "Medians over seeds; in brackets the lowest and the highest of them."
        )
        yield from self._more()

    def records(self) -> Records:
        """Give how far the search had come, one row a moment."""
        heads = ["images", "median", "lowest", "highest", *(f"classes_ge_{p:g}" for p in LEVELS)]
        rows = [[m.images, m.median, m.lowest, m.highest, *m.shares] for m in self.course]
        return Records(heads, rows)

    def verdict(self) -> str:
        """Say how it compares with known networks; empty if it cannot be compared."""
        low, high = self.median.lowest, self.median.highest
        groups: dict[str, list[str]] = {"more": [], "less": [], "about as": []}
        for each in self.beside:
            if each.differs:
                continue
            if each.images < self.images:
                low = high = each.ours
            way = "more" if low > each.highest else "less" if high < each.lowest else "about as"
            groups[way].append(each.name)
        said = [
            f"{way} easily{' fooled' * (not number)} {'as' if way == 'about as' else 'than'} "
            f"{' and '.join(names)}"
            for number, (way, names) in enumerate((w, n) for w, n in groups.items() if n)
        ]
        return f"It is {', '.join(said)}." if said else ""

    def checked(self, check: Check) -> str:
        """Say whether the threshold was kept."""
        found, limit = percent(self.median.median), level(check.above)
        if check.failed:
            return f"FAILED: the median confidence, {found}, is above {limit}."
        return f"Passed: the median confidence, {found}, is not above {limit}."

    def _subject(self) -> str:
        """Say what was done to what."""
        classifier = self.classifier
        count, listed = len(self.seeds), format_seeds(self.seeds)
        seeds = f"seed {listed}" if count == 1 else f"each of {count} seeds ({listed})"
        return (
            f"{classifier.name}, {classifier.classes:,} classes, images of "
            f"{classifier.width}x{classifier.height}: {self.images:,} images with {seeds}"
        )

    def _classes(self) -> Iterator[Block]:
        yield Section(
            "Which classes",
            "In the order of the median over seeds. The images, and the figures in blue, are those "
            f"of seed {self.seeds[0]}.",
        )
        rows = []
        for place, first in enumerate(self.first):
            last = [*self.last[::-1], None][min(place, len(self.last))]
            pair = [last.name, last.fell()] if last else ["", ""]
            rows.append([first.name, first.fell(), *pair])
        heads = ["fall first", "at the end", "resist most", "at the end"]
        yield Table(heads, rows, "Which classes", words=(0, 2), where="terminal")
        for title, classes in (
            ("These fell first", self.first),
            ("These resist most", self.last[::-1]),
        ):
            cells = [
                Cell(png, each.name, Strong(confidence), f"median {each.fell()}")
                for each in classes
                if each.name in self.pictures
                for png, confidence in [self.pictures[each.name]]
            ]
            if cells:
                yield Panel([Strip(cells, title, size=100, cards=True)], wide=True)

    def _more(self) -> Iterator[Table]:
        changes = [
            [each.what, each.kept.as_share(), each.confidence.as_confidence()]
            for each in self.survival.changes
        ]
        yield Table(
            ["the images are …", "keep their class", "median confidence"],
            [["as saved", "", self.survival.saved.as_confidence()], *changes],
            f"What survives (of {self.survival.sample:,} images of each run)",
        )
        if self.transfer is not None and self.transfer.networks:
            photographs = self.transfer.photographs
            yield Table(
                ["network", "top-1", "median confidence", "agrees on in-distribution images"],
                [
                    [
                        each.label,
                        each.top1.as_share(),
                        each.confidence.as_confidence(),
                        "-"
                        if each.agreement is None
                        else f"{share(each.agreement)} of {photographs:,}",
                    ]
                    for each in self.transfer.networks
                ],
                f"What transfers (of {self.transfer.sample:,} images of each run)",
            )
        if self.defence is not None:
            yield Table(
                ["detector", "AUROC", "if 95 % of in-distribution pass", "if 99 % pass"],
                [
                    [
                        f"{each.name}: {each.looks_at}"
                        if each.looks_at not in {"", each.name}
                        else each.name,
                        f"{each.auroc.median:.3f}",
                        *(
                            "-" if passing is None else passing.as_share()
                            for passing in (each.passing_95, each.passing_99)
                        ),
                    ]
                    for each in self.defence.detectors
                ],
                "What an OOD detector would let pass",
            )
        if self.beside:
            yield Table(
                ["network", "comparable", "this one's", "its median", "images"],
                [
                    [
                        each.name,
                        each.comparable(),
                        percent(each.ours),
                        each.median(),
                        f"{each.images:,}",
                    ]
                    for each in self.beside
                ],
                "Beside known networks",
                words=(0, 1),
            )

    def _falling(self) -> Figure:
        """Draw the share of classes at 50, 90 and 99 % over the images of a seed."""
        images = np.array([moment.images for moment in self.course])
        lines = []
        for place, least in enumerate(LEVELS):
            shares = np.array([moment.shares[place] for moment in self.course])
            lines.append(Steps(images, shares, f"≥ {level(least)}:  {share(shares[-1])}", place))
        return steps(lines, "shares", images)

    def _rising(self) -> Figure:
        """Draw the median confidence, with its range over seeds, and marks for known networks."""
        images = np.array([moment.images for moment in self.course])
        median, *band = np.array([(m.median, m.lowest, m.highest) for m in self.course]).T
        lines = [Steps(images, median, percent(median[-1]), 0, np.stack(band))]
        for place, each in enumerate([one for one in self.beside if not one.differs][:3], 1):
            name = each.name.removeprefix("efficientnet-")
            lines.append(Steps(np.array([each.images]), np.array([each.theirs]), name, place))
        return steps(lines, "confidences", images)
