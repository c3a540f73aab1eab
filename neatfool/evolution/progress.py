"""What a person sees of a run: live lines on a terminal, elsewhere a plain line now and then."""

from __future__ import annotations

import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from neatfool.pace import Pace
from neatfool.plugin.hookspecs import hookimpl
from neatfool.wording import counted, four_digits, percent

if TYPE_CHECKING:
    from neatfool.evolution.session import Session
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport

SECONDS_TO_THE_FIRST_LINE: Final = 2.0
"""Whoever sees nothing for longer than this wonders whether anything happens."""
SECONDS_BETWEEN_LINES: Final = 5.0
BAR: Final = 24
GAP: Final = "  "


class ProgressDisplay:
    """An observer that shows a run's progress; ``scoring_seconds`` is how long the target took."""

    def __init__(self, console: Console, session: Session) -> None:
        self.scoring_seconds = 0.0
        self._console = console
        self._session = session
        self._generations, self._images = session.general.generations, session.general.images
        self._last: tuple[GenerationReport, tuple[float, float]] | None = None
        self._live: Live | None = None
        self._ended = Event()

    @hookimpl
    def neatfool_run_started(self, run: Run) -> None:
        """Start to show the run."""
        self._name = run.name
        self._pace = Pace(time.monotonic(), run.evaluations)
        history, console = run.history, self._console
        self._last = (history[-1], self._session.ranks) if history else None
        if self._session.workers:
            console.print(self._session.workers, soft_wrap=True, markup=False)
        if console.is_terminal and not (console.is_dumb_terminal or console.is_jupyter):
            self._live = Live(console=console, get_renderable=self._draw, transient=True)
            self._live.start(refresh=True)
        else:
            Thread(target=self._print_now_and_then, daemon=True).start()

    @hookimpl
    def neatfool_generation_done(self, report: GenerationReport) -> None:
        """Show a generation."""
        self._last = report, self._session.ranks
        self.scoring_seconds += report.stages.scoring
        self._pace.note(time.monotonic(), report.evaluations)

    @hookimpl
    def neatfool_run_finished(self) -> None:
        """Stop showing."""
        self._ended.set()
        if self._live is not None:
            self._live.stop()

    def describe(self) -> tuple[str, str]:
        """Say how far the run is and how fast it goes; and how well it does, if that is known."""
        images, report = self._session.scored, self._last[0] if self._last else None
        if report is None:
            # Images within the first generation tell how fast it goes.
            self._pace.note(time.monotonic(), images)
            parts = [f"{counted(images, 'image', 'images')} so far"]
            length = self._images
        else:
            in_all = f"/{self._generations}" if self._generations else ""
            parts = [f"generation {report.generation + 1}{in_all}"]
            parts.append(counted(images, "image", "images"))
            batch = report.evaluations / (report.generation + 1)
            length = self._images or round(batch * (self._generations or 0))
        if (speed := self._pace.speed) is not None:
            parts.append(f"{speed:,.0f}/s")
        if speed is None or length:
            parts.append(self._pace.left((length or 0) - images))
        return GAP.join(parts), GAP.join(
            [*self._results(), self._session.progress_of_workers()]
        ).rstrip()

    def _results(self) -> list[str]:
        if self._last is None:
            return []
        report, (middle, lowest) = self._last
        if (best := self._session.best) is not None:
            if self._session.searched == 1:
                return [f"best {four_digits(best)}"]
            parts = [f"best {four_digits(best)}", f"median {four_digits(report.median)}"]
            return [*parts, f"niches filled: {report.filled:,}/{self._session.searched:,}"]
        return [
            f"median {percent(report.median, middle)}",
            f"min {percent(report.minimum, lowest)}",
            f">= 99 %: {report.classes_ge[2]}/{self._session.searched}",
        ]

    def _draw(self) -> RenderableType:
        done = self._session.scored
        if self._generations:
            done = self._last[0].generation + 1 if self._last else 0
        whole = self._generations or self._images or 1
        texts = [Text(each, no_wrap=True, overflow="ellipsis") for each in self.describe()]
        first = Table.grid(padding=(0, len(GAP), 0, 0))
        name = Text(self._name, no_wrap=True, overflow="ellipsis")
        first.add_row(name, ProgressBar(whole, done, BAR), texts[0])
        return Group(first, texts[1])

    def _print_now_and_then(self) -> None:
        pause, printed = SECONDS_TO_THE_FIRST_LINE, ""
        while not self._ended.wait(pause):
            line = GAP.join(filter(None, self.describe()))
            if line != printed:
                self._console.print(line, soft_wrap=True, markup=False)
            pause, printed = SECONDS_BETWEEN_LINES, line
