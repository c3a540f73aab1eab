"""The command of a measure, options of commands, and a finding on a terminal."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, cleandoc, getdoc, signature
from pathlib import Path
from textwrap import dedent, indent
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import click

from neatfool.errors import PluginError, StorageError, agreement
from neatfool.files import is_stream
from neatfool.present.blocks import Bars, Block, Headline, Note, Panel, Table, Text, is_shown
from neatfool.present.output import Output
from neatfool.wording import share

if TYPE_CHECKING:
    from neatfool.present.finding import Finding

    NamesType = click.ParamType[tuple[str, ...]]
else:
    NamesType = click.ParamType  # click before 8.4 has no types in brackets

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
        more: Further arguments of ``click.option``, and of ``click.Path``: ``exists``,
            ``file_okay`` and ``dir_okay``.
    """
    words = spec.replace(", ", " ").split()
    names = [*(word for word in words if word.startswith("-")), *([into] if into else [])]
    metavar = None if words[-1].startswith("-") else words[-1]
    if metavar is None:
        return click.option(*names, is_flag=True, help=text, **more)
    path = {key: more.pop(key) for key in ("exists", "file_okay", "dir_okay") if key in more}
    usual = click.IntRange(min=1) if metavar == "N" else click.Path(path_type=Path, **path)
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
    return option("--max-queries N", what)(command)


def distinct_option(command: Command) -> Command:
    """Add the option ``--distinct``, which :func:`~neatfool.choose_elites` takes."""
    what = (
        "Only N images that are unlike each other in layout, texture and colours. The surest comes "
        "first, then each time the one least like those chosen so far."
    )
    return option("--distinct N", what)(command)


classes_option = option(
    "--classes A,B",
    'Only the elites of these classes, by name or index; a comma in a name: `"a, b",c`.',
    Names(),
    (),
)
least_option = option(
    "--least P",
    "Only elites whose recorded confidence is at least this.",
    FiniteRange(0, 1),
    0.0,
    show_default=False,
)
sample_option = option("--sample N", "Only N elites, drawn at random.")
seed_option = option(
    "--seed N", "Where all that is drawn at random comes from.", click.IntRange(min=0), 1
)


def elite_options(command: Command) -> Command:
    """Add the options that choose elites of a run.

    They are ``--classes``, ``--least``, ``--sample`` and ``--seed``; the function of the command
    gets them by these names, as :func:`~neatfool.choose_elites` takes them.
    """
    return classes_option(least_option(sample_option(seed_option(command))))


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
    types, (metavar, _) = _types_of(hints[argument.name]), _extras_of(hints[argument.name])
    several = Sequence in types
    what = metavar or ("RUN|FOLDER..." if several else "RUN")
    path: Any = click.Path(path_type=Path)
    made = click.argument(
        argument.name, metavar=what, nargs=-1 if several else 1, required=True, type=path
    )(made)
    lines, *more = sections.get("Examples", "").strip().split("\n\n")
    epilog = "\n\n".join(["\b\nExamples:\n" + indent(lines, "  "), *more])
    return click.command(name, help=description, epilog=epilog if lines else None)(made)


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
