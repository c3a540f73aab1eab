"""The command ``neatfool compare``: groups of runs side by side, and whether they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neatfool import present


def _numbers(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> list[int]:
    return [click.IntRange(min=1)(text, option, ctx) for text in texts]


@present.measure_command(
    """
    neatfool compare runs/mnist                         # a folder of replicates: one group
    neatfool compare runs/mnist runs/mnist_single_class --html compared.html
    neatfool compare runs/a-1 runs/a-2 runs/b-1 runs/b-2 --labels old,new
    neatfool compare runs/imagenet runs/imagenet_paper --at 25000,75000 --csv courses.csv
    neatfool compare runs/imagenet --json --at 25000,75000,200000 | jq .at
    """,
    elites=False,
    trust=False,
    queries=False,
)
@present.option("--labels A,B", "What to call the groups, in their order.", present.Names(), ())
@present.option(
    "--at N,N",
    "Numbers of images to compare at.  [default: half and all of what all groups came to]",
    present.Names(),
    (),
    callback=_numbers,
)
@present.option(
    "--classes-csv FILE",
    "Write each class's course, the heat map, as comma-separated values.",
    present.FileToWrite(),
)
def compare(*, classes_csv: Path | None, **options: Any) -> present.Finding:
    """Compare runs: medians over seeds at equal numbers of images, and whether they differ.

    Runs of one experiment that differ only in their seed are put into one group; a folder may hold
    several. Groups are compared by the Mann-Whitney U test. Runs under way count as far as they
    have come.
    """
    from neatfool import analysis

    found = analysis.compare(**options)
    if classes_csv:
        present.save(classes_csv, found.classes().csv().encode())
        click.echo(f"Each class's course is in {classes_csv}", err=True)
    return found
