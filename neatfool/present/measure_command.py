"""The command of a measure, from its signature, and a finding on a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, cleandoc, getdoc, signature
from pathlib import Path
from textwrap import dedent, indent
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import click

from neatfool.errors import PluginError
from neatfool.present.blocks import Bars, Block, Headline, Note, Panel, Table, Text, is_shown
from neatfool.present.command import (
    Command,
    FileToWrite,
    FiniteRange,
    Names,
    classes_option,
    elite_options,
    least_option,
    max_queries_option,
    option,
    sample_option,
    seed_option,
    trust_option,
)
from neatfool.present.output import Output
from neatfool.wording import share

if TYPE_CHECKING:
    from neatfool.present.finding import Finding

CSV_HELP: Final = "Write what was measured as comma-separated values."
HTML_HELP: Final = "Write a page with charts and pictures."


def _output_options(command: Any, csv: str, html: str) -> Any:
    """Add ``--json``, and ``--csv`` and ``--html`` where these have a help."""
    for name, text in (("html", html), ("csv", csv)):
        if text:
            command = option(f"--{name} FILE", text, FileToWrite(), into=f"{name}_file")(command)
    return option("--json", "Print JSON.", into="as_json")(command)


def _take_outputs(options: dict[str, Any]) -> dict[str, Any]:
    """Take out the values of these options, before anything is measured."""
    asked = {name: options.pop(name, None) for name in ("as_json", "csv_file", "html_file")}
    if asked["csv_file"] and asked["csv_file"] == asked["html_file"]:
        raise click.UsageError("--csv and --html: name the same file; give two")
    return asked


def _give(
    finding: Finding,
    *,
    as_json: bool,
    csv_file: Path | None = None,
    html_file: Path | None = None,
) -> None:
    """Print a finding, or write it, as a command's options say; end with its exit code."""
    from neatfool.present.saving import save

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


COMMON: Final = {
    "classes": classes_option,
    "least": least_option,
    "sample": sample_option,
    "seed": seed_option,
    "max_queries": max_queries_option,
}
"""The options of parameters that many measures have, so that their help stands here once."""
PLAIN: Final = {bool, float, int, str, Path, Sequence, type(None)}
"""The types of parameters that become options."""
_SECTIONS: Final = re.compile(r"^(Args|Returns|Raises|Examples):\n", re.MULTILINE)
_ARGUMENT: Final = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.MULTILINE)


def make_measure_command(name: str, measure: Callable[..., Finding]) -> click.Command:
    """Make a command of a measure, from its signature and its docstring.

    The first parameter becomes the command's argument: one run, or several where it takes a
    sequence. Each other parameter of a plain type becomes an option; others are for Python only,
    and ``console``, an :class:`Output`, shows how far the measure is. ``bool`` makes a flag,
    ``int`` a whole number from 1 on, ``float`` a number, ``Path`` a file, a sequence of text names
    with commas between them, a sequence of paths an option that may be repeated. ``Annotated``
    adds what the help calls a value, as text, or a type of click's.

    The docstring has Google style: its description is the command's help, ``Args`` the help of the
    options, ``Examples`` its examples. The command prints the finding, or writes it as JSON, CSV
    and a page.

    Raises:
        PluginError: A parameter has no type or no description.
    """
    description, *parts = _SECTIONS.split(getdoc(measure) or "")
    sections = dict(zip(parts[::2], map(dedent, parts[1::2]), strict=True))
    texts = {
        each: " ".join(text.replace("``", "`").split()).replace(" [default", "  [default")
        for each, text in _ARGUMENT.findall(sections.get("Args", ""))
    }
    hints = get_type_hints(measure, include_extras=True)
    argument, *others = list(signature(measure).parameters.values())
    for each in (argument, *others):
        if each.name not in hints or each.name not in texts:
            raise PluginError(
                f"measure {name!r}: its parameter {each.name!r} needs a type, and a description in "
                "the section Args of its docstring"
            )

    def command(**options: Any) -> None:
        asked = _take_outputs(options)
        subject = options.pop(argument.name)
        _give(measure(subject, console=Output(stderr=True), **options), **asked)

    made: Any = trust_option(_output_options(command, CSV_HELP, HTML_HELP))
    for each in reversed(others):
        if _types_of(hints[each.name]) <= PLAIN:
            made = _option_of(each, hints[each.name], texts[each.name])(made)
    several = Sequence in _types_of(hints[argument.name])
    metavar = _extras_of(hints[argument.name])[0] or ("RUN|FOLDER..." if several else "RUN")
    made = _runs_argument(argument.name, metavar, several=several)(made)
    epilog = _epilog(sections.get("Examples", ""))
    return click.command(name, help=description, epilog=epilog)(made)


