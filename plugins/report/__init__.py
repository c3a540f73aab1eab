"""The command ``neatfool report``, and the page that a run leaves.

The modules: :mod:`.page` gathers what the page shows. :mod:`.elites` makes a card for each class,
and looks closely at some, with :mod:`.pictures` reduced. :mod:`.courses` draws the course of each
class as a small line, :mod:`.curves` draws the run as charts. :mod:`.switches` shows who took
whose niche, and :mod:`.functions` which functions the networks use. :mod:`.findings` reads what
other commands found out about the run. :mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from neatfool import Run


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool report``."""
    from .command import report

    cli.add_command(report)


@hookimpl
def neatfool_write_report(run: Run, path: Path) -> Path:
    """Write a run's page."""
    from .page import write

    write(run, path)
    return path
