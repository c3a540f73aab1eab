"""What is said of transfer: which images of runs fool which networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool.measure import FEW, MultiRunResult, RunFacts
from neatfool.present import (
    Block,
    Chart,
    Facts,
    Headline,
    Note,
    Panel,
    Records,
    Section,
    StrongText,
    Table,
    Text,
    matrix_of_shares,
)
from neatfool.wording import percent, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAVED, DRAWN, RESIZED = "as saved", "drawn anew", "resized"
"""How a network of some size is shown an image."""
NAMED: Final = 3
"""So many of the classes that a network does not have are named, as examples."""
LONGEST: Final = 60
"""An option of more characters, such as a list of class names, does not tell who is who."""
UNKNOWN: Final = "-"
FIGURES: Final = ("top-1", "top-5", "median", "rank")
HEADS: Final = (
    *("run", "seed", "class", "index", "recorded", "network", "own", "shown"),
    *("their_class", "confidence", "rank", "top1", "top5"),
)


class NetworkFacts(Facts):
    """A network."""

    key: str = Field(description="its letter")
    label: str = Field(description="what it is called")
    target: str = Field(description="its target")
    options: dict[str, Any] = Field(description="all of `[target]`")
    fingerprint: str = Field(description="what tells it from a network that scores otherwise")
    experiment: str | None = Field(description="the file that names it; null if only runs do")
    runs: tuple[str, ...] = Field(description="the folders of the runs that fooled it")
    height: int = Field(description="of its images")
    width: int = Field(description="of its images")
    channels: int = Field(description="1 for grey, 3 for colours")
    classes: int = Field(description="how many classes it has")

    @property
    def size(self) -> str:
        """Its images' size in words: ``"224x224"``."""
        return f"{self.width}x{self.height}"


class NetworkAnswer(Facts):
    """What a network says of an image in its class."""

    key: str = Field(description="the network's letter")
    their_class: str | None = Field(description="what the network calls the class")
    confidence: float | None = Field(description="null if it has no such class")
    rank: int | None = Field(description="1 for the top-1 class; null if it does not place it")

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
            return StrongText(percent(self.confidence))
        place = "none" if self.rank is None else f"{self.rank:,}"
        return f"{percent(self.confidence)} ({place})"


