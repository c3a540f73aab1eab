"""The command ``neatfool report``."""

from contextlib import closing
from pathlib import Path

import click

from neatfool import present
from neatfool.present import FileToWrite, option, trust_option


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

    from .page import write

    console = present.Output(stderr=True)
    with closing(open_run(run_folder)) as run, console.status("writing the report"):
        page = run.path / "report.html" if out is None else out
        write(run, page)
    click.echo(page)
