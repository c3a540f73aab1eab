"""Arguments and options that several commands have."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable


Command = TypeVar("Command", bound="Callable[..., Any]")


A_PATH = click.Path(path_type=Path)

run_argument = click.argument("run_folder", metavar="RUN", type=A_PATH)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
no_report_option = click.option(
    "--no-report", is_flag=True, help="Do not write report.html at the end."
)
overrides_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Override a key of the experiment; repeat it for more keys. Files that it names "
    "are looked for from the current folder.",
)


def count_option(name: str, words: str, least: int = 1) -> Callable[[Command], Command]:
    """Make an option that takes a whole number; ``words`` say in its help what it is for."""
    return click.option(name, type=click.IntRange(min=least), metavar="N", help=words)


def experiment_parameters(command: Command) -> Command:
    """Add the experiment's file, and the options that override it."""
    seed = count_option("--seed", "Override the experiment's seed.", least=0)
    return click.argument("file", type=A_PATH)(seed(overrides_option(command)))


def watch_options(command: Command) -> Command:
    """Add the options of a page that shows the run; the observer ``watch`` reads them."""
    port = click.option(
        "--port",
        type=click.IntRange(0, 65535),
        metavar="N",
        help="Watch on this port.  [default: any that is free]",
    )
    show = click.option("--open", is_flag=True, help="Watch, and open the page in the browser.")
    watch = click.option(
        "--watch",
        is_flag=True,
        help="Serve a page to this machine that shows the run, and can pause and stop it.",
    )
    return watch(show(port(command)))


def jobs_option(command: Command) -> Command:
    """Add the option for the number of runs side by side."""
    option = click.option(
        "--jobs",
        metavar="N|auto",
        callback=_jobs,
        help="With --seeds: how many runs to do side by side; auto: one for each core, but at most "
        "one for every 2 GiB of the machine's memory. What other programs, a container or a GPU "
        "leave of that is not looked at.  [default: 1]",
    )
    return option(command)


def _jobs(ctx: click.Context, option: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "auto":
        return value
    with suppress(ValueError):
        if (number := int(value)) >= 1:
            return number
    raise click.BadParameter(f"{value!r} is neither a number of at least 1 nor 'auto'")
