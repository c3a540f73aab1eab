"""A command's output: a console that survives a closed pipe, and a sign of waiting."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from neatfool.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.text import Text

SECONDS_BETWEEN_LINES: Final = 5.0
"""How often progress is told where there is no terminal: not so often that it fills a log."""


class Output(Console):
    """A console for people, safe for names from files. A closed pipe only makes it silent."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Write to standard output, or to standard error."""
        super().__init__(highlight=False, stderr=stderr)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Make control characters visible, then render text as rich does."""
        return super().render_str(printable(text), **settings)

    @contextmanager
    def progress(self, total: int, unit: str = "images") -> Iterator[Callable[[str, int], None]]:
        """Show how far a command is: a bar on a terminal, elsewhere a plain line now and then.

        Args:
            total: How many things will be done.
            unit: What they are.

        Yields:
            A function to call with what is under way, and how many more are done.
        """
        from rich import progress

        if self.is_terminal:
            columns = (
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
            )
            with progress.Progress(*columns, console=self, transient=True) as bar:
                task = bar.add_task("loading", total=total)
                yield lambda what, more: bar.update(task, description=what, advance=more)
            return
        done, shown = 0, time.monotonic() - SECONDS_BETWEEN_LINES / 2

        def note(what: str, more: int) -> None:
            nonlocal done, shown
            done += more
            if done < total and time.monotonic() - shown > SECONDS_BETWEEN_LINES:
                shown = time.monotonic()
                self.print(f"{what}: {done:,} of {total:,} {unit}", soft_wrap=True, markup=False)

        yield note

    def on_broken_pipe(self) -> None:
        """Stop writing, but let the program run: ``neatfool run ... | head`` finishes its run."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())


def waiting(what: str) -> AbstractContextManager[object]:
    """Show on a terminal what is happening; elsewhere show nothing."""
    console = Console(stderr=True)
    return console.status(what) if console.is_terminal else nullcontext()
