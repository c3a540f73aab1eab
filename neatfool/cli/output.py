"""Where a command's words go: a console that survives its reader, and a sign of waiting."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from rich.console import Console

from neatfool.errors import printable

if TYPE_CHECKING:
    from rich.text import Text


class Output(Console):
    """Output for people; a run goes on in silence when nobody reads it any more.

    What it prints may hold names from a file: nothing in them does anything to the terminal.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        """Write to standard output, or to standard error."""
        super().__init__(highlight=False, stderr=stderr)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Read text as rich does, with its control characters made visible."""
        return super().render_str(printable(text), **settings)

    def on_broken_pipe(self) -> None:
        """Stop writing, without ending the program: ``neatfool run ... | head`` still runs."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())


def waiting(what: str) -> AbstractContextManager[object]:
    """Show on a terminal that something goes on; elsewhere show nothing."""
    console = Console(stderr=True)
    return console.status(what) if console.is_terminal else nullcontext()
