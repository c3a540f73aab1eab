"""What a person sees of a run: a live line on a terminal, elsewhere a plain line now and then."""

from __future__ import annotations

import time
from collections import deque
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from neatfool.evolution.live_line import GAP, Line, LiveLine
from neatfool.plugin.hookspecs import hookimpl
from neatfool.wording import counted, duration, percent

if TYPE_CHECKING:
    from rich.console import Console

    from neatfool.evolution.session import Session
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport

SECONDS_TO_THE_FIRST_LINE: Final = 2.0
"""Whoever sees nothing for longer than this wonders whether anything happens."""
SECONDS_BETWEEN_LINES: Final = 5.0
SECONDS_OF_SPEED: Final = 5.0
"""The speed is the mean over this time, so that it does not flicker."""
SECONDS_OF_COMPILING: Final = 30.0
"""If the first generation takes less, it may be compiling that took so long: it tells no speed."""


class ProgressDisplay:
    """An observer that shows a run's progress; ``scoring_seconds`` is how long the target took."""

    def __init__(
        self,
        console: Console,
        session: Session,
        *,
        generations: int | None,
        images: int | None,
        stall_after: int,
    ) -> None:
        """Take the run's length, in generations or images, and after how many idle ones to warn."""
        self.scoring_seconds = 0.0
        self._console = console
        self._session = session
        self._generations = generations
        self._images = images
        self._stall_after = stall_after
        self._still = 0
        self._shown = 0.0
        self._speed: deque[tuple[float, int]] = deque()
        self._last: tuple[GenerationReport, tuple[float, float]] | None = None
        self._live: LiveLine | None = None
        self._seen = Event()

    @hookimpl
    def neatfool_run_started(self, run: Run) -> None:
        """Start to show the run."""
        self._name, self._classes = run.name, len(run.searched)
        self._speed.append((time.monotonic(), run.evaluations))
        for report in run.history:
            self._still = 0 if report.replacements else self._still + 1
            self._last = report, self._session.ranks
        console = self._console
        if self._session.workers:
            console.print(self._session.workers, soft_wrap=True, markup=False)
        if console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal):
            self._live = LiveLine(console, self._line)
        else:
            Thread(target=self._print_until_the_first, daemon=True).start()

    @hookimpl
    def neatfool_generation_done(self, run: Run, report: GenerationReport) -> None:
        """Show a generation."""
        first = not self._seen.is_set()
        self._seen.set()
        self._last, self._classes = (report, self._session.ranks), len(run.searched)
        self.scoring_seconds += report.stages.scoring
        now = time.monotonic()
        if first and now - self._speed[0][0] < SECONDS_OF_COMPILING:
            self._speed.clear()
        self._speed.append((now, report.evaluations))
        while len(self._speed) > 2 and now - self._speed[0][0] > SECONDS_OF_SPEED:
            self._speed.popleft()
        if self._live is None and now - self._shown >= SECONDS_BETWEEN_LINES:
            self._print(self._figures(report.evaluations))
            self._shown = now
        self._watch_for_stall(report)

    @hookimpl
    def neatfool_run_finished(self) -> None:
        """Stop showing."""
        self._seen.set()
        if self._live is not None:
            self._live.stop()

    def _print_until_the_first(self) -> None:
        """Print plain lines until the first generation of this process is done, each once."""
        pause = SECONDS_TO_THE_FIRST_LINE
        printed: dict[str, str] = {}
        while not self._seen.wait(pause):
            if (figures := self._figures(self._session.scored)) != printed:
                self._print(figures)
            pause, printed = SECONDS_BETWEEN_LINES, figures

    def _print(self, figures: dict[str, str]) -> None:
        self._console.print(GAP.join(figures.values()), soft_wrap=True)

    def _line(self) -> Line:
        scored = self._session.scored
        done = self._last[0].generation + 1 if self._last else 0
        images = ("generation", "images") if self._images else ("images", "generation")
        return Line(
            self._name,
            done if self._generations else scored,
            self._generations or self._images or 1,
            self._figures(scored),
            spare=("workers", "speed", images[0], "left", images[1], "median", "min"),
        )

    def _figures(self, images: int) -> dict[str, str]:
        """Describe how far the run has come."""
        of = f"/{self._generations}" if self._generations else ""
        if self._last is None:
            begun = {"generation": f"generation 1{of}", "images": f"{images:,} images so far"}
            return begun | self._workers()
        report, (middle, lowest) = self._last
        return {
            "generation": f"generation {report.generation + 1}{of}",
            "images": f"{images:,} images",
            **self._pace(report),
            "median": f"median {percent(report.median, middle)}",
            "min": f"min {percent(report.minimum, lowest)}",
            "certain": f">= 99 %: {report.classes_ge[2]}/{self._classes}",
            **self._workers(),
        }

    def _workers(self) -> dict[str, str]:
        said = self._session.progress_of_workers()
        return {"workers": said} if said else {}

    def _pace(self, report: GenerationReport) -> dict[str, str]:
        (then, before), (now, evaluations) = self._speed[0], self._speed[-1]
        if now <= then or evaluations <= before:
            return {}
        rate = (evaluations - before) / (now - then)
        if self._generations:
            batch = report.evaluations / (report.generation + 1)
            left = (self._generations - report.generation - 1) * batch
        else:
            left = (self._images or 0) - report.evaluations
        return {"speed": f"{rate:,.0f}/s", "left": f"{duration(left / rate)} left"}

    def _watch_for_stall(self, report: GenerationReport) -> None:
        self._still = 0 if report.replacements else self._still + 1
        if self._still and self._still % self._stall_after == 0 and report.minimum < 1:
            still = counted(self._still, "generation", "generations")
            self._console.print(
                f"Nothing has improved for {still} (since generation "
                f"{report.generation - self._still + 1}).",
                style="yellow",
                soft_wrap=True,
            )
