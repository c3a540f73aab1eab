"""Where a command's words go: a console that survives its reader, and a sign of waiting."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console


class Output(Console):
    """Standard output for people; a run goes on in silence when nobody reads it any more."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> None:
        """Stop writing, without ending the program: ``neatfool run ... | head`` still runs."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def waiting(what: str) -> AbstractContextManager[object]:
    """Show on a terminal that something goes on; elsewhere show nothing."""
    console = Console(stderr=True)
    return console.status(what) if console.is_terminal else nullcontext()
