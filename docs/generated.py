"""What the pages show of the program itself: its commands, and the options of experiments.

Sphinx calls this when it reads a page. The comment ``<!-- commands -->`` becomes a section for each
command, from its help. ``<!-- finding NAME -->`` becomes a table of the keys of that finding's
JSON, from its fields; NAME has its module before it. ``<!-- measure keys -->`` becomes that, with a
heading, for each registered measure whose heading the page does not have, and ``<!-- measures -->``
the reference of all of them and of their findings.
``<!-- plugin KIND NAME -->`` becomes the command that writes a plugin, and the plugin.
``<!-- plugins -->`` becomes a table of neatfool's own plugins, ``<!-- plugins of others -->`` one
of those in ``plugins.toml``, and ``<!-- plugin keys -->`` one of the keys of that file.
``<!-- options WHAT -->`` becomes a table, from a model of options. WHAT is a plugin, as
``scheme.gradient``, or a section for the keys of neatfool's own, or ``learning``.
Behind it may come

- another section of the plugin: ``scheme.single_class DefaultStagnation``;
- ``FIRST..LAST``: only the keys from one to another; either may be left out;
- ``by-preset``: the defaults of each preset.
"""

from __future__ import annotations

import re
import tomllib
from inspect import cleandoc
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import TYPE_CHECKING, Literal, get_args, get_type_hints

import click
from pydantic import BaseModel, Field

from neatfool import LearningOptions, analysis
from neatfool.cli import main
from neatfool.cli.new_plugin import write_plugin
from neatfool.config.ini_writer import write_value
from neatfool.config.option_help import describe_options
from neatfool.experiment.framework import OWN_KEYS
from neatfool.plugin.discovery import KINDS
from neatfool.plugin.manager import PluginManager
from neatfool.wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sphinx.application import Sphinx

    from neatfool.config.option_help import OptionDescription

OTHERS = Path(__file__).with_name("plugins.toml")
CODE = re.compile(r"(`[^`]*`)|(?<![\w-])(--[a-z][\w-]*\w)|([*_<>|{}\\])")
"""In a text: code, an option's name, or a character that Markdown would take for its own."""


def generated(page: str) -> str:
    """Give a page's Markdown with what its comments ask for."""
    measures = {name: getattr(analysis, name) for name in dir(analysis)}
    for comment, write in (("measure keys", describe_keys), ("measures", describe)):
        if (mark := f"<!-- {comment} -->") in page:
            sections = [
                write(each) for name, each in measures.items() if f"### `{name}`" not in page
            ]
            page = page.replace(mark, "\n\n".join(sections))
    if "<!-- commands -->" in page:
        keys = {*re.findall("^### `(.*)`$", page, re.MULTILINE)}
        program, *rest = contexts(main)
        parts = [section(program, keys), *map(entry, rest), ""]
        parts += [section(context, keys) for context in rest]
        page = page.replace("<!-- commands -->", "\n".join(parts))
    page = re.sub("<!-- finding (.*) -->", lambda found: keys_of(found[1]), page)
    page = re.sub(r"<!-- plugin (\w+) (\w+) -->", lambda found: plugin(found[1], found[2]), page)
    if "<!-- plugins -->" in page:
        page = page.replace("<!-- plugins -->", own_plugins())
        others = list_others(OTHERS.read_text(encoding="utf-8"))
        page = page.replace("<!-- plugins of others -->", others)
        page = page.replace("<!-- plugin keys -->", keys_of_model(ListedPlugin))
    return re.sub(r"<!-- options (\S+)(.*) -->", lambda found: table(found[1], found[2]), page)


def describe_keys(measure: Callable[..., object]) -> str:
    """Write the keys of a measure's JSON under its name."""
    finding = finding_of(measure)
    table = f"<!-- finding {finding.__module__}.{finding.__name__} -->"
    return f"### `{measure.__name__}`\n\n{table}"


def describe(measure: Callable[..., object]) -> str:
    """Write the directives for the reference of a measure and its finding."""
    finding = finding_of(measure)
    function = f".. autofunction:: {measure.__module__}.{measure.__name__}"
    result = f".. autoclass:: {finding.__module__}.{finding.__name__}\n   :no-members:"
    return f"```{{eval-rst}}\n{function}\n{result}\n```"


