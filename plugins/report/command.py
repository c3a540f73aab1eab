"""The command ``neatfool report``."""

from __future__ import annotations

from pathlib import Path

import click

from neatfool import trust_option


@click.command(
    epilog="""\b
Examples:
  neatfool report runs/mnist-1
  neatfool report runs/mnist-1 -o /tmp/mnist.html""",
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write.  [default: RUN/report.html]",
)
@trust_option
def report(run_folder: Path, out: Path | None) -> None:
    """Write RUN's report: one HTML file that opens from disk.

    It has each class's image, what else the network sees in it and how its confidence rose; how
    the search went and who took whose niche; networks and ancestors. `run` and `resume` write it,
    too.
    """
    from neatfool import Output, open_run
    from neatfool.present import write_report

    with Output(stderr=True).status("writing the report"):
        page = write_report(open_run(run_folder), out)
    click.echo(page)
