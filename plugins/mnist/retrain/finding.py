"""What retraining brought: a finding, round by round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool import TargetError
from neatfool.present import (
    LINE_COLOURS,
    Block,
    Cell,
    Chart,
    Facts,
    Finding,
    Headline,
    Note,
    Panel,
    Records,
    Section,
    Strip,
    StrongText,
    Table,
    Text,
    decimal_odds,
    label_confidences,
    label_counts,
    label_ends,
    new_axes,
)
from neatfool.wording import percent, share

from ..options import RECOGNISED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neatfool import Run

SURE: Final = 0.99
FOOLED: Final = 0.5
"""From this confidence in a wrong class on, a network counts as fooled by an image."""
COURSE: Final = (
    "Round 1 fools the network as it was. Before each further round, a network learns the fooling "
    "images of all rounds before it as a class of its own, and new images are evolved against it. "
    "The chart shows how sure the network is of them; a short stroke is the median of one search."
)
IMAGES: Final = (
    "Those of each round's first search. The figure is the network's confidence in the class, "
    "blue from 50 % on."
)
LEGEND: Final = (
    "False alarms are real images called 'fooling'. A class is fooled if an image has it at 50 % "
    "or more. Images to 99 %: how many were shown until the median over classes was 99 %."
)


class NetworkFacts(Facts):
    """A network, and what it says of real images that it did not learn from."""

    round: int = Field(description="the round's number, from 1")
    network: str | None = Field(
        description="the file of its network; null for the experiment's own"
    )
    fooling_images: int = Field(description="how many fooling images that had learnt")
    accuracy: float = Field(description="the share of real images that it recognises")
    real_images: int = Field(description="how many real images it was shown")
    false_alarms: int | None = Field(
        description="how many of these it calls `fooling`; null for the experiment's own"
    )

    @property
    def words(self) -> str:
        """What came out, in short."""
        return f"right on {share(self.accuracy, 2)} of real images"


class RoundSearch(Facts):
    """A search for images that fool a round's network."""

    run: str = Field(description="the run's folder")
    seed: int = Field(description="its seed")
    median: float = Field(description="the median confidence over the classes")
    classes: dict[str, float] = Field(description="the confidence by class")
    pictures: dict[str, tuple[bytes, float]] = Field(exclude=True, repr=False)

    @classmethod
    def of(cls, run: Run) -> RoundSearch:
        """Read what a run found."""
        nothing = dict.fromkeys((run.classes[index] for index in run.searched), 0.0)
        classes = nothing | {elite.name: elite.confidence for elite in run.elites}
        return cls(
            run=str(run.path),
            seed=run.seed,
            median=float(np.median([*classes.values()])),
            classes=classes,
            pictures={elite.name: (elite.png, elite.rank) for elite in run.elites},
        )


class Round(NetworkFacts):
    """A network, and how it was fooled."""

    median: float = Field(
        description="the median confidence of the new fooling images over classes; of several "
        "searches the median"
    )
    lowest: float = Field(description="the lowest confidence")
    highest: float = Field(description="the highest confidence")
    fooled: float = Field(
        description="the share of classes that an image has at 50 % or more, over all searches"
    )
    safe: bool = Field(description="whether no image has 50 % or more")
    images: int = Field(description="how many images a search showed, at most")
    images_to_99: float | None = Field(
        description="how many until its median was 99 %; null if it was not reached"
    )
    searches: tuple[RoundSearch, ...] = Field(description="each search")

    @property
    def words(self) -> str:
        """What came out, in short."""
        return f"{super().words}, median confidence {percent(self.median)}"

    @classmethod
    def of(cls, judged: NetworkFacts, runs: Sequence[Run]) -> Round:
        """Sum up what a round's runs found."""
        searches = tuple(map(RoundSearch.of, runs))
        confidences = np.array([[*each.classes.values()] for each in searches])
        needed = [
            next((each.evaluations for each in run.history if each.median >= SURE), np.inf)
            for run in runs
        ]
        to_sure = float(np.median(needed))
        return cls(
            **vars(judged),
            median=float(np.median([each.median for each in searches])),
            lowest=confidences.min(),
            highest=confidences.max(),
            fooled=(confidences >= FOOLED).mean(),
            safe=bool(confidences.max() < FOOLED),
            images=max(run.evaluations for run in runs),
            images_to_99=to_sure if np.isfinite(to_sure) else None,
            searches=searches,
        )


