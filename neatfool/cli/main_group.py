"""The ``neatfool`` group: commands that are imported when needed, and errors as messages."""

from __future__ import annotations

import errno
import logging
import sys
from functools import cached_property
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final

import click

from neatfool.cli.failures import exit_code_of, reworded
from neatfool.errors import PluginError, agreement, nearest, printable

if TYPE_CHECKING:
    from neatfool.plugin.manager import PluginManager

COMMANDS: Final = {
    "run": "neatfool.cli.run:run",
    "resume": "neatfool.cli.run:resume",
    "validate": "neatfool.cli.validate:validate",
    "bench": "neatfool.cli.bench:bench",
    "plugins": "neatfool.cli.plugins:plugins",
}
"""The commands that are no plugins, by ``module:attribute``."""
FIRST: Final = [
    *("run", "resume", "show", "verify", "report", "graph", "render"),
    *("validate", "bench", "plugins"),
]
"""The commands that help lists first, in this order; the others follow by name."""
OURS: Final = "commands"
"""The plugin with neatfool's own commands that read runs. No other plugin can replace one."""


class Group(click.Group):
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


class MainGroup(Group):
    """Imports commands when they are needed, adds the plugins', and turns errors into messages.

    A plugin is imported only for help and for its own commands; ``OURS`` for those of any plugin,
    as it comes first. Help lists a broken plugin; only its use is an error.
    """

    @cached_property
    def plugins(self) -> PluginManager:
        """The manager that loads the plugins' commands."""
        from neatfool.plugin.manager import PluginManager

        return PluginManager()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands of ``FIRST`` that are there, and then the others by name."""
        names = sorted({*COMMANDS, *super().list_commands(ctx), *self._load_all()})
        return sorted(names, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command, neatfool's before a plugin's."""
        if own := super().get_command(ctx, cmd_name):
            return own
        if cmd_name in COMMANDS:
            command: click.Command = resolve_name(COMMANDS[cmd_name])
            return command
        installed = self.plugins.names("command")
        for plugin in (OURS, cmd_name):
            if plugin in installed and (found := self._load(plugin).get(cmd_name)):
                return found
        return self._load_all().get(cmd_name)

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Read the options before the command."""
        with reworded():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Call a command; print errors as messages and exit with their codes."""
        debug = bool(ctx.params.get("debug"))
        logging.getLogger("neatfool").setLevel(logging.DEBUG if debug else logging.NOTSET)
        if debug:
            logging.basicConfig(format="%(message)s")
        agreement.set(_ask)
        try:
            with reworded():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            raise click.exceptions.Exit(exit_code_of(error, debug=debug)) from error

    def _load_all(self) -> dict[str, click.Command]:
        commands: dict[str, click.Command] = {}
        providers: dict[str, str] = {}
        for plugin in self.plugins.names("command"):
            for name, command in self._load(plugin).items():
                if name in commands:
                    both = f"the plugins {providers[name]!r} and {plugin!r} both add it"
                    commands[name] = _broken(name, f"command {name!r}: {both}; remove one")
                else:
                    commands[name] = command
                    providers[name] = plugin
        return commands

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
    """Make a command whose plugin is broken."""

    def fail() -> None:
        raise PluginError(cause)

    return click.Command(
        name,
        {"ignore_unknown_options": True, "allow_extra_args": True},
        fail,
        short_help=f"(broken: {cause})",
        add_help_option=False,
    )
