"""The observer ``watch``: a page that shows the run of this process, and can pause and stop it."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

import click

from neatfool import Output, hookimpl

try:
    from .serving import OwnPage
except ImportError as error:
    raise ImportError(f"needs more packages ({error}); pip install 'neatfool[serve]'") from error

if TYPE_CHECKING:
    from pathlib import Path

    from neatfool import Outcome, Run

_pages: dict[Path, OwnPage] = {}


@hookimpl
def neatfool_run_started(run: Run) -> None:
    """Serve the page, and say where."""
    context = click.get_current_context(silent=True)
    asked = context.params if context and "watch" in context.params else {}
    page = _pages[run.path] = OwnPage(run.path, asked.get("port") or 0)
    Output().print(f"Watch it at {page.address}", soft_wrap=True, markup=False)
    if asked.get("open"):
        webbrowser.open(page.address)


@hookimpl
def neatfool_generation_done(run: Run) -> None:
    """Pause or stop here, if the page asks for it."""
    if page := _pages.get(run.path):
        page.control.hold()


@hookimpl
def neatfool_run_finished(run: Run, outcome: Outcome) -> None:
    """Tell the page how the run ended."""
    if page := _pages.pop(run.path, None):
        page.end(outcome)
