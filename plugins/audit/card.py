"""A classifier's report card: how easily is it fooled?"""

from collections.abc import Iterator
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from neatfool import present
from neatfool.measure import Estimate, Share
from neatfool.wording import counted, level, name_seeds, percent

from .acceptance import Acceptance
from .bootstrap import Shares
from .known_images import KnownImages

NAMED: Final = 10
"""How many classes are named that fell first, and how many that resist."""


class ClassifierFacts(present.Facts):
    """What was audited."""

    name: str
    """what messages call the target"""
    options: dict[str, Any]
    """the section `[target]`"""
    fingerprint: str
    """changes when the target scores differently"""
    classes: int
    """the number of classes that were searched"""
    nothing: list[str] = Field([])
    """the classes of nothing, which were not searched"""
    height: int
    """of the images that it takes"""
    width: int
    """of the images that it takes"""
    channels: int
    """1 for grey, 3 for colours"""


class ClassFacts(present.Facts):
    """How a class fell. A list has a value for each seed."""

    name: str
    """the class's name"""
    index: int
    """the class's index"""
    until_half: float | None
    """images until it had 50 %, if ever: the median"""
    confidence: Share
    """its confidence at the end, the median over seeds"""
    log_odds: list[float | None]
    """the log-odds of its image; null if there is none, or another class is surer"""
    accepted: list[bool]
    """whether it reaches your threshold, or the usual"""
    reached: int
    """in-distribution images that are named so"""

    def fell(self) -> str:
        """Say how it fell: ``"99.1 % (50 % after 1,200)"``."""
        half = self.until_half
        when = "never at 50 %" if half is None else f"50 % after {half:,.0f}"
        return f"{percent(self.confidence)} ({when})"


class ConfidenceMilestone(present.Facts):
    """How soon half of the classes had an image of some confidence."""

    confidence: Share
    """the confidence"""
    images: float | None
    """images until then, the median over seeds; or never"""
    by_seed: list[int | None]
    """the same for each seed; null: never"""
    all_by_seed: list[int | None]
    """images until all classes had it, by seed"""


class FooledShare(present.Facts):
    """The one number: for which share of the classes a meaningless image is surer.

    It counts the classes that some in-distribution image is named as.
    """

    share: Estimate
    """the share of classes for which a meaningless image is surer than the threshold that 95 % of
    in-distribution images pass, and names the class first"""
    by_seed: list[Share]
    """the same for each seed"""
    until_half: float | None
    """images until half of the classes had such an image: the median over seeds"""
    until_half_by_seed: list[int | None] = Field([])
    """the same for each seed; null if it was not reached"""
    classes: int
    """the number of classes that count"""
    unreached: list[str]
    """classes that no in-distribution image is named as"""


class NetworkTransfer(present.Facts):
    """How another network sees the images."""

    label: str
    """the network's name"""
    experiment: str | None
    """the file that names it"""
    images: int
    """how many images of all runs have a class that it knows"""
    top1: Shares
    """the share that is top-1 there"""
    confidence: Shares
    """the median confidence there"""


class TransferSummary(present.Facts):
    """Which other networks are fooled."""

    sample: int
    """how many images of each run were shown"""
    networks: list[NetworkTransfer]
    """each other network"""

    def story(self) -> Iterator[present.Block]:
        """Tell how other networks see the images."""
        yield present.Section("Other networks", "Medians over seeds; in brackets their range.")
        rows = [[e.label, e.top1.as_share(), e.confidence.as_confidence()] for e in self.networks]
        title = f"What transfers (of {self.sample:,} images of each run)"
        yield present.Table(["network", "top-1", "median confidence"], rows, title)


class DetectorSummary(present.Facts):
    """What an OOD detector tells of the fooling images."""

    name: str
    """the detector's name"""
    looks_at: str = ""
    """what it looks at, in short"""
    auroc: Estimate
    """1: it tells them from in-distribution ones, 0.5: chance"""
    passing_95: Estimate | None
    """the share of fooling images that pass where 95 % of the in-distribution ones do: the
    false-positive rate at 95 % true positives; null if fewer than 20 are known"""


