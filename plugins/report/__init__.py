"""The command ``neatfool report``, and the page that a run leaves."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neatfool import hookimpl
from neatfool.present import FileToWrite, option, trust_option

if TYPE_CHECKING:
    from neatfool import Run


@click.command(
    epilog="""\b
Examples:
  neatfool report runs/mnist-1
  neatfool report runs/mnist-1 -o /tmp/mnist.html"""
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@option("-o, --out FILE", "The file to write.  [default: RUN/report.html]", FileToWrite())
@trust_option
def report(run_folder: Path, out: Path | None) -> None:
    """Write a run's report, as one HTML file.

    It has each class's image, and what else the network sees in it; how the search went and who
    took whose niche; networks and ancestors. `run` and `resume` write it, too.
    """
    from neatfool import open_run
    from neatfool.present import Output

    from .page import write

    with closing(open_run(run_folder)) as run, Output(stderr=True).status("writing the report"):
        page = run.path / "report.html" if out is None else out
        write(run, page)
    click.echo(page)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool report``."""
    cli.add_command(report)


@hookimpl
def neatfool_write_report(run: Run, path: Path) -> Path:
    """Write a run's page."""
    from .page import write

    write(run, path)
    return path
