"""``neatfool plugins``: list, show, check and begin plugins."""

import json
import re
from dataclasses import asdict
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from neatfool import __version__
from neatfool.cli.main_group import CommandGroup
from neatfool.errors import ExperimentError, PluginError, StorageError, printable
from neatfool.plugin.discovery import GROUP, entry_points
from neatfool.present.command import option
from neatfool.present.output import Output

KINDS = ("target", "scheme", "encoding", "observer")

_TAKEN_BY_TOOLS = ("conftest", "setup")


@click.group(
    cls=CommandGroup,
    epilog="""\b
Examples:
  neatfool plugins list
  neatfool plugins show map_elites
  neatfool plugins new target mine
  neatfool plugins check mine/mine.py""",
)
def plugins() -> None:
    """List the plugins, show the options of one, check one, or begin a new one."""


@plugins.command(
    "list",
    epilog="""\b
Examples:
  neatfool plugins list
  neatfool plugins list --json | jq '.[].name'""",
)
@option("--json", "Print JSON.", into="as_json")
def list_plugins(as_json: bool) -> None:
    """List the plugins that are installed, without importing them."""
    from neatfool.plugin.discovery import installed_plugins

    entries = [entry for entry, _ in installed_plugins()]
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in entries], indent=2))
        return
    rows = [
        [each.kind, each.name, each.source, each.version, each.problem or each.value]
        for each in entries
    ]
    Output().table(["kind", "name", "from", "version", "module"], rows, words=range(5))


@plugins.command(
    "show",
    epilog="""\b
Examples:
  neatfool plugins show map_elites
  neatfool plugins show target.mnist
  neatfool plugins show my_target.py
  neatfool plugins show experiment        # neatfool's own keys in [experiment]""",
)
@click.argument("name")
@option("--json", "Print JSON.", into="as_json")
def show_plugin(name: str, as_json: bool) -> None:
    """Show the options of the plugin NAME: what each takes, its default, and what it is for.

    NAME is a plugin's name, KIND.NAME, or a Python file. For the keys that neatfool itself has in a
    section of an experiment, give `experiment`, `plugins` or `target`. `neatfool COMMAND --help`
    shows the options of a command or a measure.
    """
    from neatfool.cli.named_plugins import describe_plugins
    from neatfool.config.ini import write_value

    described = describe_plugins(name)
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    console = Output()
    for plugin in described:
        title = escape(f"{plugin['kind']} {plugin['name']}")
        console.print(f"[bold]{title}[/] ({escape(plugin['source'])})")
        console.print(escape(plugin["about"]))
        for section, options in plugin["sections"].items():
            console.say(f"[{section}]" if options else f"[{section}] no options")
            rows = []
            for each in options:
                default = "" if each["default"] is None else write_value(each["default"])
                takes = [each["type"], "required" if each["required"] else f"default: {default}"]
                facts = "; ".join(takes if default or each["required"] else takes[:1])
                about = f"{each['description']}  [{facts}]".strip()
                rows.append((printable(each["key"]), printable(about)))
            if rows:
                formatter = click.get_current_context().make_formatter()
                with formatter.indentation():
                    formatter.write_dl(rows)
                click.echo(formatter.getvalue(), nl=False)


@plugins.command(
    epilog="""\b
Examples:
  neatfool plugins check mnist
  neatfool plugins check scheme.map_elites
  neatfool plugins check my_target.py --set weights=mine.safetensors"""
)
@click.argument("name")
@option(
    "--set KEY=VALUE",
    "An option of the plugin, for the checks; may be given several times.",
    str,
    into="settings",
    multiple=True,
)
def check(name: str, settings: tuple[str, ...]) -> None:
    """Check whether the plugin NAME keeps its contract.

    NAME is a plugin's name, KIND.NAME, a Python file, or a folder of them. The exit code is 3 if a
    check fails.
    """
    from neatfool.cli.named_plugins import check_plugins

    results = check_plugins(name, settings)
    console = Output()
    for plugin, checks in results.items():
        table = Table("check", "", "what came of it", title=escape(plugin), title_justify="left")
        for result in checks:
            verdict = "[green]passed[/]" if result.passed else "[red]FAILED[/]"
            verdict = verdict if result.applies else "[dim]not there[/]"
            table.add_row(escape(result.name), verdict, escape(result.message))
        console.print(table)
    failed = sum(not result.passed for checks in results.values() for result in checks)
    if failed:
        count = sum(map(len, results.values()))
        raise PluginError(f"{name}: {failed} of {count} checks failed")


@plugins.command(
    epilog="""\b
Examples:
  neatfool plugins new target bird_classifier
  neatfool plugins new scheme climb --out work/climb"""
)
@click.argument("kind", metavar="KIND", type=click.Choice(KINDS))
@click.argument("name")
@option("--out DIR", "The folder to make.  [default: NAME]")
def new(kind: str, name: str, out: Path | None) -> None:
    """Write a plugin to start from, with an experiment that uses it and tests that pass.

    KIND is target, scheme, encoding or observer; experiments will use NAME.
    """
    folder = out or Path(name)
    files = write_plugin(kind, name, folder)
    click.echo(f"{folder} has")
    for path in files:
        click.echo(f"  {path.name}")
    click.echo(f"Try it:\n  neatfool run {folder / name}.ini")
    click.echo(f"Test it (pip install pytest):\n  python -m pytest {folder}")


def write_plugin(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a plugin of a kind in :data:`KINDS` into a new folder; give its files, itself first."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    problem = None
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        problem = "must be letters, figures and underscores, and start with a letter"
    elif not name.islower():
        problem = f"must be in small letters, as modules are; take {name.lower()!r}"
    elif f"{kind}.{name}" in entry_points(GROUP).names:
        problem = f"is the name of an installed {kind}; choose another"
    # Folders without code, which Python could import too, do not count.
    elif iskeyword(name) or name in _TAKEN_BY_TOOLS or getattr(find_spec(name), "origin", None):
        problem = "already means something else to Python; choose another"
    if problem:
        raise ExperimentError(f"the plugin's name {name!r} {problem}")
    environment = Environment(
        loader=PackageLoader("neatfool.cli"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - these are programs and settings, not pages
    )
    templates = {
        f"{name}.py": f"{kind}.py.j2",
        f"{name}.ini": f"{kind}.ini.j2",
        f"test_{name}.py": f"{kind}_test.py.j2",
        "pyproject.toml": "plugin_pyproject.toml.j2",
        "README.md": "plugin_README.md.j2",
    }
    stem = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    values = {"kind": kind, "version": __version__, "name": name}
    # BirdTarget for a target called bird, bird_target or birdTarget
    values["class_name"] = stem.removesuffix(kind.capitalize()) + kind.capitalize()
    values["project"] = "neatfool-" + re.sub("_+", "-", name).strip("-")
    paths = [folder / file_name for file_name in templates]
    try:
        folder.mkdir(parents=True)
        for path, template in zip(paths, templates.values(), strict=True):
            path.write_text(environment.get_template(template).render(values), encoding="utf-8")
    except FileExistsError:
        raise ExperimentError(
            f"{folder}: already exists; choose another name, or another folder with --out"
        ) from None
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written: {error.strerror}; choose another folder with --out"
        ) from error
    return paths
