"""What is said of transfer: which images of runs fool which networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool import present
from neatfool.measure import FEW, MultiRunResult, RunFacts
from neatfool.wording import counted, percent, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNKNOWN: Final = "-"
HEADS: Final = (
    *("run", "seed", "class", "index", "recorded", "network", "own", "shown"),
    *("their_class", "confidence", "rank", "top1", "top5"),
)


class TransferTarget(present.Facts):
    """A network that is shown images."""

    key: str
    """its letter"""
    label: str
    """what it is called"""
    target: str
    """its target"""
    experiment: str | None
    """the file that names it; null if only runs do"""
    runs: tuple[str, ...]
    """the folders of the runs that fooled it"""
    shape: tuple[int, int, int]
    """of its images: channels, height, width"""
    classes: int
    """how many classes it has"""


class NetworkAnswer(present.Facts):
    """What a network says of an image in its class."""

    key: str
    """the network's letter"""
    their_class: str | None
    """what the network calls the class"""
    confidence: float | None
    """null if it has no such class"""
    rank: int | None
    """1 for the top-1 class; null if it does not place it"""

    def among(self, places: int) -> bool:
        """Say whether the class is among the first places."""
        return self.rank is not None and self.rank <= places

    def cells(self) -> list[object]:
        """Give the last columns of its row of the records."""
        if self.confidence is None:
            return [""] * 4
        return [self.confidence, self.rank or "", int(self.among(1)), int(self.among(5))]

    @property
    def words(self) -> str:
        """The confidence, with the rank if that is not 1: ``"97.1 %"``, ``"3.2 % (4)"``."""
        if self.confidence is None:
            return UNKNOWN
        if self.rank == 1:
            return present.StrongText(percent(self.confidence))
        return f"{percent(self.confidence)} ({self.rank or 'none'})"


class TransferFigures(present.Facts):
    """What a network says of some images."""

    key: str
    """the network's letter"""
    images: int
    """how many count: those whose class it has"""
    top1: float | None
    """the share of them whose class is top-1 there"""
    top5: float | None
    """the share whose class is among the first five"""
    median: float | None
    """the median confidence in the class"""

    @staticmethod
    def of(key: str, answers: Sequence[NetworkAnswer]) -> dict[str, Any]:
        """Sum up what a network says of images."""
        known = [each for each in answers if each.confidence is not None]
        figures: dict[str, Any] = dict.fromkeys(("top1", "top5", "median"))
        if known:
            figures["top1"] = np.mean([each.among(1) for each in known])
            figures["top5"] = np.mean([each.among(5) for each in known])
            figures["median"] = np.median([each.confidence for each in known])
        return {"key": key, "images": len(known)} | figures

    @property
    def words(self) -> list[str]:
        """The figures: top-1, top-5 and the median."""
        if self.top1 is None or self.top5 is None or self.median is None:
            return [UNKNOWN] * 3
        return [share(self.top1), share(self.top5), percent(self.median)]


class RunFigures(TransferFigures):
    """What a network says of a run's images."""

    shown: str
    """`as saved`, or `drawn anew` at its size"""
    classes_not_found: tuple[str, ...]
    """the classes that it does not have"""


class AgreementFigures(TransferFigures):
    """What a network says of in-distribution images, in another's top-1 classes."""

    first_of: str
    """the letter of the network whose top-1 classes these are"""


class FoolingImage(present.Facts):
    """An image in all networks."""

    name: str
    """the class that it was evolved for"""
    index: int
    """the class's index"""
    recorded: float
    """the confidence that the run recorded"""
    networks: tuple[NetworkAnswer, ...]
    """what each network says"""
    png: bytes = Field(b"", exclude=True, repr=False)


class RunTransfer(RunFacts):
    """Which networks a run's images fool."""

    own: str | None
    """the key of its own network"""
    others: int
    """how many other networks know any of its classes"""
    fool_any_other: float | None
    """the share of images that fool at least one other network, of those whose class at least one
    has"""
    fool_all_others: float | None
    """the share that fools all others, of those whose class all have"""
    networks: tuple[RunFigures, ...]
    """what each network says of all"""
    classes: tuple[FoolingImage, ...]
    """each image, the most fooling first"""

    def headline(self) -> str:
        """Say how many images fool other networks."""
        if self.fool_any_other is None or self.fool_all_others is None:
            return f"None of the other networks has a class of {self.label}."
        images = f"{share(self.fool_any_other)} of the images of {self.label} fool"
        if self.others == 1:
            return f"{images} the other network."
        return (
            f"{images} at least one of {self.others:,} other networks, and "
            f"{share(self.fool_all_others)} fool {'both' if self.others == 2 else 'all'} of them."
        )

    def table(self) -> present.Table:
        """List the images that kept their picture: of too many the first and the last."""
        shown = [image for image in self.classes if image.png]
        keys = [f"{each.key} (own)" if each.key == self.own else each.key for each in self.networks]
        rows: list[tuple[str | bytes, ...]] = [
            (each.name, each.png, percent(each.recorded), *(one.words for one in each.networks))
            for each in shown
        ]
        text = f"You see {len(shown)} of {self.elites:,}." if len(shown) < self.elites else ""
        heads = ["class", "image", "recorded", *keys]
        return present.Table(heads, rows, self.subject, text, words=(0, 1), most=12)