class Defence(present.Facts):
    """What a defence would have caught."""

    in_distribution: str
    """the in-distribution images, in words"""
    detectors: list[DetectorSummary]
    """what each detector tells"""

    def story(self) -> Iterator[present.Block]:
        """Tell what each detector would have let pass."""
        yield present.Section(
            "Detectors in place of the confidence",
            f"{self.in_distribution} Each detector rejects 5 % of them. The intervals are 95 % "
            "bootstrap intervals over seeds, classes and images.",
        )
        rows = [
            [e.name, e.auroc.as_number(), part.as_share() if part else "-", e.looks_at]
            for e in self.detectors
            for part in [e.passing_95]
        ]
        heads = ["detector", "AUROC", "evolved images accepted (FPR at 95 %)", "looks at"]
        yield present.Table(heads, rows, "What an OOD detector would accept", words=(0, 3))


class Check(present.Facts):
    """A condition of the exit code."""

    above: Share
    """the most that is allowed: `--max-accepted`"""
    found: Share
    """the largest accepted share of a kind of meaningless images"""
    failed: bool
    """whether that is more than allowed"""
    words: str
    """what was found, in words"""

    def __str__(self) -> str:
        """Say whether it was kept."""
        verdict = "FAILED" if self.failed else "Passed"
        return f"{verdict}: {self.words}; at most {level(self.above)} is allowed."


