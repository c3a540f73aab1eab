"""Follows a run by what its database has, every few seconds, in figures and a contact sheet."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageOps

from neatfool import hookimpl
from neatfool.wording import level

if TYPE_CHECKING:
    from neatfool import GenerationReport, ImageSpec, Run

STAGES: Final = ("breeding", "rendering", "scoring", "selection", "recording")
SECONDS_BETWEEN: Final = 5.0
"""What was recorded is told this often: whoever watches looks again after about as long."""
RESTING_TO_TELLING: Final = 100
"""Between two times the run goes on for at least this many times as long as the last one took, so
that an observer costs about 1 % of the time."""
MOST_ON_SHEET: Final = 100
COLUMNS: Final = 10
SIDE: Final = 96
"""The pixels of a tile's sides."""


def figures_of(report: GenerationReport, spec: ImageSpec) -> dict[str, float]:
    """Give the figures of a generation by name, as curves are called."""
    thresholds = zip(report.thresholds, report.classes_ge, strict=True)
    classes = {f"classes/at {level(least)} or more": count for least, count in thresholds}
    if spec.is_objective:
        classes = {"niches/filled": report.filled}
    score = spec.score_name
    figures: dict[str, float] = {
        f"{score}/median": report.median,
        f"{score}/mean": report.mean,
        f"{score}/minimum": report.minimum,
        f"{score}/lower quartile": report.lower_quartile,
        f"{score}/upper quartile": report.upper_quartile,
        **classes,
        "niches/replacements": report.replacements,
        "niches/goal switches": report.goal_switches,
        "niches/distinct elites": report.elites,
        "niches/refused images": report.refused,
        "networks/nodes": report.nodes,
        "networks/connections": report.connections,
        **{f"time/{stage}": getattr(report.stages, stage) for stage in STAGES},
    }
    return {name: float(value) for name, value in figures.items()}


class Tracker(ABC):
    """An observer that tells another program of a run, and only what the run has recorded.

    So if the run is killed and resumed, nothing that was told becomes untrue, and what the program
    lacks is told then.
    """

    _told: int | None = None
    """The last generation that was told, while a run is under way."""
    spec: ImageSpec
    """What its target takes."""
    _due = 0.0

    @abstractmethod
    def begin(self, run: Run) -> int:
        """Start to tell of a run, and give up to how many images the program knows it already."""

    @abstractmethod
    def tell(self, new: Sequence[GenerationReport]) -> None:
        """Tell of generations."""

    @abstractmethod
    def show(self, sheet: Image.Image, images: int) -> None:
        """Show the last elites, after so many images."""

    @abstractmethod
    def end(self) -> None:
        """Write what is pending, and close."""

    @hookimpl
    def neatfool_run_started(self, run: Run) -> None:
        """Find out how much of a resumed run is told already."""
        self._told, self.spec = None, run.spec
        known = self.begin(run)
        self._told = sum(report.evaluations <= known for report in run.history) - 1
        self._due = time.monotonic() + SECONDS_BETWEEN

    @hookimpl
    def neatfool_generation_done(self, run: Run) -> None:
        """Tell what is new, if it is time."""
        if self._told is not None and time.monotonic() >= self._due:
            began = time.monotonic()
            self._told = self._catch_up(run, self._told)
            ended = time.monotonic()
            self._due = ended + max(SECONDS_BETWEEN, RESTING_TO_TELLING * (ended - began))

    @hookimpl
    def neatfool_run_finished(self, run: Run) -> None:
        """Tell the rest, and show the elites."""
        if self._told is None:
            return
        try:
            run.refresh()
            self._catch_up(run, self._told)
            if run.elites:
                self.show(draw_sheet(run), run.evaluations)
        finally:
            self._told = None
            self.end()

    def _catch_up(self, run: Run, told: int) -> int:
        if new := run.since(told + 1)[0]:
            self.tell(new)
        return told + len(new)


def draw_sheet(run: Run) -> Image.Image:
    """Draw the elites of up to a hundred evenly spaced classes."""
    elites = run.elites[:: -(-len(run.elites) // MOST_ON_SHEET)]
    size = (COLUMNS * SIDE, -(-len(elites) // COLUMNS) * SIDE)
    sheet = Image.new("RGB", size, "white")
    for place, elite in enumerate(elites):
        tile = ImageOps.contain(elite.image().convert("RGB"), (SIDE, SIDE), Image.Resampling.BOX)
        sheet.paste(tile, (place % COLUMNS * SIDE, place // COLUMNS * SIDE))
    return sheet
