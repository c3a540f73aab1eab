"""The command of a measure, from its signature."""

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
    Command,
    FileToWrite,
    FiniteRange,
    Names,
    classes_option,
    distinct_option,
    least_option,
    max_queries_option,
    option,
    overrides_option,
    sample_option,
    seed_option,
    trust_option,
)
from neatfool.present.output import Output, show

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


COMMON: Final = {
    "classes": classes_option,
    "least": least_option,
    "sample": sample_option,
    "seed": seed_option,
    "max_queries": max_queries_option,
    "distinct": distinct_option,
    "overrides": overrides_option,
}
"""The options of parameters that many measures have, so that their help stands here once."""
PLAIN: Final = {bool, float, int, str, Path, Sequence, type(None)}
"""The types of parameters that become options."""
_SECTIONS: Final = re.compile(r"^(Args|Returns|Raises|Examples):\n", re.MULTILINE)
_ARGUMENT: Final = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.MULTILINE)


def make_measure_command(
    name: str, measure: Callable[..., Finding], *, files: bool = True
) -> click.Command:
    """Make a command of a measure, from its signature and its docstring.

    The first parameter becomes the command's argument, as does each other one by position: one run,
    or several where it takes a sequence. Each keyword of a plain type becomes an option; others are
    for Python only, and ``console``, an :class:`Output`, shows how far the measure is. ``bool``
    makes a flag, ``int`` a whole number from 1 on, ``float`` a number, ``str`` a text, ``Path`` a
    file, a sequence of text names with commas between them, a sequence of paths an option that may
    be repeated. ``Annotated`` adds what the help calls a value, as text, or a type of click's.

    The docstring has Google style: its description is the command's help, ``Args`` the help of the
    options, ``Examples`` its examples. The command prints the finding, or writes it as JSON and, if
    ``files``, as CSV and a page.

    Raises:
        PluginError: A parameter has no type or no description.
    """
    description, *parts = _SECTIONS.split(getdoc(measure) or "")
    sections = dict(zip(parts[::2], map(dedent, parts[1::2]), strict=True))
    texts = {
        each: " ".join(text.replace("``", "`").split()).replace(" [default", "  [default")
        for each, text in _ARGUMENT.findall(sections.get("Args", ""))
    }
    # What a measure gives may be imported late, for `neatfool --help` makes every command.
    hints = get_type_hints(measure, localns={"Finding": object}, include_extras=True)
    parameters = list(signature(measure).parameters.values())
    arguments = [each for each in parameters if each.kind is not Parameter.KEYWORD_ONLY]
    for each in parameters:
        if each.name not in hints or each.name not in texts:
            raise PluginError(
                f"measure {name!r}: its parameter {each.name!r} needs a type, and a description in "
                "the section Args of its docstring"
            )

    def command(
        *, as_json: bool, csv_file: Path | None = None, html_file: Path | None = None, **given: Any
    ) -> None:
        if csv_file and csv_file == html_file:
            raise click.UsageError("--csv and --html: name the same file; give two")
        subjects = [given.pop(each.name) for each in arguments]
        finding = measure(*subjects, console=Output(stderr=True), **given)
        _give(finding, as_json, csv_file, html_file)

    made: Any = trust_option(_output_options(command, files=files))
    for each in reversed(parameters):
        types, (metavar, _) = _types_of(hints[each.name]), _extras_of(hints[each.name])
        if each in arguments:
            several = Sequence in types
            what = metavar or ("RUN|FOLDER..." if several else "RUN")
            count: Any = {"nargs": -1 if several else 1, "type": click.Path(path_type=Path)}
            made = click.argument(each.name, metavar=what, required=True, **count)(made)
        elif types <= PLAIN:
            made = _option_of(each, hints[each.name], texts[each.name])(made)
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
    usual: Any = ("N", click.IntRange(min=1))
    if int not in types:
        usual = ("X", FiniteRange()) if float in types else ("TEXT", click.STRING)
    return option(f"{flag} {metavar or usual[0]}", text, kind or usual[1], default)


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