class TransferFigures(Facts):
    """What a network says of some images."""

    key: str = Field(description="the network's letter")
    images: int = Field(description="how many count: those whose class it has")
    top1: float | None = Field(description="the share of them whose class is top-1 there")
    top5: float | None = Field(description="the share whose class is among the first five")
    median: float | None = Field(description="the median confidence in the class")
    lower_quartile: float | None = Field(description="the lower quartile")
    upper_quartile: float | None = Field(description="the upper quartile")
    median_rank: int | None = Field(description="null if it does not place half of the classes")

    @staticmethod
    def of(key: str, sights: Sequence[NetworkAnswer]) -> dict[str, Any]:
        """Sum up what a network says of images."""
        known = [each for each in sights if each.confidence is not None]
        if not known:
            return dict.fromkeys(TransferFigures.model_fields) | {"key": key, "images": 0}
        lower, median, upper = np.quantile([each.confidence for each in known], (0.25, 0.5, 0.75))
        # Not the mean of two, which may be infinite; the lower of the two in the middle is a rank.
        ranks = sorted(each.rank or np.inf for each in known)
        middle = ranks[(len(ranks) - 1) // 2]
        return {
            "key": key,
            "images": len(known),
            "top1": np.mean([each.among(1) for each in known]),
            "top5": np.mean([each.among(5) for each in known]),
            "median": median,
            "lower_quartile": lower,
            "upper_quartile": upper,
            "median_rank": None if middle == np.inf else middle,
        }

    @property
    def words(self) -> list[str]:
        """All figures, in the order of :data:`FIGURES`."""
        if self.top1 is None or self.top5 is None or self.median is None:
            return [UNKNOWN] * len(FIGURES)
        place = UNKNOWN if self.median_rank is None else f"{self.median_rank:,}"
        return [share(self.top1), share(self.top5), percent(self.median), place]


class RunFigures(TransferFigures):
    """What a network says of a run's images."""

    shown: str = Field(description="`as saved`, `drawn anew` or `resized`")
    classes_not_found: tuple[str, ...] = Field(description="the classes that it does not have")


class AgreementFigures(TransferFigures):
    """What a network says of in-distribution images, in another's top-1 classes."""

    first_of: str = Field(description="the letter of the network whose top-1 classes these are")


class FoolingImage(Facts):
    """An image in all networks."""

    name: str = Field(description="the class that it was evolved for")
    index: int = Field(description="the class's index")
    recorded: float = Field(description="the confidence that the run recorded")
    networks: tuple[NetworkAnswer, ...] = Field(description="what each network says")
    png: bytes = Field(b"", exclude=True, repr=False)


class RunTransfer(RunFacts):
    """Which networks a run's images fool."""

    own: str | None = Field(description="the key of its own network")
    others: int = Field(description="how many other networks know any of its classes")
    fool_any_other: float | None = Field(
        description="the share of images that fool at least one other network, of those whose "
        "class at least one has"
    )
    fool_all_others: float | None = Field(
        description="the share that fools all others, of those whose class all have"
    )
    networks: tuple[RunFigures, ...] = Field(description="what each network says of all")
    classes: tuple[FoolingImage, ...] = Field(description="each image, the most fooling first")

    def headline(self) -> str:
        """Say in a sentence how many images fool other networks."""
        if self.fool_any_other is not None and self.fool_all_others is not None:
            fool_all = share(self.fool_all_others)
            others = "the other network"
            if self.others > 1:
                others = (
                    f"at least one of {self.others} other networks, {fool_all} fool all of them"
                )
            return f"{self.label}: {share(self.fool_any_other)} of its images fool {others}."
        if len(self.networks) > 1:
            return f"{self.label}: no other network has one of its classes."
        first = sum(image.networks[0].among(1) for image in self.classes)
        of_own = "images are top-1 on the network that they were evolved for"
        return f"{self.label}: {first:,} of {self.elites:,} {of_own}."

    def table(self) -> Table:
        """List the images that kept their picture: of too many the first and the last."""
        listed = [image for image in self.classes if image.png]
        keys = [f"{each.key} (own)" if each.key == self.own else each.key for each in self.networks]
        rows: list[tuple[str | bytes, ...]] = [
            (each.name, each.png, percent(each.recorded), *(sight.words for sight in each.networks))
            for each in listed
        ]
        text = f"You see {len(listed)} of {self.elites:,}." if len(listed) < self.elites else ""
        title = f"Class by class: {self.subject}"
        heads = ["class", "image", "recorded", *keys]
        return Table(heads, rows, title, text, words=(0, 1), most=12)


class Agreement(Facts):
    """How far the networks agree on in-distribution images."""

    source: str = Field(description="where they come from, in words")
    number: int = Field(description="how many there are")
    agreement: tuple[AgreementFigures, ...] = Field(
        description="each network in each one's classes"
    )

    def headline(self) -> str:
        """Say in a sentence how far the networks agree."""
        pairs = (pair for pair in self.agreement if pair.first_of != pair.key)
        shares = [pair.top1 for pair in pairs if pair.top1 is not None]
        images = f"{self.number:,} in-distribution images ({self.source})"
        if not shares:
            return f"On {images}, no two networks can be compared: they share no classes."
        if self.number < FEW:
            return f"How far the networks agree, {images} hardly tell."
        parts = " to ".join(dict.fromkeys([share(min(shares)), share(max(shares))]))
        return f"On {images}, two networks have the same top-1 class in {parts} of the cases."


class TransferMatrix(MultiRunResult):
    """Which images of runs fool which networks."""

    about: ClassVar[str] = "which images fool which networks"

    networks: tuple[NetworkFacts, ...] = Field(description="the networks, the runs' own first")
    runs: tuple[RunTransfer, ...] = Field(description="which networks each run's images fool")
    in_distribution: Agreement | None = Field(description="on such images; null without any")
    notes: tuple[str, ...] = Field(description="what was noticed when the networks were loaded")

    def story(self) -> Iterator[Block]:
        """Tell which images fool which networks, then class by class."""
        known = self.in_distribution if len(self.networks) > 1 else None
        for run in self.runs:
            yield Headline(run.headline())
        if known:
            yield Headline(known.headline())
        yield from map(Note, self._limits())
        names = [f"{each.key}  {each.label}" for each in self.networks]
        for name, network in zip(names, self.networks, strict=True):
            unlike = (
                f"{key} = {value}"
                for key, value in network.options.items()
                if key != "plugin" and value not in (None, "", [])
                if len({repr(each.options.get(key)) for each in self.networks}) > 1
            )
            size = f"images of {network.size}{' in grey' if network.channels == 1 else ''}"
            parts = [text for text in unlike if len(text) <= LONGEST]
            parts = [str(network.options["plugin"]), *parts, size, f"{network.classes:,} classes"]
            yield Text(f"{name}: {', '.join(parts)}")
        yield Section(
            "At a glance",
            "A row's images, a column's network. The colour, and the first figure, is the share of "
            "images that are top-1 there; the second is the median confidence in their class.",
        )
        rows = [(run.label, run.own, run.networks) for run in self.runs]
        yield self._matrix("Fooling images", "images of", rows)
        if known:
            pairs = [
                (name, None, [pair for pair in known.agreement if pair.first_of == each.key])
                for name, each in zip(names, self.networks, strict=True)
            ]
            title = f"How far they agree on {known.number:,} in-distribution images"
            yield self._matrix(title, "top-1 of", pairs)
        yield Section(
            "Class by class",
            "The images that fool the most other networks come first. A figure is a network's "
            "confidence in the class, blue if the image is top-1 there; else the rank of its class "
            "follows in brackets.",
        )
        for run in self.runs:
            yield run.table()
        yield Note("An image fools a network if the class that it was evolved for is top-1 there.")
        if known:
            yield Note(
                "In-distribution images are such as a network was made for, as photographs or "
                "digits. The top-1 class of the row's network takes the place of the class that an "
                "image was evolved for."
            )

    def records(self) -> Records:
        """Give a row for each image and network."""
        rows = [
            (
                *(run.path, run.seed, image.name, image.index, image.recorded, network.label),
                *(int(run.own == sight.key), figures.shown, sight.their_class or ""),
                *sight.cells(),
            )
            for run in self.runs
            for image in run.classes
            for network, figures, sight in zip(
                self.networks, run.networks, image.networks, strict=True
            )
        ]
        return Records(HEADS, rows)

    def _limits(self) -> Iterator[str]:
        """Say what limits the figures."""
        yield from self.notes
        for way, words in (
            (DRAWN, "Images were drawn anew at the size of"),
            (RESIZED, "Images were resized, not drawn anew, for"),
        ):
            if listed := [
                f"{network.key} ({network.size})"
                for place, network in enumerate(self.networks)
                if any(run.networks[place].shown == way for run in self.runs)
            ]:
                yield f"{words} {', '.join(listed)}."
        for place, network in enumerate(self.networks):
            for run in self.runs:
                if missing := run.networks[place].classes_not_found:
                    examples = ", ".join(map(repr, missing[:NAMED]))
                    more = ", …" if len(missing) > NAMED else ""
                    yield (
                        f"{network.key} {network.label} has no class of the name of "
                        f"{len(missing):,} of {run.elites:,} images of {run.label} "
                        f"({examples}{more}); these are left out there."
                    )
        if len(self.networks) < 2:
            network = self.networks[0]
            own = f"{network.experiment} names the run's own network" if network.experiment else ""
            yield (
                f"{own or 'No other network was asked'}, so this tells nothing of transfer. Name "
                f"{'another' if own else 'one'} with --to EXPERIMENT."
            )
        elif self.in_distribution is None:
            yield (
                "No target offers in-distribution images, so there is nothing to read the figures "
                "by. Give some with --in-distribution FOLDER."
            )
        if few := [run.label for run in self.runs if run.elites < FEW]:
            yield f"There are few images of {' and '.join(few)}, so the shares are rough."

    def _matrix(
        self,
        title: str,
        head: str,
        rows: Sequence[tuple[str, str | None, Sequence[TransferFigures]]],
    ) -> Panel:
        """Show figures as a matrix, and all of them in a table; some may be of the own network."""
        keys = [each.key for each in self.networks]

        def draw() -> Figure:
            shares = [[each.top1 for each in figures] for _, _, figures in rows]
            texts = [["\n".join(each.words[:3:2]) for each in figures] for _, _, figures in rows]
            return matrix_of_shares(np.array(shares, float), texts, [row[0] for row in rows], keys)

        about = f"{title}: the share that is top-1, for each network"
        cells = [
            ["" if n else name, f"{each.key} (own)" if each.key == own else each.key, *each.words]
            for name, own, figures in rows
            for n, each in enumerate(figures)
        ]
        table = Table([head, "shown to", *FIGURES], cells, words=(0, 1))
        return Panel([Chart(about, draw), table], title)
