"""The ``neatfool`` group: commands that are imported when needed, and errors as messages."""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final

import click

from neatfool.errors import (
    PluginError,
    agreement,
    nearest,
    printable,
)
from neatfool.machine import ignore_working_folder

if TYPE_CHECKING:
    from neatfool.plugin.manager import PluginManager

COMMANDS: Final = {
    "run": "neatfool.cli.run:run",
    "resume": "neatfool.cli.resume:resume",
    "validate": "neatfool.cli.validate:validate",
    "plugins": "neatfool.cli.plugins:plugins",
}
"""The commands that are no plugins, by ``module:attribute``."""
GROUPS: Final = {
    "Search": ("run", "resume", "validate", "experiments", "demo", "breed"),
    "Look": ("show", "runs", "watch", "report", "gallery", "render", "graph"),
    "Measure": ("verify", "audit"),
    "Share": ("export", "quiz"),
    "Extend": ("plugins", "serve", "mnist", "retrain"),
}
"""The groups of commands in the help, each with those that come first in it. Measures follow in
theirs by name, and all other commands in one of their own."""
OTHERS: Final = "Others"
OURS: Final = "commands"
"""The plugin with neatfool's own commands that read runs. No other plugin can replace one."""

_log = logging.getLogger("neatfool")


class CommandGroup(click.Group):
    """A click group that suggests similar commands for an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for an unknown name, suggest a similar one."""
        name = str(args[0])
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = nearest(name, self.list_commands(ctx))
            raise click.UsageError(f"unknown command {name!r}{near}", ctx)
        return super().resolve_command(ctx, args)


class MainGroup(CommandGroup):
    """Imports commands when they are needed, adds the plugins', and turns errors into messages."""

    @cached_property
    def plugins(self) -> PluginManager:
        """The manager that loads the plugins' commands."""
        from neatfool.plugin.manager import PluginManager

        return PluginManager()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands, group by group."""
        return [name for names in self.groups(ctx).values() for name in names]

    def groups(self, ctx: click.Context) -> dict[str, list[str]]:
        """List the names of the commands that are there, by the groups of the help."""
        measures, plugins = self.plugins.names("measure"), self.plugins.names("command")
        left = {*COMMANDS, *super().list_commands(ctx), *measures}
        left.update(name for plugin in plugins for name in self._load(plugin))
        groups = {
            group: [name for name in names if name in left] for group, names in GROUPS.items()
        }
        groups["Measure"] += [each for each in measures if each not in groups["Measure"]]
        left -= {each for names in groups.values() for each in names}
        return groups | {OTHERS: sorted(left)}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command, neatfool's before a plugin's."""
        if own := super().get_command(ctx, cmd_name):
            return own
        if cmd_name in COMMANDS:
            command: click.Command = resolve_name(COMMANDS[cmd_name])
            return command
        installed = self.plugins.names("command")
        first = [plugin for plugin in (OURS, cmd_name) if plugin in installed]
        known = next(filter(None, (self._load(each).get(cmd_name) for each in first)), None)
        # A measure may have no other command's name.
        if known is None and cmd_name in self.plugins.names("measure"):
            return self._load_measure(cmd_name)
        found = (self._load(plugin).get(cmd_name) for plugin in installed)
        return known or next(filter(None, found), None)

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run a command line and exit; errors are messages, wherever they happen."""
        ignore_working_folder()
        try:
            code = super().main(*args, **settings | {"standalone_mode": False})
        except (Exception, KeyboardInterrupt) as error:
            from neatfool.cli.error_messages import show_error, show_reworded

            if isinstance(error, click.ClickException):
                code = show_reworded(error)
            else:
                code = show_error(error)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> None:
        """Call a command; what it returns is no exit code."""
        debug = bool(ctx.params.get("debug"))
        _log.setLevel(logging.DEBUG if debug else logging.NOTSET)
        if debug:
            logging.basicConfig(format="%(message)s")
        agreement.set(_ask)
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever reads the output has seen enough
            from neatfool.cli.error_messages import silence

            silence(sys.stdout)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by groups; what a measure does stands in its plugin's docstring."""
        groups = self.groups(ctx)
        width = max(len(name) for names in groups.values() for name in names)
        limit = formatter.width - 6 - width
        for group, names in groups.items():
            rows = [
                (f"{name:{width}}", self._describe(ctx, name).get_short_help_str(limit))
                for name in names
            ]
            if rows:
                with formatter.section(group):
                    formatter.write_dl(rows)

    def _describe(self, ctx: click.Context, name: str) -> click.Command:
        measure = name in self.plugins.names("measure")
        found = None if measure else self.get_command(ctx, name)
        return found or click.Command(name, help=self.plugins.summary("measure", name))

    def _load_measure(self, name: str) -> click.Command:
        from neatfool.present.measure_command import make_measure_command

        try:
            return make_measure_command(name, self.plugins.load("measure", name).maker)
        except PluginError as error:
            return _broken(name, str(error))

    def _load(self, plugin: str) -> dict[str, click.Command]:
        try:
            return self.plugins.commands(plugin)
        except PluginError as error:
            return {plugin: _broken(plugin, str(error))}


def _ask(screen: str) -> bool:
    """Show what a run of somebody else reaches, and ask for a yes; no without a terminal."""
    if not _has_terminal():
        return False
    click.echo(printable(screen), err=True)
    return click.confirm("Do you agree?", err=True)


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _broken(name: str, cause: str) -> click.Command:
    def fail() -> None:
        raise PluginError(cause)

    return click.Command(
        name,
        {"ignore_unknown_options": True, "allow_extra_args": True},
        fail,
        short_help=f"(broken: {cause})",
        add_help_option=False,
    )
