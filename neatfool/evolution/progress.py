"""What a person sees of a run, a line that is redrawn or a line now and then, and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment

from neatfool.pace import Pace
from neatfool.plugin.hookspecs import hookimpl
from neatfool.wording import counted, percent

if TYPE_CHECKING:
    from neatfool.evolution.session import Session
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport

SECONDS_TO_THE_FIRST_LINE: Final = 2.0
"""Whoever sees nothing for longer than this wonders whether anything happens."""
SECONDS_BETWEEN_LINES: Final = 5.0
SECONDS_BETWEEN_DRAWINGS: Final = 0.25
WIDEST_BAR: Final = 24
NARROWEST_BAR: Final = 8
GAP: Final = "  "
_ERASE_BELOW: Final = Segment("\x1b[J", None, [(ControlType.ERASE_IN_LINE, 0)])
_TO_ITS_START: Final = Segment("\r", None, [(ControlType.CARRIAGE_RETURN,)])


@dataclass(frozen=True)
class ProgressLine:
    """How far something has come, in a line of any width; ``spare`` figures are dropped first."""

    name: str
    done: float
    total: float
    figures: Mapping[str, str]
    spare: Sequence[str] = ()

    def fit(self, width: int) -> tuple[str, int, str]:
        """Give what fits into ``width`` columns: the name, the bar's width (0: none), the text."""
        name, figures = _cut(self.name, max(width // 4, 1)), dict(self.figures)
        for spare in (*self.spare, ""):
            text = GAP.join(figures.values())
            room = width - cell_len(name + GAP + text)
            if room >= 0:
                break
            figures.pop(spare, None)
        if room < 0:
            name = _cut(name, max(cell_len(name) + room, 1))
        bar = min(room - len(GAP), WIDEST_BAR)
        return name, bar if bar >= NARROWEST_BAR else 0, _cut(text, width - cell_len(name + GAP))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the line, and leave the cursor at its start: a narrower terminal breaks it."""
        name, width, text = self.fit(options.max_width)
        yield _ERASE_BELOW
        yield Segment(name + GAP)
        if width:
            bar = [*console.render(ProgressBar(self.total, self.done, width), options)]
            yield from Segment.adjust_line_length(bar, width)
            yield Segment(GAP)
        yield Segment(text)
        yield _TO_ITS_START


def show_live(console: Console, line: Callable[[], ProgressLine]) -> Callable[[], None]:
    """Keep a line up to date; give what stops that. Then a terminal's line vanishes."""
    ended = Event()
    live = Live(console=console, get_renderable=line, transient=True, auto_refresh=False)
    draw: Callable[[], object] = live.refresh
    if console.is_jupyter:
        from IPython.display import display

        def as_text() -> dict[str, str]:
            # There is no bar: without colour its two parts look the same.
            name, _, text = line().fit(console.width)
            return {"text/plain": name + GAP + text}

        shown: Any = display(as_text(), raw=True, display_id=True)
        draw = lambda: shown.update(as_text(), raw=True)  # noqa: E731
    else:
        live.start(refresh=True)

    def keep_drawing() -> None:
        while not ended.wait(SECONDS_BETWEEN_DRAWINGS):
            draw()
        draw()

    def stop() -> None:
        ended.set()
        thread.join()
        live.stop()

    thread = Thread(target=keep_drawing, daemon=True)
    thread.start()
    return stop


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"


class ProgressDisplay:
    """An observer that shows a run's progress; ``scoring_seconds`` is how long the target took."""

    def __init__(self, console: Console, session: Session) -> None:
        self.scoring_seconds = 0.0
        self._console = console
        self._session = session
        self._generations, self._images = session.general.generations, session.general.images
        self._still = 0
        self._shown = 0.0
        self._last: tuple[GenerationReport, tuple[float, float]] | None = None
        self._stop: Callable[[], None] | None = None
        self._first_done = Event()

    @hookimpl
    def neatfool_run_started(self, run: Run) -> None:
        """Start to show the run."""
        self._name = run.name
        self._pace = Pace(time.monotonic(), run.evaluations)
        history = run.history
        self._still = sum(1 for _ in takewhile(lambda each: not each.replacements, history[::-1]))
        self._last = (history[-1], self._session.ranks) if history else None
        console = self._console
        if self._session.workers:
            console.print(self._session.workers, soft_wrap=True, markup=False)
        if console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal):
            self._stop = show_live(console, self._line)
        else:
            Thread(target=self._print_until_the_first, daemon=True).start()

    @hookimpl
    def neatfool_generation_done(self, report: GenerationReport) -> None:
        """Show a generation."""
        self._first_done.set()
        self._last = report, self._session.ranks
        self.scoring_seconds += report.stages.scoring
        now = time.monotonic()
        self._pace.note(now, report.evaluations)
        if self._stop is None and now - self._shown >= SECONDS_BETWEEN_LINES:
            self._print(self._figures(report.evaluations))
            self._shown = now
        self._still = 0 if report.replacements else self._still + 1
        stalled = self._still and self._still % self._session.general.stall_after == 0
        if stalled and report.minimum < 1:
            since = f"(since generation {report.generation - self._still + 1})"
            stalled_for = f"{counted(self._still, 'generation', 'generations')} {since}"
            text = f"Nothing has improved for {stalled_for}."
            self._console.print(text, style="yellow", soft_wrap=True)

    @hookimpl
    def neatfool_run_finished(self) -> None:
        """Stop showing."""
        self._first_done.set()
        if self._stop is not None:
            self._stop()

    def _print_until_the_first(self) -> None:
        """Print plain lines until the first generation of this process is done, each once."""
        pause, waited = SECONDS_TO_THE_FIRST_LINE, 0.0
        printed: dict[str, str] = {}
        while not self._first_done.wait(min(pause, SECONDS_BETWEEN_DRAWINGS)):
            waited += SECONDS_BETWEEN_DRAWINGS
            figures = self._figures(self._look())
            if waited >= pause:
                if figures != printed:
                    self._print(figures)
                pause, waited, printed = SECONDS_BETWEEN_LINES, 0.0, figures

    def _look(self) -> int:
        """Count the images scored; those within the first generation tell how fast it goes."""
        scored = self._session.scored
        if not self._first_done.is_set():
            self._pace.note(time.monotonic(), scored)
        return scored

    def _print(self, figures: dict[str, str]) -> None:
        self._console.print(GAP.join(figures.values()), soft_wrap=True)

    def _line(self) -> ProgressLine:
        scored = self._look()
        done = self._last[0].generation + 1 if self._last else 0
        images = ("generation", "images") if self._images else ("images", "generation")
        return ProgressLine(
            self._name,
            done if self._generations else scored,
            self._generations or self._images or 1,
            self._figures(scored),
            spare=("workers", "speed", images[0], "left", images[1], "median", "min"),
        )

    def _figures(self, images: int) -> dict[str, str]:
        in_all = f"/{self._generations}" if self._generations else ""
        speeds = self._session.progress_of_workers()
        workers = {"workers": speeds} if speeds else {}
        if self._last is None:
            so_far = f"{counted(images, 'image', 'images')} so far"
            return {"images": so_far, **self._speed(images, self._images), **workers}
        report, (middle, lowest) = self._last
        batch = report.evaluations / (report.generation + 1)
        length = self._images or batch * (self._generations or 0)
        return {
            "generation": f"generation {report.generation + 1}{in_all}",
            "images": counted(images, "image", "images"),
            **self._speed(images, length),
            "median": f"median {percent(report.median, middle)}",
            "min": f"min {percent(report.minimum, lowest)}",
            "certain": f">= 99 %: {report.classes_ge[2]}/{self._session.searched}",
            **workers,
        }

    def _speed(self, images: int, length: float | None) -> dict[str, str]:
        """Say how fast it goes, and how long the rest of a length in images takes, if known."""
        speed = self._pace.speed
        words = {} if speed is None else {"speed": f"{speed:,.0f}/s"}
        if speed is None or length:
            words["left"] = self._pace.left((length or 0) - images)
        return words
