"""``neatfool experiments``: lists the installed experiments, and copies them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import ExperimentError, Output, StorageError, nearest
from neatfool.present import save

from .supplied import ENDING, choose_supplied, read_supplied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .supplied import Supplied

FOLDER: Final = "experiments"
"""Where copies go: the commands in the files and in the documentation have it."""


@click.group(
    epilog="""\b
Examples:
  neatfool experiments list
  neatfool experiments copy mnist
  neatfool run experiments/mnist.ini""",
)
def experiments() -> None:
    """List the experiments that come with neatfool, or copy some to run and to change."""


@experiments.command(
    "list",
    epilog="""\b
Examples:
  neatfool experiments list
  neatfool experiments list --json | jq -r '.[] | select(.extras == []) | .name'""",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_experiments(as_json: bool) -> None:
    """List the experiments: what each does, how long it takes, and what must be installed."""
    supplied = read_supplied().values()
    if as_json:
        keys = ("name", "file", "about", "takes", "extras")
        told = [{key: getattr(each, key) for key in keys} for each in supplied]
        click.echo(json.dumps(told, indent=2))
        return
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(Column("name", no_wrap=True), "what it does", "takes", "extra")
    for each in supplied:
        in_short = each.about.split(":")[0].removesuffix(".")
        table.add_row(each.name, escape(in_short), each.takes, ", ".join(each.extras))
    output = Output()
    output.print(table)
    output.print(
        "Times are those of two cores. pip install 'neatfool[EXTRA]' installs an extra. "
        f"neatfool experiments copy NAME puts NAME{ENDING} into the folder {FOLDER}.",
        soft_wrap=True,
        markup=False,
    )


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in read_supplied() if name.startswith(incomplete)]


@experiments.command(
    "copy",
    epilog="""\b
Examples:
  neatfool experiments copy mnist                    # to experiments/mnist.ini
  neatfool experiments copy mnist imagenet_quick .   # into the current folder
  neatfool experiments copy --all mine""",
)
@click.argument(
    "names", metavar="NAME... [DIR]", nargs=-1, shell_complete=_complete, required=False
)
@click.option("--all", "every", is_flag=True, help="Copy all experiments.")
@click.option("--overwrite", is_flag=True, help="Replace files that you have changed.")
def copy(*, names: tuple[str, ...], every: bool, overwrite: bool) -> None:
    """Copy the experiments NAME... into the folder DIR, to run them and to change them.

    The last word is DIR if it is no experiment's name; DIR is `experiments` if left out. If one
    experiment refers to the file of another, that one comes along. A file that is there and
    differs is an error, and then nothing is copied.
    """
    supplied = read_supplied()
    names, folder = _divide(names, supplied, every=every)
    chosen = choose_supplied(supplied if every else names, supplied)
    _write(chosen, folder, overwrite=overwrite)
    output = Output()
    for each in chosen:
        output.print(str(folder / each.file), soft_wrap=True, markup=False)
    extras = sorted({extra for each in chosen for extra in each.extras})
    if extras:
        wanted = ",".join(extras)
        output.print(f"Needed: pip install 'neatfool[{wanted}]'", soft_wrap=True, markup=False)
    output.print(f"Try: neatfool run {folder / chosen[0].file}", soft_wrap=True, markup=False)


def _divide(
    words: tuple[str, ...], supplied: Mapping[str, Supplied], *, every: bool
) -> tuple[tuple[str, ...], Path]:
    """Tell the experiments from the folder: the last word, if it is no experiment's name."""
    *first, last = words or ("",)
    is_folder = bool(last) and last.removesuffix(ENDING) not in supplied
    if every:
        if first or not (is_folder or not last):
            raise click.UsageError("--all copies all experiments; give no NAME with it")
        return (), Path(last or FOLDER)
    if not last:
        raise click.UsageError("give the NAME of an experiment, or --all")
    if not is_folder:
        return words, Path(FOLDER)
    if not first:
        meant = nearest(last, supplied)
        raise ExperimentError(f"{last}: no such experiment comes with neatfool{meant}")
    return tuple(first), Path(last)


def _write(chosen: Sequence[Supplied], folder: Path, *, overwrite: bool) -> None:
    """Write the files, or none of them if one is in the way."""
    try:
        for each in () if overwrite else chosen:
            file = folder / each.file
            if file.exists() and file.read_text(encoding="utf-8", errors="replace") != each.text:
                raise ExperimentError(
                    f"{file}: is there, and differs from the one that comes with neatfool; keep "
                    "it, and copy to another folder, or give --overwrite"
                )
        folder.mkdir(parents=True, exist_ok=True)
        for each in chosen:
            save(folder / each.file, each.text.encode())
    except OSError as error:
        raise StorageError(
            f"{error.filename or folder}: cannot be written: {error.strerror or error}; choose "
            "another DIR"
        ) from error
