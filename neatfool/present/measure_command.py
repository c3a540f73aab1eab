"""Commands, made from the signatures and docstrings of functions and measures."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from inspect import Parameter, getdoc, signature
from pathlib import Path
from textwrap import dedent, indent
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import click

from neatfool.errors import PluginError
from neatfool.present.command import (
    COMMON,
    Command,
    FileToWrite,
    FiniteRange,
    Names,
    option,
    trust_option,
)

if TYPE_CHECKING:
    from neatfool.present.finding import Finding


def _output_options(command: Any, *, files: bool) -> Any:
    """Add ``--json``, and perhaps ``--csv`` and ``--html``."""
    texts = {
        "html": "Write a page with charts and pictures.",
        "csv": "Write what was measured as comma-separated values.",
    }
    for name, text in texts.items() if files else ():
        command = option(f"--{name} FILE", text, FileToWrite(), into=f"{name}_file")(command)
    return option("--json", "Print JSON.", into="as_json")(command)


def _give(finding: Finding, as_json: bool, csv_file: Path | None, html_file: Path | None) -> None:
    """Print a finding, or write it, as a command's options say; end with its exit code."""
    from neatfool.present.output import Output, show
    from neatfool.present.saving import save

    if as_json:
        click.echo(finding.json())
    else:
        show(finding.story(), Output())
    if csv_file:
        save(csv_file, finding.csv().encode())
        Output(stderr=as_json).say(f"What was measured is in {csv_file}")
    if html_file:
        with Output(stderr=True).status("drawing"):
            finding.html(html_file)
        Output(stderr=as_json).say(f"Look at {html_file}")
    if finding.exit_code:
        click.get_current_context().exit(finding.exit_code)


PLAIN: Final = {bool, float, int, str, Path, Sequence, type(None)}
"""The types of parameters that become options."""
_SECTIONS: Final = re.compile(r"^(Args|Returns|Raises|Examples):\n", re.MULTILINE)
_ARGUMENT: Final = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.MULTILINE)


def make_command(function: Callable[..., Any], name: str | None = None) -> click.Command:
    """Make a command of a function, from its signature and its docstring; also as a decorator.

    A parameter by position becomes an argument, which may be left out if it has a default. Each
    keyword of a plain type becomes an option; others are for Python only. ``bool`` makes a flag,
    ``int`` a whole number from 1 on, ``float`` a number, ``str`` a text, ``Path`` a path, a
    sequence of text names with commas between them, a sequence of paths an option that may be
    repeated. ``Annotated`` adds what the help calls a value, as text, or a type of click's; so does
    a text such as ``"-o, --out FILE"``, which also names the option. A sequence whose type of
    click's is not :class:`Names` may be repeated, too.

    The docstring has Google style: its description is the command's help, ``Args`` the help of the
    options, ``Examples`` its examples, perhaps with paragraphs after them.

    Raises:
        PluginError: A parameter has no type or no description.
    """
    return _make_command(name or function.__name__, function, function)


def make_measure_command(
    name: str, measure: Callable[..., Finding], *, files: bool = True
) -> click.Command:
    """Make a command of a measure, as :func:`make_command` does.

    Its first parameter is one run, or several where it takes a sequence; ``console``, an
    :class:`Output`, shows how far the measure is. The command prints the finding, or writes it as
    JSON and, if ``files``, as CSV and a page.

    Raises:
        PluginError: A parameter has no type or no description.
    """

    def command(
        *, as_json: bool, csv_file: Path | None = None, html_file: Path | None = None, **given: Any
    ) -> None:
        if csv_file and csv_file == html_file:
            raise click.UsageError("--csv and --html: name the same file; give two")
        from neatfool.present.output import Output

        finding = measure(**given, console=Output(stderr=True))
        _give(finding, as_json, csv_file, html_file)

    return _make_command(name, measure, trust_option(_output_options(command, files=files)))


def _make_command(name: str, function: Callable[..., Any], made: Any) -> click.Command:
    """Make a command that calls ``made``, and looks as a function says."""
    description, *parts = _SECTIONS.split(getdoc(function) or "")
    sections = dict(zip(parts[::2], map(dedent, parts[1::2]), strict=True))
    texts = {
        each: " ".join(text.replace("``", "`").split()).replace(" [default", "  [default")
        for each, text in _ARGUMENT.findall(sections.get("Args", ""))
    }
    # What a measure takes and gives may be imported late: `neatfool --help` makes every command.
    late = {"Finding": object, "Output": object}
    hints = get_type_hints(function, localns=late, include_extras=True)
    for each in reversed([*signature(function).parameters.values()]):
        # python -OO leaves docstrings out, this module's, too.
        if each.name not in hints or (each.name not in texts and __doc__):
            raise PluginError(
                f"command {name!r}: its parameter {each.name!r} needs a type, and a description in "
                "the section Args of its docstring"
            )
        if each.kind is not Parameter.KEYWORD_ONLY:
            made = _argument_of(each, hints[each.name])(made)
        elif _types_of(hints[each.name]) <= PLAIN:
            made = _option_of(each, hints[each.name], texts.get(each.name, ""))(made)
    lines, *more = sections.get("Examples", "").strip().split("\n\n")
    epilog = "\n\n".join(["\b\nExamples:\n" + indent(lines, "  "), *more])
    return click.command(name, help=description, epilog=epilog if lines else None)(made)


def _argument_of(parameter: Parameter, hint: Any) -> Callable[[Command], Command]:
    """Make the argument of a parameter by position."""
    types, (metavar, kind) = _types_of(hint), _extras_of(hint)
    several, optional = Sequence in types, parameter.default is not Parameter.empty
    more: dict[str, Any] = {"default": parameter.default} if optional else {}
    if Path in types:
        metavar = metavar or ("RUN|FOLDER..." if several else "RUN")
        kind = kind or click.Path(path_type=Path)
    more |= {"required": not optional, "nargs": -1 if several else 1, "type": kind}
    return click.argument(parameter.name, metavar=metavar or None, **more)


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
    """Make the option of a parameter."""
    if parameter.name in COMMON and get_origin(hint) is not Annotated:
        return COMMON[parameter.name]
    types, (value, kind) = _types_of(hint), _extras_of(hint)
    several = Sequence in types
    default = None if parameter.default is Parameter.empty else parameter.default
    usual: tuple[str, Any] = ("TEXT", click.STRING)
    if Path in types:
        usual = ("FILE", None)
    elif several:
        usual = ("A,B", Names())
    elif int in types:
        usual = ("N", click.IntRange(min=1))
    elif float in types:
        usual = ("X", FiniteRange())
    spec = value
    if not value.startswith("-"):
        flag = "--" + parameter.name.replace("_", "-")
        spec = flag if bool in types else f"{flag} {value or usual[0]}"
    repeated = several and not isinstance(kind or usual[1], Names)
    more = {"multiple": True} if repeated else {}
    given = None if bool in types or repeated else default
    return option(spec, text, kind or usual[1], given, into=parameter.name, **more)


def run_command(ctx: click.Context, name: str, arguments: Sequence[str]) -> None:
    """Run another command of the program; what it prints goes to standard error."""
    root = ctx.find_root()
    command = root.command.get_command(root, name)  # type: ignore[attr-defined]
    with redirect_stdout(sys.stderr):
        try:
            with command.make_context(name, [*arguments], root) as inner:
                command.invoke(inner)
        except SystemExit as end:
            if end.code:
                raise