def finding_of(measure: Callable[..., object]) -> type[BaseModel]:
    """Give the type of what a measure returns."""
    found: type[BaseModel] = get_type_hints(measure)["return"]
    return found


def keys_of(finding: str) -> str:
    """Write the keys of a finding's JSON as a table."""
    return keys_of_model(resolve_name(finding))


def keys_of_model(model: type[BaseModel]) -> str:
    """Write the keys of a model as a table."""
    rows = [("key", "what it is"), ("---", "---"), *fields_of(model, "", {})]
    return "".join(map(line, rows)).rstrip()


def fields_of(
    model: type[BaseModel], above: str, known: dict[type[BaseModel], str]
) -> Iterator[tuple[str, str]]:
    """Give each field of a model with what it is, and those of the models in it, each once."""
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        path, models = f"{above}{name}", [*models_in(field.annotation)]
        again = [f"(its keys: see `{known[inner]}`)" for inner in models if inner in known]
        yield f"`{path}`", " ".join(filter(None, [field.description, *again]))
        for inner in models:
            if inner not in known:
                known[inner] = path
                yield from fields_of(inner, f"{path}.", known)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Find the models that a type is made of: of ``tuple[Point, ...] | None`` it is Point."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


class ListedPlugin(BaseModel, extra="forbid"):
    """A plugin of somebody else."""

    package: str = Field(
        pattern=r"^neatfool(-[a-z0-9]+)+$",
        description="the name of its package: `neatfool-`, and small letters, figures and hyphens",
    )
    kind: Literal[KINDS] = Field(description=f"what it is: {listed([*KINDS], 'or')}")  # type: ignore[valid-type]
    name: str = Field(pattern=r"^[a-z][\w:-]*$", description="what experiments call it")
    line: str = Field(min_length=10, max_length=100, description="what it does, in one line")
    link: str = Field(pattern=r"^https://[^\s()<>]+$", description="its page, an https address")


def list_others(toml: str) -> str:
    """Write plugins of others as a table, by kind and name; ValueError if one is wrong."""
    tables = tomllib.loads(toml).pop("plugin", [])
    plugins = [ListedPlugin.model_validate(each) for each in tables]
    plugins.sort(key=lambda each: (KINDS.index(each.kind), each.name, each.package))
    if not plugins:
        return "None is listed yet."
    rows = [(e.kind, f"`{e.name}`", marked(e.line), f"[{e.package}]({e.link})") for e in plugins]
    heads = ("kind", "name", "what it does", "package")
    return "".join(map(line, [heads, ["---"] * len(heads), *rows]))


def own_plugins() -> str:
    """Write neatfool's own plugins as a table; those of one module stand together."""
    manager, together = PluginManager(), dict[tuple[str, str], list[str]]()
    for each in manager.available():
        if each.source == "neatfool" and each.kind != "command":
            together.setdefault((each.kind, each.value), []).append(each.name)
    rows = [("kind", "names", "what they do"), ("---", "---", "---")]
    for (kind, _), names in together.items():
        about = manager.summary(kind, names[0]).partition("\n\n")[0].replace("\n", " ")
        about = re.sub(r"^.*``\w+``: ", "", about).replace("``", "`")
        rows.append((kind, ", ".join(f"`{name}`" for name in names), about[:1].upper() + about[1:]))
    return "".join(map(line, rows))


def plugin(kind: str, name: str) -> str:
    """Write the command that writes a plugin, and the file that it writes."""
    with TemporaryDirectory() as folder:
        code = write_plugin(kind, name, Path(folder) / name)[0].read_text(encoding="utf-8")
    return f"```sh\nneatfool plugins new {kind} {name}\n```\n\n```python\n{code}```"


def contexts(group: click.Group, above: click.Context | None = None) -> Iterator[click.Context]:
    """Give each command that does something, and the whole program first."""
    context = click.Context(group, info_name=group.name, parent=above)
    if above is None:
        yield context
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from contexts(command, context)
        elif command is not None:
            yield click.Context(command, info_name=name, parent=context)