class RetrainingResult(Finding):
    """How far networks are fooled that learnt the images that fooled those before them."""

    about: ClassVar = "retrained on fooling images"

    name: str = Field(description="the experiment's name")
    experiment: str = Field(description="its file")
    target: str = Field(description="what was fooled at first")
    folder: str = Field(description="where networks and runs are")
    seed: int = Field(description="where all chance came from")
    first_images: int = Field(description="fooling images that the first retrained network learnt")
    more_images: int = Field(description="those that each further one learnt in addition")
    least_accuracy: float = Field(description="a network below it was not worth fooling")
    rounds: tuple[Round, ...] = Field(description="each round in which a network was fooled")
    refused: NetworkFacts | None = Field(
        description="the last round's network, if it recognises too few real images"
    )

    @property
    def title(self) -> str:
        """The experiment's name."""
        return self.name

    @property
    def exit_code(self) -> int:
        """That of a target that failed, if a network recognises too few real images."""
        return TargetError.exit_code if self.refused else 0

    def headline(self) -> str:
        """Say in a sentence whether the network is still fooled."""
        first, last = self.rounds[0], self.rounds[-1]
        if last.round == 1:
            return f"Before any retraining, the median confidence is {percent(first.median)}."
        times = {2: "once", 3: "twice"}.get(last.round, f"{last.round - 1} times")
        if last.safe:
            fooled = "not fooled any more"
        elif last.median < FOOLED:
            fooled = "rarely fooled"
        else:
            fooled = "still fooled" if last.median >= SURE else "still fooled, but less surely"
        return (
            f"Retrained {times}, the network is {fooled}: median confidence "
            f"{percent(first.median)} before, {percent(last.median)} after."
        )

    def problem(self) -> str | None:
        """Say that the last network recognises too few real images, if it does."""
        if self.refused is None:
            return None
        least, accuracy = share(self.least_accuracy, 2), self.refused.accuracy
        lower = ", or give a lower --least-accuracy to go on" * (accuracy >= RECOGNISED)
        return (
            f"Round {self.refused.round}: the network recognises {share(accuracy, 2)} of real "
            f"images, less than {least}; fooling it would show nothing. Train for more --epochs in "
            f"another folder{lower}."
        )

    def course(self) -> Iterator[str]:
        """Say when the network was first rarely fooled, and how much harder it got."""
        first, last = self.rounds[0], self.rounds[-1]
        low = next((each for each in self.rounds if each.median < FOOLED), first)
        if low is not first:
            yield f"The median was first under 50 % in round {low.round}."
        if safe := [each.round for each in self.rounds if each.safe]:
            yield (
                f"No search found an image at 50 % or more in {len(safe)} of {len(self.rounds)} "
                f"rounds, first in round {safe[0]}."
            )
        if last.false_alarms is not None and 2 * last.false_alarms > last.real_images:
            yield (
                f"But it calls {last.false_alarms:,} of {last.real_images:,} real images "
                "'fooling'. Whoever calls everything so is never fooled: give it more real images "
                "to learn from."
            )
        if last is not first and first.images_to_99:
            more = f"more than {last.images:,}"
            yield (
                f"A median of 99 % took {first.images_to_99:,.0f} images in round 1, and "
                f"{f'{last.images_to_99:,.0f}' if last.images_to_99 else more} in round "
                f"{last.round}."
            )

    def story(self) -> Iterator[Block]:
        """Tell whether the network is still fooled, then each round."""
        yield Headline(self.headline())
        if problem := self.problem():
            yield Text(problem, "page")
        yield from map(Text, self.course())
        last, number = self.rounds[-1], len(self.rounds[-1].searches)
        yield Note(LEGEND)
        yield Note(
            f"Each round has {'a search' if number == 1 else f'{number} searches'} of up to "
            f"{last.images:,} images. Confidences are those of the images found for each class; "
            "not fooled means not fooled within this budget."
            + " The median is the median of the searches' medians."
            * (number > 1)
        )
        yield Note(
            f"The first retrained network learnt {self.first_images:,} fooling images, each "
            f"further one {self.more_images:,} more: half as in a first generation, half from the "
            "last one."
        )
        yield Section("Round by round", COURSE)
        about = "The median, highest and lowest confidence of the new fooling images in each round"
        yield Chart(about, self._draw, wide=True)
        yield self._table()
        yield Section("The images that fool each network", IMAGES)
        for each in self.rounds:
            first, cells = each.searches[0], []
            for name, (png, rank) in first.pictures.items():
                sure = first.classes[name]
                look = StrongText if sure >= FOOLED else str
                cells.append(Cell(png, name, look(percent(sure, rank))))
            yield Panel([Strip(cells)], title=f"Round {each.round}", wide=True)
        yield Text(f"Networks and runs are in {self.folder}", "terminal")

    def records(self) -> Records:
        """Give the confidence of each class in each search."""
        rows = [
            (each.round, search.seed, name, confidence)
            for each in self.rounds
            for search in each.searches
            for name, confidence in search.classes.items()
        ]
        return Records(("round", "seed", "class", "confidence"), rows)

    def _table(self) -> Table:
        """Show the figures of each round."""
        classes = len(self.rounds[0].searches[0].classes)
        heads = (
            "round",
            "images learnt",
            "right on real",
            f"false alarms of {self.rounds[0].real_images:,}",
            "median confidence (lowest to highest)",
            f"classes fooled of {classes:,}",
            "images to 99 %",
        )
        rows = [
            [
                *_judged(each),
                f"{percent(each.median)} ({percent(each.lowest)} to {percent(each.highest)})",
                f"{round(each.fooled * classes, 1):g}",
                f"{each.images_to_99:,.0f}" if each.images_to_99 else "not reached",
            ]
            for each in self.rounds
        ]
        if self.refused:
            rows.append([*_judged(self.refused), "not tried", "", ""])
        return Table(heads, rows)

    def _draw(self) -> Figure:
        """Draw the median confidence of each round, and the lowest and highest thinly."""
        drawn, axes = new_axes(1080, 400, right=190, left=84)
        numbers = [each.round for each in self.rounds]
        ends = []
        for name, place, width in (("highest", 1, 0.9), ("median", 0, 2.1), ("lowest", 2, 0.9)):
            values = [getattr(each, name) for each in self.rounds]
            odds, colour = decimal_odds(values), LINE_COLOURS[place]
            axes.plot(numbers, odds, "o-", color=colour, linewidth=width, markersize=2 + width)
            ends.append((float(odds[-1]), f"{name}  {percent(values[-1])}", colour))
        for each in self.rounds:
            odds = decimal_odds([search.median for search in each.searches])
            axes.plot([each.round] * len(odds), odds, "_", color=LINE_COLOURS[0], markersize=7)
        shown = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])
        label_confidences(axes, float(shown.min()), float(shown.max()))
        label_counts(axes, numbers, "round")
        axes.set_xlim(numbers[0] - 0.3, max(numbers[-1], 2) + 0.1)
        label_ends(axes, ends)
        return drawn


def _judged(each: NetworkFacts) -> list[str]:
    alarms = "-" if each.false_alarms is None else f"{each.false_alarms:,}"
    return [f"{each.round}", f"{each.fooling_images:,}", share(each.accuracy, 2), alarms]
