"""Options of commands, and the types of their values."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from neatfool.errors import StorageError, agreement
from neatfool.files import is_stream

Command = TypeVar("Command", bound=Callable[..., Any])


class FiniteRange(click.FloatRange):
    """A number in a range; it refuses infinity and NaN, which click accepts."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Convert a text to a number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number

    def _describe_range(self) -> str:  # click writes "x<=None" of a range without ends
        return "" if self.min is self.max is None else super()._describe_range()


class Names(click.ParamType):  # type: ignore[type-arg]  # click before 8.4 has none
    """Names with commas between them, as a tuple; an option of this type has the default ``()``.

    A name with a comma in it stands in double quotes.
    """

    name = "A,B"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Divide a text."""
        parts = value
        if isinstance(value, str):  # csv takes no line break outside of quotes
            parts = next(csv.reader([" ".join(value.splitlines())], skipinitialspace=True), ())
        return tuple(part.strip() for part in parts if part.strip())


class FileToWrite(click.Path):
    """A file that a command writes at its end; where it cannot, it refuses before it begins."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Convert a text to a path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not is_stream(path) and not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
            why = "is read-only" if path.parent.exists() else "does not exist"
            raise StorageError(f"{path}: cannot be written: its folder {why}; give another file")
        return path


FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
"""A folder that is there."""


def option(
    spec: str,
    text: str,
    kind: click.ParamType[Any] | type | None = None,
    default: Any = None,
    *,
    into: str | None = None,
    **more: Any,
) -> Callable[[Command], Command]:
    """Make an option; its help shows its default.

    Args:
        spec: What the help calls it, and what it takes: ``"--size N"``, ``"-o, --out FILE"``; a
            flag takes nothing: ``"--sharp"``.
        text: Its help.
        kind: A type of click's. If absent, N is a whole number from 1 on, and any other word a
            path.
        default: What it is if it is left out.
        into: The function's argument, if that has another name.
        more: Further arguments of ``click.option``.
    """
    words = spec.replace(", ", " ").split()
    names = [*(word for word in words if word.startswith("-")), *([into] if into else [])]
    metavar = None if words[-1].startswith("-") else words[-1]
    if metavar is None:
        return click.option(*names, is_flag=True, help=text, **more)
    usual = click.IntRange(min=1) if metavar == "N" else click.Path(path_type=Path)
    if default is not None:
        more = {"default": default, "show_default": default != ()} | more
    return click.option(*names, type=kind or usual, metavar=metavar, help=text, **more)


def overrides_option(command: Command) -> Command:
    """Add the option ``--set``: the function of the command gets a tuple ``overrides``."""
    what = (
        "Override a key of the experiment; repeat it for more keys. Files that it names are looked "
        "for from the current folder."
    )
    spec = "--set SECTION.KEY=VALUE"
    return option(spec, what, str, into="overrides", multiple=True)(command)


def trust_option(command: Command) -> Command:
    """Add the option that agrees to what another person's run loads and contacts."""
    what = (
        "Load and contact what the record of a run names, although it is another person's run. If "
        "left out, neatfool asks on a terminal; elsewhere the exit code is 5."
    )

    def agree(ctx: click.Context, option: click.Parameter, value: bool) -> None:
        if value:
            token = agreement.set(lambda screen: True)
            ctx.call_on_close(lambda: agreement.reset(token))

    flag = click.option("--trust", is_flag=True, expose_value=False, callback=agree, help=what)
    return flag(command)


COMMON: Final = {
    "classes": option(
        "--classes A,B",
        'Only the elites of these classes, by name or index; a comma in a name: `"a, b",c`.',
        Names(),
        (),
    ),
    "least": option(
        "--least P",
        "Only elites whose recorded confidence, or score in an objective, is at least this.",
        FiniteRange(),
    ),
    "sample": option("--sample N", "Only N elites, drawn at random."),
    "seed": option(
        "--seed N", "Where all that is drawn at random comes from.", click.IntRange(min=0), 1
    ),
    "max_queries": option(
        "--max-queries N",
        "How many images this command may send to targets that cost something to ask. It asks "
        "nothing if that does not suffice. Budgets of runs stay as they are.",
    ),
    "distinct": option(
        "--distinct N",
        "Only N images that are unlike each other in layout, texture and colours. The surest comes "
        "first, then each time the one least like those chosen so far.",
    ),
    "overrides": overrides_option,
}
"""The options of parameters that many commands have, so that their help stands here once."""
