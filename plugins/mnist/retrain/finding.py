"""What retraining brought: a finding, round by round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from pydantic import Field

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
from neatfool.wording import counted, percent, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOOLED: Final = 0.5
"""From this confidence in a wrong class on, a network counts as fooled by an image."""
COURSE: Final = (
    "Round 1 fools the network as it was. Before each further round, a network learns the fooling "
    "images of all rounds before it as a class of its own, and new images are evolved against it. "
    "The chart shows how sure the network is of them."
)
LEGEND: Final = (
    "False alarms are real images called 'fooling'. A class is fooled if an image has it at 50 % "
    "or more. Images to 99 %: how many were shown until the median over classes was 99 %."
)


class Round(Facts):
    """A network, what it says of real images that it did not learn from, and how it was fooled."""

    round: int
    """the round's number, from 1"""
    network: str | None
    """the file of its network; null for the experiment's own"""
    fooling_images: int
    """how many fooling images that had learnt"""
    accuracy: float
    """the share of real images that it recognises"""
    false_alarms: int | None
    """how many real images it calls `fooling`; null for the experiment's own"""
    run: str
    """the folder of the run that fooled it"""
    seed: int
    """its seed"""
    images: int
    """how many images it showed"""
    images_to_99: int | None
    """how many until its median was 99 %; null if it was not reached"""
    classes: dict[str, float]
    """the confidence by class"""
    median: float
    """the median confidence over the classes"""
    pictures: dict[str, tuple[bytes, float]] = Field(exclude=True, repr=False)


class RetrainingResult(Finding):
    """How far networks are fooled that learnt the images that fooled those before them."""

    about: ClassVar = "retrained on fooling images"

    name: str
    """the experiment's name"""
    experiment: str
    """its file"""
    folder: str
    """where networks and runs are"""
    seed: int
    """where all chance came from"""
    real_images: int
    """how many real images each network was shown"""
    rounds: tuple[Round, ...]
    """each round"""

    @property
    def title(self) -> str:
        """The experiment's name."""
        return self.name

    def story(self) -> Iterator[Block]:
        """Tell whether the network is still fooled, then each round."""
        first, last = self.rounds[0], self.rounds[-1]
        yield Headline(
            f"After {counted(last.round - 1, 'retraining', 'retrainings')}, new fooling images "
            f"reach a median confidence of {percent(last.median)}, compared with "
            f"{percent(first.median)} before."
        )
        yield Note(LEGEND)
        yield Section("Round by round", COURSE)
        about = "The median, highest and lowest confidence of the new fooling images in each round"
        yield Chart(about, self._draw, wide=True)
        yield self._table()
        words = "The figure is the network's confidence in the class, blue from 50 % on."
        yield Section("The images that fool each network", words)
        for each in self.rounds:
            cells = []
            for name, (png, rank) in each.pictures.items():
                look = StrongText if each.classes[name] >= FOOLED else str
                cells.append(Cell(png, name, look(percent(each.classes[name], rank))))
            yield Panel([Strip(cells)], title=f"Round {each.round}", wide=True)
        yield Text(f"Networks and runs are in {self.folder}", "terminal")

    def records(self) -> Records:
        """Give the confidence of each class in each round."""
        rows = [
            (each.round, each.seed, name, confidence)
            for each in self.rounds
            for name, confidence in each.classes.items()
        ]
        return Records(("round", "seed", "class", "confidence"), rows)

    def _table(self) -> Table:
        """Show the figures of each round."""
        heads = (
            "round",
            "images learnt",
            "right on real",
            f"false alarms of {self.real_images:,}",
            "median confidence (lowest to highest)",
            f"classes fooled of {len(self.rounds[0].classes):,}",
            "images to 99 %",
        )
        rows = []
        for each in self.rounds:
            sure = [*each.classes.values()]
            rows.append([
                f"{each.round}",
                f"{each.fooling_images:,}",
                share(each.accuracy, 2),
                "-" if each.false_alarms is None else f"{each.false_alarms:,}",
                f"{percent(each.median)} ({percent(min(sure))} to {percent(max(sure))})",
                f"{sum(one >= FOOLED for one in sure)}",
                "not reached" if each.images_to_99 is None else f"{each.images_to_99:,}",
            ])  # fmt: skip
        return Table(heads, rows)

    def _draw(self) -> Figure:
        """Draw the median confidence of each round, and the lowest and highest thinly."""
        drawn, axes = new_axes(1080, 400, right=190, left=84)
        numbers = [each.round for each in self.rounds]
        sure = np.array([[*each.classes.values()] for each in self.rounds])
        lines = {"median": np.median(sure, 1), "highest": sure.max(1), "lowest": sure.min(1)}
        ends = []
        for (name, values), colour in zip(lines.items(), LINE_COLOURS, strict=False):
            odds, width = decimal_odds(values), 2.1 if name == "median" else 0.9
            axes.plot(numbers, odds, "o-", color=colour, linewidth=width, markersize=2 + width)
            ends.append((float(odds[-1]), f"{name}  {percent(values[-1])}", colour))
        shown = decimal_odds(sure)
        label_confidences(axes, float(shown.min()), float(shown.max()))
        label_counts(axes, numbers, "round")
        axes.set_xlim(numbers[0] - 0.3, max(numbers[-1], 2) + 0.1)
        label_ends(axes, ends)
        return drawn
