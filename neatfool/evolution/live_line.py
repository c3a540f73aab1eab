"""One line that is redrawn in place, on a terminal or in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len, set_cell_size
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

SECONDS_BETWEEN_DRAWINGS: Final = 0.25
WIDEST_BAR: Final = 24
NARROWEST_BAR: Final = 8
GAP: Final = "  "
_ERASE_BELOW: Final = Segment("\x1b[J", None, [(ControlType.ERASE_IN_LINE, 0)])
_TO_ITS_START: Final = Segment("\r", None, [(ControlType.CARRIAGE_RETURN,)])


@dataclass(frozen=True)
class Line:
    """How far something has come, in a line of any width.

    Attributes:
        figures: Texts to show behind the bar, by name.
        spare: The names of figures to drop where the line is too narrow, in this order.
    """

    name: str
    done: float
    total: float
    figures: Mapping[str, str]
    spare: Sequence[str] = ()

    def fit(self, width: int) -> tuple[str, int, str]:
        """Give what fits into ``width`` columns: the name, the bar's width (0: none), the text."""
        name, figures = _cut(self.name, max(width // 4, 1)), dict(self.figures)
        for what in (*self.spare, ""):
            text = GAP.join(figures.values())
            room = width - cell_len(name + GAP + text)
            if room >= 0:
                break
            figures.pop(what, None)
        if room < 0:
            name = _cut(name, max(cell_len(name) + room, 1))
        bar = min(room - len(GAP), WIDEST_BAR)
        return name, bar if bar >= NARROWEST_BAR else 0, _cut(text, width - cell_len(name + GAP))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the line, and leave the cursor at its start.

        A terminal that becomes narrower breaks the line in two. From its start, both are erased.
        """
        name, width, text = self.fit(options.max_width)
        yield _ERASE_BELOW
        yield Segment(name + GAP)
        if width:
            bar = [*console.render(ProgressBar(self.total, self.done, width), options)]
            yield from Segment.adjust_line_length(bar, width)
            yield Segment(GAP)
        yield Segment(text)
        yield _TO_ITS_START


class LiveLine:
    """A line that is kept up to date until it is stopped."""

    def __init__(self, console: Console, line: Callable[[], Line]) -> None:
        """Show the line that ``line`` gives, which is called from a thread of its own."""
        self._console = console
        self._line = line
        self._ended = Event()
        self._in_notebook: Any = None
        self._live: Live | None = None
        if console.is_jupyter:
            from IPython.display import display

            self._in_notebook = display(self._as_text(), raw=True, display_id=True)
        else:
            self._live = Live(
                console=console, get_renderable=line, transient=True, auto_refresh=False
            )
            self._live.start(refresh=True)
        self._thread = Thread(target=self._keep_drawing, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop. A terminal's line vanishes; a notebook's last line stays."""
        self._ended.set()
        self._thread.join()
        self._draw()
        if self._live is not None:
            self._live.stop()

    def _keep_drawing(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_DRAWINGS):
            self._draw()

    def _draw(self) -> None:
        if self._live is not None:
            self._live.refresh()
        else:
            self._in_notebook.update(self._as_text(), raw=True)

    def _as_text(self) -> dict[str, str]:
        # There is no bar: without colour its two parts look the same.
        name, _, text = self._line().fit(self._console.width)
        return {"text/plain": name + GAP + text}


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"
