"""The decorator that makes a command of a measure, and a finding on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import cleandoc
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, Final

import click

from neatfool.present.output import Output
from neatfool.present.parameters import (
    FileToWrite,
    elite_options,
    max_queries_option,
    option,
    trust_option,
)
from neatfool.present.story import Bars, Block, Headline, Note, Panel, Table, Text, is_shown
from neatfool.wording import share

if TYPE_CHECKING:
    from neatfool.present.finding import Finding

RUNS: Final = "RUN|FOLDER..."


def measure_command(
    examples: str,
    *,
    runs: str = RUNS,
    elites: bool = True,
    trust: bool = True,
    queries: bool = True,
    csv: str = "Write what was measured as comma-separated values.",
    html: str = "Write a page with charts and pictures.",
) -> Callable[[Callable[..., Finding]], click.Command]:
    """Make a command of a function that calls a measure and returns its finding.

    The function's docstring is the help, and its name the command's. Its own options stand below
    this decorator. It is called with ``runs``, the folders that were named, with ``console``, for
    the measure to show how far it is, and with the options' values. The finding is printed, or
    written as JSON, CSV and a page.

    Args:
        examples: Some lines of examples; sentences may follow after an empty line.
        runs: The argument's name in the help. If it ends with ``...``, several may be named, and
            the function gets a tuple of paths; else one path.
        elites: Whether the command has ``--classes``, ``--least``, ``--sample`` and ``--seed``.
        trust: Whether it has ``--trust``, as it loads targets.
        queries: Whether it has ``--max-queries``.
        csv: The help of ``--csv``; without it there is no such option.
        html: The help of ``--html``; without it there is no such option.
    """

    def decorate(function: Callable[..., Finding]) -> click.Command:
        @wraps(function)
        def command(
            *,
            as_json: bool,
            csv_file: Path | None = None,
            html_file: Path | None = None,
            **options: Any,
        ) -> None:
            from neatfool.present.saving import save

            finding = function(console=Output(stderr=True), **options)
            if as_json:
                click.echo(finding.json())
            else:
                show(finding, Output())
            if csv_file:
                save(csv_file, finding.csv().encode())
                click.echo(f"What was measured is in {csv_file}", err=as_json)
            if html_file:
                with Output(stderr=True).status("drawing"):
                    finding.html(html_file)
                click.echo(f"Look at {html_file}", err=as_json)
            if finding.exit_code:
                click.get_current_context().exit(finding.exit_code)

        made: Any = command
        for name, text in (("html", html), ("csv", csv)):
            if text:
                made = option(f"--{name} FILE", text, FileToWrite(), into=f"{name}_file")(made)
        made = option("--json", "Print JSON.", into="as_json")(made)
        made = trust_option(made) if trust else made
        made = max_queries_option(made) if queries else made
        made = elite_options(made) if elites else made
        count = -1 if runs.endswith("...") else 1
        a_path = click.Path(path_type=Path)
        made = click.argument("runs", metavar=runs, nargs=count, required=True, type=a_path)(made)
        lines, *more = cleandoc(examples).split("\n\n")
        epilog = "\n\n".join(["\b\nExamples:\n" + indent(lines, "  "), *more])
        return click.command(function.__name__, epilog=epilog)(made)

    return decorate


def show(finding: Finding, output: Output) -> None:
    """Print a finding's story: its sentences, notes and tables, in their order."""
    for block in finding.story():
        _show(block, output)


def _show(block: Block, output: Output) -> None:
    if not is_shown(block, "terminal"):
        return
    match block:
        case Headline():
            output.say(block.text, "bold")
        case Note():
            output.say(f"Note: {block.text}")
        case Text():
            output.say(block.text)
        case Panel():
            shown = [each for each in block.blocks if is_shown(each, "terminal")]
            tables = [each for each in shown if isinstance(each, Table | Bars)]
            if block.title and tables:
                output.say(block.title, "bold")
            for each in tables:
                _show(each, output)
        case Bars():
            rows = [[name, share(part), figure] for name, part, figure in block.rows]
            _show(Table(block.heads, rows, block.title), output)
        case Table():
            if block.title:
                output.say(block.title, "bold")
            columns = [*zip(*block.rows, strict=True)] or [()] * len(block.heads)
            kept = [place for place, cells in enumerate(columns) if bytes not in map(type, cells)]
            cells = [[str(row[place]) for place in kept] for row in block.rows]
            words = [kept.index(place) for place in block.words if place in kept]
            heads = [block.heads[place] for place in kept]
            output.table(heads, cells, words=words, most=block.most)
