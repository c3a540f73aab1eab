"""The command ``neatfool export``: the images of runs as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neatfool import hookimpl
from neatfool.present import Names, distinct_option, finding_command, option
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.present import Finding, Output


def _refuse_run(ctx: click.Context, argument: click.Parameter, folder: Path) -> Path:
    if (folder / "run.db").is_file():
        fault = f"{folder}: holds a run; name the folder to write after the runs"
        raise click.UsageError(fault, ctx)
    return folder


@finding_command(
    """
    neatfool export runs/mnist-1 digits
    neatfool export runs/imagenet fooling --least 0.9         # a folder of runs
    neatfool export runs/imagenet fooling --images 10000      # also former elites
    neatfool export runs/imagenet-1 all --least 0.99 --all-replaced
    neatfool export runs/imagenet-1 large --classes "school bus,volcano" --size 1024

    Interrupted? The same command goes on where it was.
    """,
    csv="",
    html="",
)
@click.argument(
    "folder", metavar="DIR", type=click.Path(path_type=Path), is_eager=True, callback=_refuse_run
)
@option("--least P", "Only images whose confidence is at least this.", click.FloatRange(0, 1), 0.5)
@option(
    "--classes A,B",
    'Only images of these classes, by name or index; a comma in a name: `"a, b",c`.',
    Names(),
    (),
)
@option(
    "--per-class N",
    "N images of each class in all, also former elites, spread over the runs and their "
    "histories.  [default: the elites]",
)
@option(
    "--images N", "N images in all, also former elites, as equally many of each class as can be."
)
@option("--all-replaced", "All former elites with confidence P, too.")
@distinct_option
@option(
    "--size N",
    "Draw them anew, so many pixels on the longer side, and leave out those of which the "
    "target is then less sure than P.  [default: the target's size]",
    click.IntRange(min=1, max=4096),
)
@click.option(
    "--verify/--no-verify",
    default=True,
    help="Score each image again, and leave out what does not agree; the exit code is 7 if nothing "
    "does.  [default: verify]",
)
@option(
    "--tolerance P",
    "How far a confidence may be from the recorded one.",
    click.FloatRange(0, 1),
    1e-4,
)
@option(
    "--licence TEXT", "The images' licence, for the data card and the manifest.", str, "CC0-1.0"
)
@option("--overwrite", "Replace an earlier export in DIR; another folder is never replaced.")
def export(
    *,
    runs: tuple[Path, ...],
    folder: Path,
    size: int | None,
    verify: bool,
    tolerance: float,
    max_queries: int | None,
    licence: str,
    overwrite: bool,
    console: Output,
    **choice: Any,
) -> Finding:
    """Export the images of RUN as a data set in DIR: images, lists, a data card.

    These are the elites, unless you ask for more. DIR is written whole or not at all.
    """
    from neatfool import open_runs

    from .dataset import write_folder
    from .folder import ExportFolder
    from .images import ExportSettings, choose, make, name_sources

    least, images = choice["least"], choice["images"]
    if sum(map(bool, (choice["per_class"], images, choice["all_replaced"]))) > 1:
        raise click.UsageError("--per-class, --images and --all-replaced: give one of them")
    settings = ExportSettings(least, size, verify, tolerance, " ".join(licence.split()))
    place = ExportFolder(folder, overwrite=overwrite)
    with open_runs(runs, scored=verify) as opened:
        with console.status("reading the runs"):
            sources = name_sources(opened)
            choices = choose(sources, **choice)
        if images is not None and len(choices) < images:
            there = counted(len(choices), "image", "images")
            console.say(f"There are only {there} with a confidence of {least:g} or more.")
        with place.open():
            try:
                with console.progress(len(choices)) as note:
                    made = make(choices, place, settings, max_queries, note)
            except KeyboardInterrupt:
                console.say(f"The images so far are in {place.path}; the same command goes on.")
                raise
            return write_folder(made, sources, place, settings)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool export``."""
    cli.add_command(export)
