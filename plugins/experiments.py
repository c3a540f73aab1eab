"""The command ``neatfool experiments``: the experiments that are installed with neatfool.

Their files are the package ``neatfool_experiments``. The comment that begins a file says all that
is told of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import (
    ExperimentError,
    StorageError,
    hookimpl,
    nearest,
)
from neatfool.present import Output, save

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ENDING: Final = ".ini"
FOLDER: Final = "experiments"
"""Where copies go: the commands in the files and in the documentation have it."""


@dataclass(frozen=True)
class Supplied:
    """An experiment that is installed with neatfool.

    The comment that begins the file says all that is told of it, so nothing is written twice.
    """

    name: str
    text: str

    @property
    def file(self) -> str:
        """The file's name."""
        return self.name + ENDING

    @property
    def about(self) -> str:
        """What it does: the first paragraph of its comment."""
        return self._paragraphs[0]

    @property
    def takes(self) -> str:
        """How long it takes on two cores, in words; empty if its comment does not say."""
        match = re.search(r"\bIt takes (.+?) on two cores\b", " ".join(self._paragraphs))
        return match[1] if match else ""

    @property
    def extras(self) -> list[str]:
        """The extras of neatfool that it needs, in the order in which its comment installs them."""
        return re.findall(r"pip install 'neatfool\[(\w+)\]'", " ".join(self._paragraphs))

    def needed_files(self, known: Iterable[str]) -> list[str]:
        """Give those of the known experiments whose files its options name."""
        named = re.findall(rf"^\w+ = (\w+)\{ENDING}$", self.text, re.MULTILINE)
        return [name for name in named if name in known]

    @cached_property
    def _paragraphs(self) -> list[str]:
        comment = re.match(r"(#.*\n)*", self.text)
        lines = comment[0].splitlines() if comment else []
        paragraphs = "\n".join(line.removeprefix("#").strip() for line in lines).split("\n\n")
        return [" ".join(paragraph.split()) for paragraph in paragraphs]


def read_supplied() -> dict[str, Supplied]:
    """Read the installed experiments, by name. Those that need no extra come first."""
    supplied = [
        Supplied(file.name.removesuffix(ENDING), file.read_text(encoding="utf-8"))
        for file in files("neatfool_experiments").iterdir()
        if file.name.endswith(ENDING)
    ]
    supplied.sort(key=lambda each: (len(each.extras), each.name))
    return {each.name: each for each in supplied}


def choose_supplied(names: Iterable[str], supplied: Mapping[str, Supplied]) -> list[Supplied]:
    """Find experiments by name, with or without ``.ini``, and add those that they refer to.

    Raises:
        ExperimentError: There is none of that name.
    """
    chosen: dict[str, Supplied] = {}
    waiting = [name.removesuffix(ENDING) for name in names]
    while waiting:
        name = waiting.pop(0)
        if name not in supplied:
            raise ExperimentError(
                f"{name}: no such experiment comes with neatfool{nearest(name, supplied)}"
            )
        if name not in chosen:
            chosen[name] = supplied[name]
            waiting += supplied[name].needed_files(supplied)
    return list(chosen.values())


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
        described = [{key: getattr(each, key) for key in keys} for each in supplied]
        click.echo(json.dumps(described, indent=2))
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


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool experiments``."""
    cli.add_command(experiments)
