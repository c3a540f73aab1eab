"""A command's output: a console that survives a closed pipe, and a sign of waiting."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from rich.console import Console

from neatfool.errors import printable

if TYPE_CHECKING:
    from rich.text import Text


class Output(Console):
    """A console for people, safe for names from files. A closed pipe only makes it silent."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Write to standard output, or to standard error."""
        super().__init__(highlight=False, stderr=stderr)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Make control characters visible, then render text as rich does."""
        return super().render_str(printable(text), **settings)

    def on_broken_pipe(self) -> None:
        """Stop writing, but let the program run: ``neatfool run ... | head`` finishes its run."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())


def waiting(what: str) -> AbstractContextManager[object]:
    """Show on a terminal what is happening; elsewhere show nothing."""
    console = Console(stderr=True)
    return console.status(what) if console.is_terminal else nullcontext()
