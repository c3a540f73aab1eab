"""Follows a run by what its database has, every few seconds, in figures and a contact sheet."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import Image, ImageOps
from pydantic import BaseModel, Field

from neatfool import RunError, hookimpl
from neatfool.wording import level

if TYPE_CHECKING:
    from neatfool import GenerationReport, Run

STAGES: Final = ("breeding", "rendering", "scoring", "selection", "recording")
SECONDS_BETWEEN: Final = 5.0
"""What was recorded is told this often: whoever watches looks again after about as long."""
RESTING_TO_TELLING: Final = 100
"""Between two times the run goes on for at least this many times as long as the last one took, so
that an observer costs about 1 % of the time."""
MOST_ON_SHEET: Final = 100
"""So many elites are on a sheet at most, so that one of 1,000 classes takes no longer to make."""
COLUMNS: Final = 10
SIDE: Final = 96
"""The longer side of an image, in pixels: smaller ones are enlarged by a whole number."""
GAP: Final = 4
PAPER: Final = "#ffffff"


class TrackerOptions(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """The options of each tracker."""

    seconds_between_sheets: float = Field(60.0, ge=0)
    """the least time from one contact sheet of the elites to the next; there is one at the end in
    any case (new in 0.2)"""


class TrackedGeneration(NamedTuple):
    """The figures of a run after a generation."""

    generation: int
    images: int  # images scored since the run began
    seconds: float  # how long the run had taken, without pauses
    figures: dict[str, float]  # each figure by its name


START: Final = TrackedGeneration(-1, 0, 0.0, {})


def read_generations(
    reports: Iterable[GenerationReport], last: TrackedGeneration = START
) -> Iterator[TrackedGeneration]:
    """Read the figures of generations that follow one another, and the last one before them."""
    for report in reports:
        took = report.stages.elapsed
        figures: dict[str, float] = {
            "confidence/median": report.median,
            "confidence/mean": report.mean,
            "confidence/minimum": report.minimum,
            "confidence/lower quartile": report.lower_quartile,
            "confidence/upper quartile": report.upper_quartile,
            **{
                f"classes/at {level(least)} or more": count
                for least, count in zip(report.thresholds, report.classes_ge, strict=True)
            },
            "niches/replacements": report.replacements,
            "niches/goal switches": report.goal_switches,
            "niches/distinct elites": report.elites,
            "niches/refused images": report.refused,
            "networks/nodes": report.nodes,
            "networks/connections": report.connections,
            **{f"time/{stage}": getattr(report.stages, stage) for stage in STAGES},
        }
        if took:
            figures["time/images per second"] = (report.evaluations - last.images) / took
        figures = {name: float(value) for name, value in figures.items()}
        last = TrackedGeneration(
            report.generation, report.evaluations, last.seconds + took, figures
        )
        yield last


def count_budget(run: Run) -> dict[str, float]:
    """Give what the target was sent so far, and what is left; nothing if it costs nothing."""
    if not run.requests:
        return {}
    target = run.experiment.get("target", {})
    sent = {
        "requests": sum(requests for requests, _ in run.requests.values()),
        "queries": sum(images for _, images in run.requests.values()),
    }
    left = {
        f"budget/{unit} left": float(limit - sent[unit])
        for unit in sent
        if (limit := target.get(f"max_{unit}")) is not None
    }
    return {f"budget/{unit} sent": float(number) for unit, number in sent.items()} | left


class Tracker(ABC):
    """An observer that tells another program of a run, and only what the run has recorded.

    So if the run is killed and resumed, nothing that was told becomes untrue, and what the program
    lacks is told then.
    """

    def __init__(self, seconds_between_sheets: float) -> None:
        """Take the least time from one contact sheet to the next."""
        self._seconds_between_sheets = seconds_between_sheets
        self._last: TrackedGeneration | None = None
        """Up to where the run was told, while it is under way."""
        self._due = self._sheet_due = 0.0

    @abstractmethod
    def begin(self, run: Run) -> int:
        """Start to tell of a run, and give up to how many images the program knows it already."""

    @abstractmethod
    def tell(self, new: Sequence[TrackedGeneration], sheet: Image.Image | None) -> None:
        """Tell the figures of generations; the sheet shows the elites after the last of them."""

    @abstractmethod
    def end(self) -> None:
        """Write what is pending, and close."""

    @hookimpl
    def neatfool_run_started(self, run: Run) -> None:
        """Find out how much of a resumed run is told already."""
        self._last = None
        known = self.begin(run)
        told = [point for point in read_generations(run.history) if point.images <= known]
        self._last = told[-1] if told else START
        self._due = self._sheet_due = time.monotonic() + SECONDS_BETWEEN

    @hookimpl
    def neatfool_generation_done(self, run: Run) -> None:
        """Tell what is new, if it is time."""
        if self._last is not None and time.monotonic() >= self._due:
            self._tell(run, self._last, with_sheet=time.monotonic() >= self._sheet_due)

    @hookimpl
    def neatfool_run_finished(self, run: Run) -> None:
        """Tell the rest."""
        if self._last is None:
            return
        try:
            run.refresh()
            self._tell(run, self._last, with_sheet=True)
        finally:
            self._last = None
            self.end()

    def _tell(self, run: Run, last: TrackedGeneration, *, with_sheet: bool) -> None:
        sheet, began = None, time.monotonic()
        if with_sheet:
            sheet = draw_sheet(run)
            self._sheet_due = _rest(began, self._seconds_between_sheets)
            began = time.monotonic()
        if new := [*read_generations(run.since(last.generation + 1)[0], last)]:
            new[-1].figures.update(count_budget(run))
            self.tell(new, sheet)
            self._last = new[-1]
        self._due = _rest(began, SECONDS_BETWEEN)


def _rest(began: float, least: float) -> float:
    """Say when to do again what was begun then and is done now."""
    ended = time.monotonic()
    return ended + max(least, RESTING_TO_TELLING * (ended - began))


def draw_sheet(run: Run) -> Image.Image | None:
    """Draw the elites of evenly spaced classes, always the same ones; None if there is none."""
    chosen = run.searched[:: max(1, -(-len(run.searched) // MOST_ON_SHEET))]
    tiles: dict[int, Image.Image] = {}
    for place, index in enumerate(chosen):
        with suppress(RunError):  # it has no elite yet
            tile = run.elite(index).image().convert("RGB")
            if max(tile.size) > SIDE:
                tile.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
            else:
                tile = ImageOps.scale(tile, SIDE // max(tile.size), Image.Resampling.NEAREST)
            tiles[place] = tile
    if not tiles:
        return None
    width, height = (max(tile.size[axis] for tile in tiles.values()) + GAP for axis in (0, 1))
    columns = min(COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP), PAPER)
    for place, tile in tiles.items():
        sheet.paste(tile, (GAP + place % columns * width, GAP + place // columns * height))
    return sheet
