"""The command ``neatfool export``: the images of runs as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from neatfool import hookimpl
from neatfool.present import FiniteRange, make_measure_command
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.present import Finding, Output


def export(
    runs: Sequence[Path],
    folder: Annotated[Path, "DIR"],
    *,
    least: Annotated[float | None, "P", FiniteRange()] = None,
    classes: Annotated[Sequence[str], "A,B"] = (),
    images: int | None = None,
    no_verify: bool = False,
    licence: str = "CC0-1.0",
    overwrite: bool = False,
    max_queries: int | None = None,
    console: Output,
) -> Finding:
    """Export a run's images as a data set with a data card.

    These are the elites, unless you ask for more. DIR is written whole or not at all.

    Args:
        runs: The runs, or the folders that hold them.
        folder: The folder to write.
        least: Only images whose confidence, or score in an objective, is at least this.
            [default: 0.5; of an objective any]
        classes: Only images of these classes, by name or index; a comma in a name: `"a, b",c`.
        images: N images in all, also former elites, as equally many of each class as can be.
            [default: the elites]
        no_verify: Do not score each image again. Else what does not agree is left out; the exit
            code is 7 if nothing does.
        licence: The images' licence, for the data card.
        overwrite: Replace an earlier export in DIR; another folder is never replaced.
        max_queries: The most images to send to a target that costs something to ask.
        console: Shows how far it is.

    Examples:
        neatfool export runs/mnist-1 digits
        neatfool export runs/imagenet fooling --least 0.9         # a folder of runs
        neatfool export runs/imagenet fooling --images 10000      # also former elites
        neatfool export runs/imagenet-1 volcanoes --classes volcano
    """
    from neatfool import open_runs

    from .dataset import new_folder, write_dataset
    from .images import choose, draw_and_score, name_runs

    if (folder / "run.db").is_file():
        fault = f"{folder}: holds a run; name the folder to write after the runs"
        raise click.UsageError(fault)
    with open_runs(runs, scored=not no_verify) as opened:
        with console.status("reading the runs"):
            named = name_runs(opened)
            choices = choose(named, least=least, classes=classes, images=images)
        if images is not None and len(choices) < images:
            there = counted(len(choices), "image", "images")
            console.say(f"There are only {there} with such a {opened[0].spec.score_name}.")
        with new_folder(folder, overwrite=overwrite) as place:
            with console.progress(len(choices)) as note:
                records = draw_and_score(
                    choices, place, verify=not no_verify, max_queries=max_queries, note=note
                )
            return write_dataset(
                records, named, place, folder, verified=not no_verify, licence=licence
            )


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool export``."""
    cli.add_command(make_measure_command("export", export, files=False))
