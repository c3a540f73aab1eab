"""What the pages show of the program itself: its commands, options, findings and names.

``python docs/generated.py --write`` writes it into the pages, from the code; without ``--write`` it
lists the pages that are out of date. A page says what it shows between two comments:
``<!-- generated: WHAT -->`` and ``<!-- end -->``. WHAT is

- ``commands``: a list of the commands, which have pages in ``reference``; the program's options;
- ``exit-codes``: those of the errors, from their docstrings;
- ``views``: what each view does, from its docstring, and how strong it may be;
- ``keys NAME``: the keys of a finding's JSON, from its fields; NAME has its module before it;
- ``findings``: that for each registered measure;
- ``experiments``: the experiments that come with neatfool, from their first comments;
- ``services``: the examples in ``services``, each with the plugin that it names;
- ``plugin KIND NAME``: the command that writes a plugin, and the plugin;
- ``plugins``: neatfool's own plugins; ``listed``: those in ``plugins.toml``;
- ``listed-keys``: the keys of ``plugins.toml``;
- ``options OF``: the options of a model. OF is a plugin, as ``scheme.gradient``; ``learning``; or a
  section for the keys of neatfool's own. Behind it may come another section of the plugin
  (``scheme.single_class DefaultStagnation``); ``FIRST..LAST``, either of which may be left out, for
  the keys from one to another; and ``by-preset``, for the defaults of each preset.

The pages of ``reference`` that :mod:`python_reference` writes, and those on commands, are generated
as a whole.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from functools import cache
from inspect import cleandoc
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import TYPE_CHECKING, Literal, get_args, get_type_hints

import click
from pydantic import BaseModel, Field

from neatfool import LearningOptions, analysis, errors
from neatfool.cli import main
from neatfool.cli.new_plugin import write_plugin
from neatfool.config.ini_writer import write_value
from neatfool.config.option_help import describe_options
from neatfool.experiment.framework import OWN_KEYS
from neatfool.plugin.discovery import KINDS
from neatfool.plugin.manager import PluginManager
from neatfool.wording import listed
from neatfool_plugins.experiments import read_installed
from neatfool_plugins.views import geometry, photometry

sys.path.insert(0, str(Path(__file__).parent))

from python_reference import reference_pages, to_markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from neatfool.config.option_help import OptionDescription

PROGRAM = click.Context(main, info_name=main.name)
DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"
OTHERS = DOCS / "plugins.toml"
END = "<!-- end -->"
MARK = re.compile(rf"(<!-- generated: (.*?) -->)\n.*?{END}", re.DOTALL)
CODE = re.compile(r"(`[^`]*`)|(?<![\w-])(--[a-z][\w-]*\w)|([*_<>|{}\\])")
"""In a text: code, an option's name, or a character that Markdown would take for its own."""


def pages() -> dict[Path, str]:
    """Give each page that shows something of the program, as it should be."""
    found = {REFERENCE / name: text for name, text in reference_pages().items()}
    found |= {page_of(group): commands_of(group) for group in by_group()}
    for path in sorted(DOCS.rglob("*.md")):
        if path not in found and MARK.search(read(path)):
            found[path] = fill(read(path))
    return found


def fill(page: str) -> str:
    """Put between a page's comments what they ask for."""
    return MARK.sub(lambda found: f"{found[1]}\n\n{show(*found[2].split()).strip()}\n\n{END}", page)


def show(what: str, *words: str) -> str:
    """Write what a comment asks for."""
    return WRITERS[what](*words)


def without_generated(page: str) -> str:
    """Leave of a page what people wrote."""
    return MARK.sub("", page)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def commands() -> str:
    """Write a list of the commands, and the options of the program itself."""
    parts = []
    for group, found in by_group().items():
        parts += [f"## {group}\n", *(entry(page_of(group), each) for each in found), ""]
    return "\n".join([*parts, "## Before any command\n", options_of(PROGRAM)])


def commands_of(group: str) -> str:
    """Write the page of a group: a section for each of its commands."""
    return "\n".join([f"# Commands: {group}\n", *map(section, by_group()[group])])


def page_of(group: str) -> Path:
    return REFERENCE / f"commands-{group.lower()}.md"


def exit_codes() -> str:
    """Write the exit code of each error, and what it means."""
    found = [each for each in vars(errors).values() if inspect.isclass(each)]
    coded = [
        each for each in found if issubclass(each, errors.NeatfoolError) and each.exit_code > 1
    ]
    rows = [
        (str(each.exit_code), to_markdown(each.__doc__ or ""), f"`{each.__name__}`")
        for each in sorted(coded, key=lambda each: each.exit_code)
    ]
    return "".join(map(line, [("code", "meaning", "error class"), ["---"] * 3, *rows]))


def views() -> str:
    """Write what each view does, in which unit its strength is, and the greatest strength."""
    rows = [("view", "what it does", "strength", "at most"), ["---"] * 4]
    for name, view in (geometry.VIEWS | photometry.VIEWS).items():
        about = marked(cleandoc(view.how.__doc__ or "").partition("\n\n")[0].replace("\n", " "))
        unit, sign = (f"{view.unit}, ±", "±") if view.signed else (view.unit, "")
        rows.append((f"`{name}`", about.rstrip("."), unit, f"{sign}{view.limit:g}"))
    return "".join(map(line, rows))


def findings() -> str:
    """Write the keys of the JSON of each measure's finding."""
    measures = [getattr(analysis, name) for name in dir(analysis)]
    returned = {each.__name__: get_type_hints(each)["return"] for each in measures}
    return "\n\n".join(f"## `{name}`\n\n{keys_of_model(of)}" for name, of in returned.items())


