"""The command ``neatfool export``: the images of runs as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from neatfool import hookimpl
from neatfool.present import FiniteRange, Output, make_measure_command
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.present import Finding


def export(
    runs: Sequence[Path],
    folder: Annotated[Path, "DIR"],
    *,
    least: Annotated[float, "P", FiniteRange(0, 1)] = 0.5,
    classes: Annotated[Sequence[str], "A,B"] = (),
    per_class: int | None = None,
    images: int | None = None,
    all_replaced: bool = False,
    distinct: int | None = None,
    size: Annotated[int | None, click.IntRange(min=1, max=4096)] = None,
    no_verify: bool = False,
    licence: str = "CC0-1.0",
    overwrite: bool = False,
    max_queries: int | None = None,
    console: Output,
) -> Finding:
    """Export the images of RUN as a data set in DIR: images, lists, a data card.

    These are the elites, unless you ask for more. DIR is written whole or not at all.

    Args:
        runs: The runs, or the folders that hold them.
        folder: The folder to write.
        least: Only images whose confidence is at least this.
        classes: Only images of these classes, by name or index; a comma in a name: `"a, b",c`.
        per_class: N images of each class in all, also former elites, spread over the runs and their
            histories.  [default: the elites]
        images: N images in all, also former elites, as equally many of each class as can be.
        all_replaced: All former elites with confidence P, too.
        distinct: Only so many images that are unlike each other.
        size: Draw them anew, so many pixels on the longer side, and leave out those of which the
            target is then less sure than P.  [default: the target's size]
        no_verify: Do not score each image again. Else what does not agree is left out; the exit
            code is 7 if nothing does.
        licence: The images' licence, for the data card and the manifest.
        overwrite: Replace an earlier export in DIR; another folder is never replaced.
        max_queries: The most images to send to a target that costs something to ask.
        console: Shows how far it is.

    Examples:
        neatfool export runs/mnist-1 digits
        neatfool export runs/imagenet fooling --least 0.9         # a folder of runs
        neatfool export runs/imagenet fooling --images 10000      # also former elites
        neatfool export runs/imagenet-1 all --least 0.99 --all-replaced
        neatfool export runs/imagenet-1 large --classes "school bus,volcano" --size 1024

        Interrupted? The same command goes on where it was.
    """
    from neatfool import open_runs

    from .dataset import write_folder
    from .folder import ExportFolder
    from .images import ExportSettings, choose, make, name_sources

    if (folder / "run.db").is_file():
        fault = f"{folder}: holds a run; name the folder to write after the runs"
        raise click.UsageError(fault)
    if sum(map(bool, (per_class, images, all_replaced))) > 1:
        raise click.UsageError("--per-class, --images and --all-replaced: give one of them")
    settings = ExportSettings(least, size, not no_verify, " ".join(licence.split()))
    place = ExportFolder(folder, overwrite=overwrite)
    with open_runs(runs, scored=not no_verify) as opened:
        with console.status("reading the runs"):
            sources = name_sources(opened)
            choices = choose(
                sources,
                least=least,
                classes=classes,
                per_class=per_class,
                images=images,
                all_replaced=all_replaced,
                distinct=distinct,
            )
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
    cli.add_command(make_measure_command("export", export, files=False))