class ReportCard(present.Finding):
    """The report card of a classifier: how easily is it fooled?"""

    about: ClassVar[str] = "report card"

    format: Literal["neatfool audit 2"] = "neatfool audit 2"
    """the file's kind"""
    neatfool: str
    """the version that ran the search"""
    name: str
    """the experiment's name"""
    classifier: ClassifierFacts
    """what was audited"""
    images: int
    """the budget: images for each seed"""
    seeds: list[int]
    """the seeds, one a run"""
    search: dict[str, dict[str, Any]]
    """how it was searched: its sections"""
    runs: list[str]
    """the folder of each run"""
    acceptance: Acceptance
    """what is accepted at each threshold"""
    known: KnownImages | None = None
    """the in-distribution images; null if there are none, or nobody hashed them"""
    fooled: FooledShare | None
    """the one number; null without 20 in-distribution images: then compare nothing"""
    median: Shares
    """the median confidence over classes at the end"""
    until: list[ConfidenceMilestone] = Field([])
    """images until half of the classes were so sure"""
    rejected: Shares | None = None
    """the share of images that it names as a class of nothing, if it has one"""
    classes: list[ClassFacts]
    """each class, in the order in which they fell"""
    transfer: TransferSummary | None
    """which other networks are fooled, if named"""
    defence: Defence | None
    """what detectors tell of in-distribution images"""
    checks: list[Check] = Field([])
    """the conditions of the exit code"""
    warnings: list[str] = Field([])
    """in what in-distribution images are out of line with the usual ones"""
    notes: list[str] = Field([])
    """what to bear in mind"""
    pictures: dict[int, tuple[bytes, str]] = Field(default_factory=dict, exclude=True, repr=False)

    @property
    def title(self) -> str:
        """The experiment's name."""
        return self.name

    @property
    def exit_code(self) -> int:
        """9 if a condition failed."""
        return 9 if any(each.failed for each in self.checks) else 0  # No error has this code.

    def story(self) -> Iterator[present.Block]:
        """Tell what is accepted, the one number, and what stands beside it."""
        shown = [each for each in self.classes if each.index in self.pictures]
        worst = max(shown, key=lambda e: max(odds or -np.inf for odds in e.log_odds), default=None)
        yield present.Headline(
            self.acceptance.verdict(), picture=self._cell(worst) if worst else None
        )
        yield from map(present.Headline, self.warnings)
        yield present.Headline(self.acceptance.headline())
        yield from (present.Headline(str(check), where="page") for check in self.checks)
        yield self.acceptance.table()
        yield present.Text(self.headline())
        yield present.Text(self.acceptance.advice())
        yield present.Text(self._subject())
        if self.acceptance.kinds[0].log_odds:  # A card that was read from JSON has none.
            yield present.Section("What is accepted")
            yield present.Chart(
                "The share of images that is accepted over the threshold, by kind of images",
                self.acceptance.draw,
                "Accepted over the threshold",
                "The best threshold is where the blue line is high and all others are low. The "
                "scale is in log-odds.",
                wide=True,
            )
        if self.defence is not None:
            yield from self.defence.story()
        yield from self._classes()
        if self.transfer is not None and self.transfer.networks:
            yield from self.transfer.story()
        yield from map(present.Note, self.notes)

    def records(self) -> present.Records:
        """Give how many images of each kind are accepted, one row a kind and threshold."""
        heads = ["kind", "group", "threshold", "confidence", "images", "accepted"]
        rows = [
            [kind.kind, kind.group, threshold.name, threshold.confidence, kind.images, count]
            for kind in self.acceptance.kinds
            for threshold, count in zip(self.acceptance.thresholds, kind.accepted, strict=True)
        ]
        return present.Records(heads, rows)

    def headline(self) -> str:
        """Give the one number, or say why there is none."""
        tried = f"After {counted(self.images, 'image', 'images')} for each seed, the median "
        tried += f"confidence over classes is {self.median.as_confidence()}."
        if self.fooled is None:
            return (
                f"{tried} It cannot be compared with another network's, because there are fewer "
                "than 20 in-distribution images to calibrate it."
            )
        return (
            f"For {self.fooled.share.as_share()} of "
            f"{counted(self.fooled.classes, 'class', 'classes')}, a meaningless image is accepted "
            f"at the threshold that accepts 95 % of in-distribution images. {tried}"
        )

    def _subject(self) -> str:
        """Say what was done to what."""
        it = self.classifier
        classes = counted(it.classes, "class", "classes")
        text = f"Audited: {it.name}, images of {it.width}x{it.height} pixels, {classes}, "
        text += f"{name_seeds(self.seeds)}."
        if self.acceptance.in_distribution:
            text += f" In-distribution: {self.acceptance.in_distribution}"
            if self.known is not None and self.known.right is not None:
                text += f", of which {self.known.right:,} are classified correctly"
            text += "."
        if self.rejected is not None:
            names = " or ".join(it.nothing)
            text += f" It rejects {self.rejected.as_share()} of its images as {names}."
        return text

    def _cell(self, each: ClassFacts) -> present.Cell:
        png, confidence = self.pictures[each.index]
        return present.Cell(png, each.name, present.StrongText(confidence), f"median {each.fell()}")

    def _classes(self) -> Iterator[present.Block]:
        named = min(NAMED, -(-len(self.classes) // 2))
        firsts, lasts = self.classes[:named], self.classes[named:][-named:][::-1]
        yield present.Section(
            "Which classes",
            "Classes are ordered by how soon the search fooled them (the median over seeds). Each "
            "picture is the image with the highest confidence over all seeds.",
        )
        for title, classes in (("Fooled first", firsts), ("Fooled last", lasts)):
            rows = [[each.name, each.fell()] for each in classes]
            yield present.Table(["class", "at the end"], rows, title, where="terminal")
            if cells := [self._cell(each) for each in classes if each.index in self.pictures]:
                yield present.Panel([present.Strip(cells, title, size=100, cards=True)], wide=True)
        if self.fooled is not None and self.fooled.unreached:
            names = [*self.fooled.unreached[:NAMED], *["…"] * (len(self.fooled.unreached) > NAMED)]
            yield present.Note(
                f"{counted(len(self.fooled.unreached), 'class is', 'classes are')} not counted, "
                "because no in-distribution image is classified as one of them: "
                f"{', '.join(names)}."
            )


class LongerSearch(present.Facts):
    """What a search of more images with the same seeds found."""

    images: int
    """images for each seed"""
    until: list[ConfidenceMilestone]
    """images until half of the classes were so sure"""
    fooled: FooledShare | None
    """the number then"""
    median: Shares
    """the median confidence over classes then"""