class Agreement(present.Facts):
    """How far the networks agree on in-distribution images."""

    source: str
    """where they come from, in words"""
    number: int
    """how many there are"""
    agreement: tuple[AgreementFigures, ...]
    """each network in each one's classes"""

    def headline(self) -> str:
        """Say how far the networks agree."""
        pairs = (pair for pair in self.agreement if pair.first_of != pair.key)
        shares = [pair.top1 for pair in pairs if pair.top1 is not None]
        images = counted(self.number, "in-distribution image", "in-distribution images")
        if self.number < FEW or not shares:
            return f"Too few to measure how often the networks agree: {images} ({self.source})."
        parts = " to ".join(dict.fromkeys([share(min(shares)), share(max(shares))]))
        of_these = f"On {images} ({self.source}), two networks name the same class first"
        return f"{of_these} in {parts} of cases."


class TransferMatrix(MultiRunResult):
    """Which images of runs fool which networks."""

    about: ClassVar[str] = "which images fool which networks"

    networks: tuple[TransferTarget, ...]
    """the networks, the runs' own first"""
    runs: tuple[RunTransfer, ...]
    """which networks each run's images fool"""
    in_distribution: Agreement | None
    """on such images; null without any"""
    notes: tuple[str, ...]
    """what was noticed when the networks were loaded"""

    def story(self) -> Iterator[present.Block]:
        """Tell which images fool which networks, then class by class."""
        known = self.in_distribution if len(self.networks) > 1 else None
        for run in self.runs:
            yield present.Headline(run.headline(), picture=run.picture)
        if known:
            yield present.Headline(known.headline())
        yield from map(present.Note, [*self.notes, *self._limits()])
        rows = [
            [e.key, e.label, e.target, f"{e.shape[2]}x{e.shape[1]}", f"{e.classes:,}"]
            for e in self.networks
        ]
        yield present.Table(["", "network", "target", "images", "classes"], rows, words=(0, 1, 2))
        yield present.Section(
            "At a glance",
            "A row's images, a column's network. The colour, and the first figure, is the share of "
            "images that are top-1 there; the second is the median confidence in their class.",
        )
        by_run = [(run.label, run.networks) for run in self.runs]
        yield self._matrix("Fooling images", "images of", by_run)
        if known:
            by_network = [
                (each.label, [pair for pair in known.agreement if pair.first_of == each.key])
                for each in self.networks
            ]
            yield self._matrix("In-distribution images", "top-1 of", by_network)
        yield present.Section(
            "Class by class",
            "The images that fool the most other networks come first. A figure is a network's "
            "confidence in the class, blue if the image is top-1 there; else the rank of its class "
            "follows in brackets.",
        )
        for run in self.runs:
            yield run.table()

    def records(self) -> present.Records:
        """Give a row for each image and network."""
        rows = [
            (
                *(run.path, run.seed, image.name, image.index, image.recorded, network.label),
                *(int(run.own == answer.key), figures.shown, answer.their_class or ""),
                *answer.cells(),
            )
            for run in self.runs
            for image in run.classes
            for network, figures, answer in zip(
                self.networks, run.networks, image.networks, strict=True
            )
        ]
        return present.Records(HEADS, rows)

    def _limits(self) -> Iterator[str]:
        """Say what limits the figures."""
        for place, network in enumerate(self.networks):
            for run in self.runs:
                figures = run.networks[place]
                if figures.shown != "as saved":
                    yield f"{network.label} was shown the images of {run.label} {figures.shown}."
                if missing := figures.classes_not_found:
                    yield (
                        f"{network.label} lacks the classes of {len(missing):,} of {run.elites:,} "
                        f"images of {run.label}, such as {missing[0]!r}; these do not count there."
                    )
        if len(self.networks) < 2:
            yield "This tells nothing of transfer: name another network with --to EXPERIMENT."
        elif self.in_distribution is None:
            yield (
                "No target offers in-distribution images to compare with; give some with "
                "--in-distribution FOLDER."
            )

    def _matrix(
        self, title: str, head: str, rows: Sequence[tuple[str, Sequence[TransferFigures]]]
    ) -> present.Panel:
        """Show figures as a matrix, and all of them in a table."""
        cells = [
            ["" if n else name, each.key, *each.words]
            for name, figures in rows
            for n, each in enumerate(figures)
        ]
        table = present.Table([head, "shown to", "top-1", "top-5", "median"], cells, words=(0, 1))
        about = f"{title}: the share that is top-1, for each network"
        return present.Panel([present.Chart(about, partial(self._draw, rows)), table], title)

    def _draw(self, rows: Sequence[tuple[str, Sequence[TransferFigures]]]) -> Figure:
        shares = [[each.top1 for each in figures] for _, figures in rows]
        texts = [["\n".join(each.words[::2]) for each in figures] for _, figures in rows]
        names, keys = [name for name, _ in rows], [each.key for each in self.networks]
        values = np.array(shares, float)
        return present.draw_cells(values, texts, names, keys, cell=(92, 54), vmin=0, vmax=1)
