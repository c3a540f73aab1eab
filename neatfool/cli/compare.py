"""``neatfool compare``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from neatfool.cli.output import Output, waiting
from neatfool.cli.parameters import A_PATH, json_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    epilog="""\b
Examples:
  neatfool compare runs/mnist                         (a folder of replicates: one group)
  neatfool compare runs/mnist runs/mnist_single_class --html compared.html
  neatfool compare runs/a-1 runs/a-2 runs/b-1 runs/b-2 --labels old,new
  neatfool compare runs/imagenet runs/imagenet_paper --at 25000,75000 --csv courses.csv
  neatfool compare runs/imagenet --json --at 25000,75000,200000 | jq .at

Runs of one experiment that differ only in their seed are put into one group. Runs under way count
as far as they have come.""",
)
@click.argument("paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=A_PATH)
@click.option("--labels", metavar="A,B", help="What to call the groups, in their order.")
@click.option(
    "--at",
    metavar="N,N",
    help="Numbers of images to compare at.  [default: half and all of what all groups came to]",
)
@json_option
@click.option(
    "--csv",
    "csv_file",
    type=A_PATH,
    metavar="FILE",
    help="Write each run's course as comma-separated values.",
)
@click.option(
    "--classes-csv",
    "classes_file",
    type=A_PATH,
    metavar="FILE",
    help="Write each class's course, the heat map, as comma-separated values.",
)
@click.option(
    "--html", "html_file", type=A_PATH, metavar="FILE", help="Write a page with all the figures."
)
def compare(
    paths: tuple[Path, ...],
    labels: str | None,
    at: str | None,
    as_json: bool,
    csv_file: Path | None,
    classes_file: Path | None,
    html_file: Path | None,
) -> None:
    """Compare runs: medians over seeds at equal numbers of images, and whether they differ."""
    from neatfool.comparison.comparison import Comparison
    from neatfool.comparison.files import classes_to_csv, to_csv, to_json
    from neatfool.comparison.groups import gather
    from neatfool.comparison.page import write_comparison
    from neatfool.report.saving import save

    points = _numbers(at)
    with waiting("reading the runs"):
        groups = gather(paths, [label.strip() for label in labels.split(",")] if labels else [])
        comparison = Comparison(groups, tuple(points))
    if as_json:
        click.echo(json.dumps(to_json(comparison), indent=1))
    else:
        from neatfool.cli.comparison_tables import show

        show(comparison, Output())
    if csv_file:
        save(csv_file, to_csv(comparison).encode())
        click.echo(f"The courses are in {csv_file}", err=as_json)
    if classes_file:
        save(classes_file, classes_to_csv(comparison).encode())
        click.echo(f"The classes' courses are in {classes_file}", err=as_json)
    if html_file:
        with waiting("drawing"):
            write_comparison(comparison, html_file)
        click.echo(f"Look at {html_file}", err=as_json)


def _numbers(text: str | None) -> list[int]:
    """Read numbers of images: ``25000,75000``, with or without ``_`` in them."""
    if text is None:
        return []
    numbers = []
    for part in text.split(","):
        try:
            number = int(part)
        except ValueError:
            number = 0
        if number < 1:
            raise click.BadParameter(
                f"{part.strip()!r} is no number of images; write for example 25000,75000",
                param_hint="--at",
            )
        numbers.append(number)
    return numbers