def entry(context: click.Context) -> str:
    """Write a command's line in the list of all."""
    path, short = context.command_path, context.command.get_short_help_str(limit=200)
    return f"- [`{path}`](#{path.replace(' ', '-')}): {marked(short)}"


def section(context: click.Context, keys: Collection[str]) -> str:
    """Write a command's help as a section of a page, which may have the keys of its JSON."""
    command, path = context.command, context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    options = [each for each in command.get_params(context)[:-1] if isinstance(each, click.Option)]
    parts = [
        f"## `{path}`",
        *map(marked, cleandoc(command.help or "").split("\n\n")),
        f"```text\n{usage}\n```",
        f":::{{program}} {path}\n:::",
        *(option_block(context, option, keys) for option in options),
        *map(paragraph, cleandoc(command.epilog or "").split("\n\n")),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def option_block(context: click.Context, option: click.Option, keys: Collection[str]) -> str:
    """Write an option; ``keys`` are the commands for which the page has the keys of ``--json``."""
    names, text = option.get_help_record(context) or ("", "")
    text, *limits = re.split(r"  \[", text)
    shown = option.make_metavar(context)
    limits = [re.sub(r"\bx\b", shown, each.rstrip("]")) for each in limits]
    words = [marked(text), *(f"`{each}`" for each in limits)]
    command = context.command_path.partition(" ")[2]
    if names == "--json" and command in keys:
        words.append(f"([its keys](#{command.replace(' ', '-')}))")
    return f":::{{option}} {names.replace(' / ', ', ')}\n{' '.join(words)}\n:::"


def paragraph(text: str) -> str:
    r"""Write a paragraph of an epilog; one that begins with ``\b`` has lines of code."""
    if not text.startswith("\b"):
        return marked(text)
    blocks = re.findall(r"(?:^  .*\n?)+|^\S.*", text.removeprefix("\b\n"), re.MULTILINE)
    return "\n\n".join(
        f"```sh\n{dedent(each).strip()}\n```" if each.startswith(" ") else marked(each)
        for each in blocks
    )


def marked(text: str) -> str:
    """Write a text of the command line as Markdown: names of options are code."""
    return CODE.sub(
        lambda found: found[1] or (f"`{found[2]}`" if found[2] else f"\\{found[3]}"), text
    )


def table(what: str, words: str) -> str:
    """Write the options of a model as a table."""
    model, kind = model_of(what), what.partition(".")[0]
    presets = get_args(model.model_fields["preset"].annotation) if "by-preset" in words else ()
    name = re.match(r" (\w+)(?= |$)", words)
    borders = re.search(r"(\w*)\.\.(\w*)", words)
    described = [
        describe_options(model, kind, **given)[name[1] if name else kind]
        for given in [{"preset": preset} for preset in presets] or [{}]
    ]
    rows = [("key", *([f"`{each}`" for each in presets] or ("type", "default")), "what it is for")]
    rows += [
        (
            f"`{option.key}`",
            *([] if presets else [option.type]),
            *map(default_of, options),
            option.description,
        )
        for options in zip(*described, strict=True)
        for option in options[:1]
    ]
    keys = [row[0].strip("`") for row in rows]
    start = keys.index(borders[1]) if borders and borders[1] else 1
    stop = keys.index(borders[2]) + 1 if borders and borders[2] else len(keys)
    return "".join(map(line, [rows[0], ["---"] * len(rows[0]), *rows[start:stop]]))


def model_of(what: str) -> type[BaseModel]:
    kind, _, name = what.partition(".")
    if name:
        return PluginManager().load(kind, name).options
    return {**OWN_KEYS, "learning": LearningOptions}[what]


def default_of(option: OptionDescription) -> str:
    if option.required:
        return "must be given"
    return f"`{write_value(option.default)}`" if option.default not in (None, [], "") else ""


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def setup(app: Sphinx) -> None:
    """Fill each page when Sphinx reads it."""

    def fill(app: Sphinx, page: str, source: list[str]) -> None:
        source[0] = generated(source[0])

    app.connect("source-read", fill)
