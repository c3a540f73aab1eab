"""What a person sees of a run under way: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn

from neatfool.plugin.hookspecs import hookimpl
from neatfool.wording import duration, percent

if TYPE_CHECKING:
    from rich.console import Console

    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport

SECONDS_BETWEEN_LINES = 5.0
SECONDS_OF_SPEED = 5.0


class ProgressDisplay:
    """Shows a run's progress, as one of its observers.

    Attributes:
        scoring_seconds: How long the target took in the generations that it saw.
    """

    def __init__(
        self,
        console: Console,
        *,
        generations: int | None,
        images: int | None,
        stall_after: int,
    ) -> None:
        """Make a display.

        Args:
            console: Where to show it; a terminal gets a live line.
            generations: The run's length in generations, or None.
            images: The run's length in images, or None.
            stall_after: Generations without any replacement after which to say so.
        """
        self.scoring_seconds = 0.0
        self._console = console
        self._generations = generations
        self._images = images
        self._stall_after = stall_after
        self._still = 0
        self._shown = 0.0
        self._speed: deque[tuple[float, int]] = deque()
        self._live: Progress | None = None

    @hookimpl
    def neatfool_run_started(self, run: Run) -> None:
        """Begin to show."""
        self._speed.append((time.monotonic(), run.evaluations))
        for report in run.history:
            self._still = 0 if report.replacements else self._still + 1
        if self._console.is_terminal:
            self._live = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[line]}"),
                console=self._console,
                transient=True,
            )
            self._live.add_task(run.name, total=self._generations or self._images, line="")
            self._live.start()

    @hookimpl
    def neatfool_generation_done(self, run: Run, report: GenerationReport) -> None:
        """Show a generation."""
        self.scoring_seconds += report.stages.scoring
        now = time.monotonic()
        self._speed.append((now, report.evaluations))
        while len(self._speed) > 2 and now - self._speed[0][0] > SECONDS_OF_SPEED:
            self._speed.popleft()
        if self._live is not None:
            done = report.generation + 1 if self._generations else report.evaluations
            self._live.update(self._live.task_ids[0], completed=done, line=self.line(report, run))
        elif now - self._shown >= SECONDS_BETWEEN_LINES:
            self._console.print(self.line(report, run), soft_wrap=True)
            self._shown = now
        self._watch_for_stall(report)

    @hookimpl
    def neatfool_run_finished(self) -> None:
        """Stop showing."""
        if self._live is not None:
            self._live.stop()

    def line(self, report: GenerationReport, run: Run) -> str:
        """Put a generation into one line."""
        count = len(run.searched)
        of = f"/{self._generations}" if self._generations else ""
        return "  ".join(
            [
                f"generation {report.generation + 1}{of}",
                f"{report.evaluations:,} images",
                *self._pace(report),
                f"median {percent(report.median)}",
                f"min {percent(report.minimum)}",
                f">= 99 %: {report.classes_ge[2]}/{count}",
            ]
        )

    def _pace(self, report: GenerationReport) -> list[str]:
        (then, before), (now, evaluations) = self._speed[0], self._speed[-1]
        if now <= then or evaluations <= before:
            return []
        rate = (evaluations - before) / (now - then)
        if self._generations:
            batch = report.evaluations / (report.generation + 1)
            left = (self._generations - report.generation - 1) * batch
        else:
            left = (self._images or 0) - report.evaluations
        return [f"{rate:,.0f}/s", f"{duration(left / rate)} left"]

    def _watch_for_stall(self, report: GenerationReport) -> None:
        self._still = 0 if report.replacements else self._still + 1
        if self._still and self._still % self._stall_after == 0 and report.minimum < 1:
            self._console.print(
                f"Nothing has improved for {self._still} generations (since generation "
                f"{report.generation - self._still + 1}).",
                style="yellow",
                soft_wrap=True,
            )