def keys(finding: str) -> str:
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
        yield f"`{path}`", " ".join([*(field.description or "").split(), *again])
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


def own_experiments() -> str:
    """Write neatfool's own experiments as a table."""
    rows = [("file", "what it does", "time on two cores"), ("---", "---", "---")]
    rows += [(f"`{e.file}`", marked(e.about), e.takes) for e in read_installed().values()]
    return "".join(map(line, rows))


def services() -> str:
    """Write a section for each example of a service: its first comment, and its file."""
    return "\n\n".join(map(service, sorted((DOCS / "services").glob("*.ini"))))


def service(path: Path) -> str:
    comment, _, code = read(path).partition("\n\n")
    title, _, text = re.sub("^# ?", "", comment, flags=re.MULTILINE).partition("\n\n")
    parts = [f"## {title}", text, f"```ini\n# {path.name}\n{code}```"]
    for plugin in re.findall(r"^path = (\w+\.py)$", code, re.MULTILINE):
        parts.append(f"```python\n# {plugin}\n{read(path.with_name(plugin))}```")
    return "\n\n".join(parts)


@cache
def by_group() -> dict[str, list[click.Context]]:
    """Give the commands that do something, by the groups of the program's help."""
    groups = {
        group: [each for name in names for each in contexts(name, PROGRAM)]
        for group, names in main.groups(PROGRAM).items()
    }
    return {group: found for group, found in groups.items() if found}


def contexts(name: str, above: click.Context) -> Iterator[click.Context]:
    """Give a command, or the commands in it if it is a group."""
    command = above.command.get_command(above, name)
    context = click.Context(command, info_name=name, parent=above)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from contexts(inner, context)
    else:
        yield context


def entry(page: Path, context: click.Context) -> str:
    """Write a command's line in the list of all."""
    path, short = context.command_path, context.command.get_short_help_str(limit=200)
    link = f"{page.relative_to(DOCS).as_posix()}#{path.replace(' ', '-')}"
    return f"- [`{path}`]({link}): {marked(short)}"


def section(context: click.Context) -> str:
    """Write a command's help as a section of a page."""
    command, path = context.command, context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    parts = [
        f"## `{path}`",
        *map(marked, cleandoc(command.help or "").split("\n\n")),
        f"```text\n{usage}\n```",
        options_of(context),
        *map(paragraph, cleandoc(command.epilog or "").split("\n\n")),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def options_of(context: click.Context) -> str:
    """Write a command's options but ``--help``, each a line."""
    options = context.command.get_params(context)[:-1]
    shown = [each for each in options if isinstance(each, click.Option)]
    return "\n".join(option_line(context, option) for option in shown)


def option_line(context: click.Context, option: click.Option) -> str:
    """Write an option as an item of a list."""
    names, text = option.get_help_record(context) or ("", "")
    text, *limits = re.split(r"  \[", text)
    shown = option.make_metavar(context)
    limits = [re.sub(r"\bx\b", shown, each.rstrip("]")) for each in limits]
    words = [marked(text), *(f"`{each}`" for each in limits)]
    if names == "--json":
        anchor = context.command_path.partition(" ")[2].replace(" ", "-")
        words.append(f"([its keys](json.md#{anchor}))")
    return f"- `{names.replace(' / ', ', ')}`: {' '.join(words)}"


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


def table(what: str, *words: str) -> str:
    """Write the options of a model as a table."""
    model, kind = model_of(what), what.partition(".")[0]
    presets = get_args(model.model_fields["preset"].annotation) if "by-preset" in words else ()
    section = next((word for word in words if word.isidentifier()), kind)
    first, last = next((word.split("..") for word in words if ".." in word), ("", ""))
    described = [
        describe_options(model, kind, **given)[section]
        for given in [{"preset": preset} for preset in presets] or [{}]
    ]
    rows = [("key", *(f"`{each}`" for each in presets), "what it is for")]
    rows += [
        (f"`{option.key}`", *map(default_of, options), option.description)
        if presets
        else (f"`{option.key}`", f"{option.description}<br>{type_of(option)}")
        for options in zip(*described, strict=True)
        for option in options[:1]
    ]
    keys = [row[0].strip("`") for row in rows]
    start = keys.index(first) if first else 1
    stop = keys.index(last) + 1 if last else len(keys)
    return "".join(map(line, [rows[0], ["---"] * len(rows[0]), *rows[start:stop]]))


def model_of(what: str) -> type[BaseModel]:
    kind, _, name = what.partition(".")
    if name:
        return PluginManager().load(kind, name).options
    return {**OWN_KEYS, "learning": LearningOptions}[what]


def type_of(option: OptionDescription) -> str:
    default = default_of(option)
    more = "must be given" if option.required else default and f"by default {default}"
    return ", ".join(filter(None, [f"*{option.type}*", more]))


def default_of(option: OptionDescription) -> str:
    return f"`{write_value(option.default)}`" if option.default not in (None, [], "") else ""


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


WRITERS: dict[str, Callable[..., str]] = {
    "commands": commands,
    "exit-codes": exit_codes,
    "views": views,
    "keys": keys,
    "findings": findings,
    "experiments": own_experiments,
    "services": services,
    "plugin": plugin,
    "plugins": own_plugins,
    "listed": lambda: list_others(OTHERS.read_text(encoding="utf-8")),
    "listed-keys": lambda: keys_of_model(ListedPlugin),
    "options": table,
}


if __name__ == "__main__":
    outdated = {path: text for path, text in pages().items() if text != read(path)}
    for page, text in outdated.items():
        print(page.relative_to(DOCS))
        if "--write" in sys.argv:
            page.write_text(text, encoding="utf-8")
    sys.exit(bool(outdated) and "--write" not in sys.argv)
