"""``neatfool plugins``: list, show, check and begin plugins."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import click

from neatfool import present
from neatfool.cli.main_group import CommandGroup
from neatfool.cli.new_plugin import KINDS, USES, describe_package, write_plugin
from neatfool.errors import PluginError, printable
from neatfool.plugin.discovery import forget_installed, hooks_in, installed_plugins
from neatfool.present.command import FOLDER
from neatfool.present.measure_command import make_command


@make_command
def list_plugins(*, as_json: Annotated[bool, "--json"] = False) -> None:
    """List the plugins that are installed, without importing them.

    Args:
        as_json: Print JSON, with the hooks that each plugin implements.

    Examples:
        neatfool plugins list
        neatfool plugins list --json | jq '.[] | .name, .hooks'
    """
    entries = [entry for entry, _ in installed_plugins()]
    if as_json:
        facts = [{**asdict(each), "hooks": hooks_in(each.value)} for each in entries]
        click.echo(json.dumps(facts, indent=2))
        return
    rows = [
        [each.kind, each.name, f"{each.source} {each.version}", each.problem] for each in entries
    ]
    columns = 4 if any(each.problem for each in entries) else 3
    names = ["kind", "name", "from", "problem"][:columns]
    present.Output().table(names, [row[:columns] for row in rows], words=range(columns))


@make_command
def show_plugin(name: str, *, as_json: Annotated[bool, "--json"] = False) -> None:
    """Show the options of the plugin NAME: what each takes, its default, and what it is for.

    NAME is a plugin's name, KIND.NAME, or a Python file. For the keys that neatfool itself has in a
    section of an experiment, give `experiment`, `plugins` or `target`. `neatfool COMMAND --help`
    shows the options of a command or a measure.

    Args:
        name: The plugin.
        as_json: Print JSON.

    Examples:
        neatfool plugins show map_elites
        neatfool plugins show target.mnist
        neatfool plugins show my_target.py
        neatfool plugins show experiment        # neatfool's own keys in [experiment]
    """
    from rich.markup import escape

    from neatfool.cli.named_plugins import describe_plugins
    from neatfool.config.ini_writer import write_value

    described = describe_plugins(name)
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    console = present.Output()
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
                words = re.sub(r"\*(\(.+?\))\*", r"\1", each["description"])  # Markdown's emphasis
                about = f"{words}  [{facts}]".strip()
                rows.append((printable(each["key"]), printable(about)))
            if rows:
                formatter = click.get_current_context().make_formatter()
                with formatter.indentation():
                    formatter.write_dl(rows)
                click.echo(formatter.getvalue(), nl=False)


@make_command
def check(
    name: str,
    *,
    settings: Annotated[Sequence[str], "--set KEY=VALUE", click.STRING] = (),
) -> None:
    """Check whether the plugin NAME keeps its contract.

    NAME is a plugin's name, KIND.NAME, a Python file, or a folder of them. The exit code is 3 if a
    check fails.

    Args:
        name: The plugin.
        settings: An option of the plugin, for the checks; may be given several times.

    Examples:
        neatfool plugins check mnist
        neatfool plugins check scheme.map_elites
        neatfool plugins check my_target.py --set weights=mine.safetensors
    """
    from rich.markup import escape
    from rich.table import Table

    from neatfool.cli.named_plugins import check_plugins

    results = check_plugins(name, settings)
    console = present.Output()
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


@make_command
def new(
    kind: Annotated[str, "KIND", click.Choice([*KINDS])],
    name: str,
    *,
    out: Annotated[Path | None, "DIR"] = None,
    package: bool = False,
) -> None:
    """Write a plugin to start from, with an experiment that uses it and tests that pass.

    KIND is target, encoding, scheme, view, model, detector, measure, activation, engine or
    observer. Experiments and commands will use NAME.

    Args:
        kind: What it is.
        name: What it is called.
        out: The folder to make.  [default: NAME; with --package, neatfool-NAME]
        package: Write a package that can be published as it is, `neatfool-NAME`: with a licence, a
            changelog, a workflow that tests and publishes it, and a badge.

    Examples:
        neatfool plugins new target bird_classifier
        neatfool plugins new scheme climb --out work/climb
        neatfool plugins new view darker --package
    """
    files = write_plugin(kind, name, out, package=package)
    folder, facts = files[0].parent, describe_package(kind, name, package=package)
    click.echo(f"{folder} has")
    for path in files:
        click.echo(f"  {path.relative_to(folder)}")
    experiment, use = f"neatfool run {folder / name}.ini", facts["use"]
    command = use if kind in USES else experiment
    steps = [f"neatfool plugins install -e {folder}"] if facts["only_installed"] else []
    click.echo("\n  ".join(["Try it:", *steps, str(command)]))
    click.echo(f"Test it (pip install pytest):\n  python -m pytest {folder}")


@make_command
def install(
    path: Annotated[Path, "PATH", FOLDER],
    *,
    editable: Annotated[bool, "-e, --editable"] = False,
) -> None:
    """Install the package in the folder PATH beside neatfool, and say which plugins it has.

    This runs `python -m pip install`, which also installs what the package needs. It runs code of
    the package.

    Args:
        path: The package's folder.
        editable: Install the folder itself, and not a copy of it.

    Examples:
        neatfool plugins install -e neatfool-darker   # what you change in it counts at once
        neatfool plugins install neatfool-darker

        To remove a plugin, uninstall its package: pip uninstall neatfool-darker
    """
    command = pip_command("install", *(["-e"] if editable else []), str(path.absolute()))
    command.append("--quiet")  # of pip only what went wrong
    click.echo(f"Running {shlex.join(command)}", err=True)
    before = {each for each, _ in installed_plugins()}
    if code := subprocess.run(command, check=False).returncode:  # noqa: S603 - the user's own folder
        raise PluginError(f"{path}: pip could not install it (exit code {code}); see above")
    forget_installed()
    entries = [each for each, _ in installed_plugins()]
    added = [each for each in entries if each not in before]
    for each in added:
        click.echo(f"Installed the {each.kind} {each.name} ({each.source} {each.version})")
    if not added:
        click.echo(f"No plugin is new; what {path} had before is installed again")


def pip_command(*arguments: str) -> list[str]:
    """Give the command that runs pip for this Python.

    Raises:
        PluginError: This Python has no pip.
    """
    if find_spec("pip") is None:
        python, rest = shlex.quote(sys.executable), shlex.join(arguments)
        raise PluginError(
            f"{python}: has no pip; get it by `{python} -m ensurepip`, or use what made this "
            f"environment: `uv pip {rest}`"
        )
    return [sys.executable, "-m", "pip", *arguments]


@click.group(
    cls=CommandGroup,
    commands={
        **{"list": list_plugins, "show": show_plugin},
        **{"check": check, "new": new, "install": install},
    },
    epilog="""\b
Examples:
  neatfool plugins list
  neatfool plugins show map_elites
  neatfool plugins new target mine
  neatfool plugins check mine/mine.py
  neatfool plugins install -e mine""",
)
def plugins() -> None:
    """List, describe, check, write and install plugins."""
