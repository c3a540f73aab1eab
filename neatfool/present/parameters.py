"""Arguments and options that commands of plugins have, too."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from neatfool.errors import StorageError, agreement

if TYPE_CHECKING:
    from collections.abc import Callable

    NamesType = click.ParamType[tuple[str, ...]]
else:
    NamesType = click.ParamType  # click before 8.4 has no types in brackets

Command = TypeVar("Command", bound="Callable[..., Any]")


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


class Names(NamesType):
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
        if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
            why = "is read-only" if path.parent.exists() else "does not exist"
            raise StorageError(f"{path}: cannot be written: its folder {why}; give another file")
        return path


def number_option(
    name: str,
    text: str,
    kind: click.IntRange | click.FloatRange | None = None,
    *,
    default: float | None = None,
    metavar: str = "N",
) -> Callable[[Command], Command]:
    """Make an option that takes a number; its help shows its default.

    Args:
        name: The option: ``"--size"``.
        text: Its help.
        kind: The numbers that it takes; whole ones from 1 on if absent.
        default: What it is if it is left out.
        metavar: What the help calls the number.
    """
    shown: Any = {"default": default, "show_default": default is not None, "metavar": metavar}
    return click.option(name, type=kind or click.IntRange(min=1), help=text, **shown)


def path_option(
    *names: str,
    text: str,
    metavar: str = "FILE",
    written: bool = False,
    default: str | None = None,
    **path: Any,
) -> Callable[[Command], Command]:
    """Make an option that takes a path; its help shows its default.

    Args:
        names: The option, and perhaps the name of the function's argument.
        text: Its help.
        metavar: What the help calls the path.
        written: Whether it is a :class:`FileToWrite`.
        default: What it is if it is left out.
        path: Arguments of ``click.Path``, such as ``exists=True``.
    """
    kind = FileToWrite() if written else click.Path(path_type=Path, **path)
    shown: Any = {"default": default, "show_default": default is not None, "metavar": metavar}
    return click.option(*names, type=kind, help=text, **shown)


def overrides_option(command: Command) -> Command:
    """Add the option ``--set``: the function of the command gets a tuple ``overrides``."""
    what = (
        "Override a key of the experiment; repeat it for more keys. Files that it names are looked "
        "for from the current folder."
    )
    key = "SECTION.KEY=VALUE"
    return click.option("--set", "overrides", multiple=True, metavar=key, help=what)(command)


def trust_option(command: Command) -> Command:
    """Add the option that agrees to what a run of somebody else loads and contacts."""
    what = (
        "Load and contact what the record of a run names, although somebody else made the run. If "
        "left out, neatfool asks on a terminal; elsewhere the exit code is 5."
    )

    def agree(ctx: click.Context, option: click.Parameter, value: bool) -> None:
        if value:
            token = agreement.set(lambda screen: True)
            ctx.call_on_close(lambda: agreement.reset(token))

    flag = click.option("--trust", is_flag=True, expose_value=False, callback=agree, help=what)
    return flag(command)


def max_queries_option(command: Command) -> Command:
    """Add the option for a command's own budget, which :func:`~neatfool.open_scorer` takes."""
    what = (
        "How many images this command may send to targets that cost something to ask. It asks "
        "nothing if that does not suffice. Budgets of runs stay as they are."
    )
    return number_option("--max-queries", what)(command)


def distinct_option(command: Command) -> Command:
    """Add the option ``--distinct``, which :func:`~neatfool.choose_elites` takes."""
    what = (
        "Only N images that are unlike each other in layout, texture and colours. The surest comes "
        "first, then each time the one least like those chosen so far."
    )
    number = click.IntRange(min=1)
    return click.option("--distinct", type=number, metavar="N", help=what)(command)


def elite_options(command: Command) -> Command:
    """Add the options that choose elites of a run.

    They are ``--classes``, ``--least``, ``--sample`` and ``--seed``; the function of the command
    gets them by these names, as :func:`~neatfool.choose_elites` takes them.
    """
    what = 'Only the elites of these classes, by name or index; a comma in a name: `"a, b",c`.'
    classes = click.option("--classes", type=Names(), default=(), help=what)
    what = "Only elites whose recorded confidence is at least this."
    least = click.option("--least", type=FiniteRange(0, 1), default=0.0, metavar="P", help=what)
    sample = number_option("--sample", "Only N elites, drawn at random.")
    what = "Where all that is drawn at random comes from."
    seed = number_option("--seed", what, click.IntRange(min=0), default=1)
    return classes(least(sample(seed(command))))
