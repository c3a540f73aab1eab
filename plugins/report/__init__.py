"""The command ``neatfool report``, and the page that a run leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
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
