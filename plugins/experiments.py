"""The command ``neatfool experiments``: the experiments that are installed with neatfool.

Their files are the package ``neatfool_experiments``. The comment that begins a file says all that
is told of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Final

import click

from neatfool import ExperimentError, StorageError, hookimpl, nearest, present
from neatfool.present import make_command, save

ENDING: Final = ".ini"
FOLDER: Final = "experiments"
"""Where copies go: the commands in the files and in the documentation have it."""


@dataclass(frozen=True)
class InstalledExperiment:
    """An experiment that is installed with neatfool, as the comment that begins its file says."""

    name: str
    """Its name."""
    text: str
    """The file's text."""
    about: str
    """What it does: the comment's first paragraph."""
    takes: str
    """How long it takes on two cores, in words; empty if the comment does not say."""
    extras: list[str]
    """The extras of neatfool that it needs, in the order in which the comment has them."""

    @property
    def file(self) -> str:
        """The file's name."""
        return self.name + ENDING


def _describe(name: str, text: str) -> InstalledExperiment:
    comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
    lines = [line.removeprefix("#").strip() for line in comment]
    whole = " ".join(lines)
    takes = re.search(r"\bIt takes (.+?) on two cores\b", whole)
    extras = re.findall(r"pip install 'neatfool\[(\w+)\]'", whole)
    return InstalledExperiment(
        name, text, " ".join(takewhile(bool, lines)), takes[1] if takes else "", extras
    )


def read_installed() -> dict[str, InstalledExperiment]:
    """Read the installed experiments, by name. Those that need no extra come first."""
    installed = [
        _describe(file.name.removesuffix(ENDING), file.read_text(encoding="utf-8"))
        for file in files("neatfool_experiments").iterdir()
        if file.name.endswith(ENDING)
    ]
    installed.sort(key=lambda each: (len(each.extras), each.name))
    return {each.name: each for each in installed}


def choose_installed(
    names: Iterable[str], installed: Mapping[str, InstalledExperiment]
) -> list[InstalledExperiment]:
    """Find experiments by name, with or without ``.ini``, and add those that they refer to.

    Raises:
        ExperimentError: There is none of that name.
    """
    chosen: dict[str, InstalledExperiment] = {}
    waiting = [name.removesuffix(ENDING) for name in names]
    while waiting:
        name = waiting.pop(0)
        if name not in installed:
            raise ExperimentError(
                f"{name}: no such experiment comes with neatfool{nearest(name, installed)}"
            )
        if name not in chosen:
            chosen[name] = installed[name]
            named = re.findall(rf"^\w+ = (\w+)\{ENDING}$", installed[name].text, re.MULTILINE)
            waiting += [each for each in named if each in installed]
    return list(chosen.values())


@make_command
def list_experiments(*, as_json: Annotated[bool, "--json"] = False) -> None:
    """List the experiments: what each does, how long it takes, and what must be installed.

    Args:
        as_json: Print JSON.

    Examples:
        neatfool experiments list
        neatfool experiments list --json | jq -r '.[] | select(.extras == []) | .name'
    """
    installed = read_installed().values()
    if as_json:
        keys = ("name", "file", "about", "takes", "extras")
        described = [{key: getattr(each, key) for key in keys} for each in installed]
        present.Output().print_json(data=described, ensure_ascii=True)
        return
    rows = [
        [each.name, each.about.split(":")[0].removesuffix("."), each.takes, ", ".join(each.extras)]
        for each in installed
    ]
    output = present.Output()
    output.table(["name", "what it does", "takes", "extra"], rows, words=range(4))
    output.say(
        "Times are those of two cores. pip install 'neatfool[EXTRA]' installs an extra. "
        f"neatfool experiments copy NAME puts NAME{ENDING} into the folder {FOLDER}."
    )


@make_command
def copy(
    names: Annotated[Sequence[str], "NAME..."],
    *,
    folder: Annotated[Path, "--out DIR"] = Path(FOLDER),
) -> None:
    """Copy the experiments NAME..., to run them and to change them.

    If one experiment refers to the file of another, that one comes along. A file that is there and
    differs is an error, and then nothing is copied.

    Args:
        names: The experiments.
        folder: The folder to copy to.

    Examples:
        neatfool experiments copy mnist                          # to experiments/mnist.ini
        neatfool experiments copy mnist imagenet_quick --out .   # into the current folder
    """
    chosen = choose_installed(names, read_installed())
    files = {folder / each.file: each.text for each in chosen}
    try:
        for file, text in files.items():
            if file.exists() and file.read_text(encoding="utf-8", errors="replace") != text:
                raise ExperimentError(
                    f"{file}: is there, and differs from the one that comes with neatfool; keep "
                    "it, and copy to another folder"
                )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written: {error.strerror or error}; choose another --out"
        ) from error
    output = present.Output()
    for file, text in files.items():
        save(file, text.encode())
        output.say(str(file))
    if extras := sorted({extra for each in chosen for extra in each.extras}):
        output.say(f"Needed: pip install 'neatfool[{','.join(extras)}]'")
    output.say(f"Try: neatfool run {next(iter(files))}")


@click.group(
    commands={"list": list_experiments, "copy": copy},
    epilog="""\b
Examples:
  neatfool experiments list
  neatfool experiments copy mnist
  neatfool run experiments/mnist.ini""",
)
def experiments() -> None:
    """List the experiments that come with neatfool, or copy one."""


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool experiments``."""
    cli.add_command(experiments)
