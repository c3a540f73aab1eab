"""``neatfool compare``: a comparison in tables that can be read without colour, or in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import FileToWrite

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from neatfool import Output

    from .comparison import Comparison
    from .wording import Rows


A_PATH: Final = click.Path(path_type=Path)


def _numbers(ctx: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...]:
    try:
        numbers = tuple(map(int, text.split(","))) if text is not None else ()
    except ValueError:
        numbers = (0,)
    if min(numbers, default=1) < 1:
        raise click.BadParameter(
            f"{text!r} is not one or several numbers of images, such as 1000 or 1000,5000"
        )
    return numbers


@click.command(
    epilog="""\b
Examples:
  neatfool compare runs/mnist                         # a folder of replicates: one group
  neatfool compare runs/mnist runs/mnist_single_class --html compared.html
  neatfool compare runs/a-1 runs/a-2 runs/b-1 runs/b-2 --labels old,new
  neatfool compare runs/imagenet runs/imagenet_paper --at 25000,75000 --csv courses.csv
  neatfool compare runs/imagenet --json --at 25000,75000,200000 | jq .at

Runs of one experiment that differ only in their seed are put into one group; a folder may hold
several. Groups are compared by the Mann-Whitney U test. Runs under way count as far as they have
come.""",
)
@click.argument("paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=A_PATH)
@click.option("--labels", metavar="A,B", help="What to call the groups, in their order.")
@click.option(
    "--at",
    metavar="N,N",
    callback=_numbers,
    help="Numbers of images to compare at.  [default: half and all of what all groups came to]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--csv",
    "csv_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write each run's course as comma-separated values.",
)
@click.option(
    "--classes-csv",
    "classes_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write each class's course, the heat map, as comma-separated values.",
)
@click.option(
    "--html",
    "html_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write a page with all the figures.",
)
def compare(
    *,
    paths: tuple[Path, ...],
    labels: str | None,
    at: tuple[int, ...],
    as_json: bool,
    csv_file: Path | None,
    classes_file: Path | None,
    html_file: Path | None,
) -> None:
    """Compare runs: medians over seeds at equal numbers of images, and whether they differ."""
    from neatfool import Output
    from neatfool.present import save

    from .comparison import Comparison
    from .files import classes_to_csv, to_csv, to_json
    from .groups import gather
    from .page import write_comparison

    waiting = Output(stderr=True)
    with waiting.status("reading the runs"):
        groups = gather(paths, [label.strip() for label in labels.split(",")] if labels else [])
    comparison = Comparison(groups, at)
    if as_json:
        click.echo(json.dumps(to_json(comparison), indent=1))
    else:
        _show(comparison, Output())
    if csv_file:
        save(csv_file, to_csv(comparison).encode())
        click.echo(f"Each run's course is in {csv_file}", err=as_json)
    if classes_file:
        save(classes_file, classes_to_csv(comparison).encode())
        click.echo(f"Each class's course is in {classes_file}", err=as_json)
    if html_file:
        with waiting.status("drawing"):
            write_comparison(comparison, html_file)
        click.echo(f"Look at {html_file}", err=as_json)


def _show(comparison: Comparison, console: Output) -> None:
    from . import wording
    from .comparison import Snapshot
    from .measures import TESTED

    def table(heads: Sequence[str], rows: Rows, words: Collection[int] = (0,)) -> None:
        console.table(heads, [[head, *cells] for head, cells in rows], words=words)

    console.say(wording.verdict(comparison), "bold")
    for note in wording.notes(comparison):
        console.say(f"Note: {note}")
    keys = wording.keys_of(comparison)
    table(["", *wording.GROUP_HEADS], wording.group_rows(comparison), words=(0, 1, 5))
    if rows := wording.option_rows(comparison):
        console.say("They differ in", "bold")
        table(["option", *keys], rows, words=range(len(keys) + 1))
    for snapshot in filter(Snapshot.is_known, comparison.snapshots):
        console.say(f"After {snapshot.evaluations:,} images: median over seeds [quartiles]", "bold")
        heads = [f"{key} (n={snapshot.n(place)})" for place, key in enumerate(keys)]
        table(["", *heads], wording.measure_rows(snapshot))
        if rows := wording.test_rows(snapshot):
            what = "Mann-Whitney U, two-sided: pairs of runs in which the first is the higher"
            console.say(what, "bold")
            table(["", *(measure.short_title for measure in TESTED)], rows)