def _runs_argument(name: str, metavar: str, *, several: bool) -> Callable[[Command], Command]:
    path: Any = click.Path(path_type=Path)
    count = -1 if several else 1
    return click.argument(name, metavar=metavar, nargs=count, required=True, type=path)


def _epilog(examples: str) -> str | None:
    """Write some lines of examples, and the sentences that follow after an empty line."""
    lines, *more = cleandoc(examples).split("\n\n")
    return "\n\n".join(["\b\nExamples:\n" + indent(lines, "  "), *more]) if lines else None


def _types_of(hint: Any) -> set[Any]:
    """List the types that a hint allows, and those that its sequences hold."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _types_of(hint.__origin__)
    if origin in {Union, UnionType}:
        return {each for part in get_args(hint) for each in _types_of(part)}
    if origin is None:
        return {hint}
    return {origin, *(each for part in get_args(hint) for each in _types_of(part))}


def _extras_of(hint: Any) -> tuple[str, click.ParamType[Any] | None]:
    """Give what ``Annotated`` adds to a hint: a value's name in the help, and a type of click's."""
    extras = getattr(hint, "__metadata__", ())
    metavar = next((each for each in extras if isinstance(each, str)), "")
    return metavar, next((each for each in extras if isinstance(each, click.ParamType)), None)


def _option_of(parameter: Parameter, hint: Any, text: str) -> Callable[[Command], Command]:
    """Make the option of a measure's parameter."""
    if parameter.name in COMMON and get_origin(hint) is not Annotated:
        return COMMON[parameter.name]
    flag, types = "--" + parameter.name.replace("_", "-"), _types_of(hint)
    metavar, kind = _extras_of(hint)
    default = None if parameter.default is Parameter.empty else parameter.default
    if bool in types:
        return option(flag, text)
    if Path in types:
        return option(f"{flag} {metavar or 'FILE'}", text, kind, multiple=Sequence in types)
    if Sequence in types:
        return option(f"{flag} {metavar or 'A,B'}", text, kind or Names(), default or ())
    if float in types:
        return option(f"{flag} {metavar or 'X'}", text, kind or FiniteRange(), default)
    return option(f"{flag} {metavar or 'N'}", text, kind or click.IntRange(min=1), default)


def finding_command(
    examples: str,
    *,
    runs: str = "RUN|FOLDER...",
    elites: bool = True,
    trust: bool = True,
    queries: bool = True,
    csv: str = CSV_HELP,
    html: str = HTML_HELP,
) -> Callable[[Callable[..., Finding]], click.Command]:
    """Make a command of a function that does more than measure, and returns a finding.

    A measure needs none: it is registered, and gets its command by that. Here the function's
    docstring is the help, and its name the command's. Its own options stand below this decorator.
    It is called with ``runs``, the folders that were named, with ``console``, to show how far it
    is, and with the options' values. The finding is printed, or written as JSON, CSV and a page.

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
        def command(**options: Any) -> None:
            asked = _take_outputs(options)
            _give(function(console=Output(stderr=True), **options), **asked)

        made: Any = _output_options(command, csv, html)
        made = trust_option(made) if trust else made
        made = max_queries_option(made) if queries else made
        made = elite_options(made) if elites else made
        made = _runs_argument("runs", runs, several=runs.endswith("..."))(made)
        return click.command(function.__name__, epilog=_epilog(examples))(made)

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
