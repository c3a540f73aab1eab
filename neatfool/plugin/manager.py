"""Loads plugins by name and checks them. Errors name the plugin, its source and the cause."""

from __future__ import annotations

import inspect
from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import pluggy

from neatfool.errors import PluginError, blaming, cause, nearest, quoted
from neatfool.plugin import hookspecs
from neatfool.plugin.entries import (
    HOOKS_GROUP,
    PluginEntry,
    entry_points,
    installed_plugins,
    order,
)
from neatfool.plugin.files import import_file, plugin_files
from neatfool.plugin.hook_functions import call, hooks_of
from neatfool.plugin.observers import OBSERVER_HOOKS, Observers
from neatfool.plugin.registration import NoOptions, Registrar, Registration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint
    from pathlib import Path

    import click
    from pydantic import BaseModel

    from neatfool.run.run import Run

__all__ = ["NoOptions", "Observers", "PluginEntry", "PluginManager", "Registration"]

REGISTERING_HOOKS: Final = {
    "target": "neatfool_register_targets",
    "encoding": "neatfool_register_encodings",
    "scheme": "neatfool_register_schemes",
    "view": "neatfool_register_views",
    "observer": "neatfool_register_observers",
    "engine": "neatfool_register_engines",
}
COMMANDS_HOOK: Final = "neatfool_add_commands"
REPORT_HOOK: Final = "neatfool_write_report"


class PluginManager:
    """The plugins of one experiment. An installed one is imported when it is first needed."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager("neatfool")
        self._pluggy.add_hookspecs(hookspecs)
        self._installed = installed_plugins()
        self._has_further_hooks = False
        self._registrations: dict[tuple[str, str], list[Registration]] = defaultdict(list)
        self._files: set[Path] = set()

    def available(self) -> list[PluginEntry]:
        """List the installed plugins (without importing them) and those loaded from files."""
        installed = [entry for entry, _ in self._installed]
        known = {(entry.kind, entry.name, entry.origin) for entry in installed}
        loaded = [
            PluginEntry(made.kind, made.name, made.source)
            for registrations in self._registrations.values()
            for made in registrations
            if (made.kind, made.name, made.source) not in known
        ]
        return sorted(installed + loaded, key=lambda entry: (order(entry.kind), entry.name))

    def names(self, kind: str) -> list[str]:
        """List the names of a kind."""
        return sorted({entry.name for entry in self.available() if entry.kind == kind})

    def load(self, kind: str, name: str) -> Registration:
        """Load a target, encoding, scheme, view or engine by its name.

        Raises:
            PluginError: No plugin has the name, or two have, or it is broken.
        """
        entry = self._only_entry(kind, name)
        found = self._registrations.get((kind, name), [])
        sources = {made.source for made in found} | ({entry[0].origin} if entry else set())
        if len(sources) > 1:
            raise _ambiguous(kind, name, sources)
        if not found and entry is None:
            raise self._unknown(kind, name)
        if not found and entry is not None:
            self._import(*entry)
            found = self._registrations.get((kind, name), [])
        if not found:
            offered = [key for key, made in self._registrations.items() if made]
            names = [offer for of, offer in offered if of == kind]
            raise PluginError(
                f"{kind} {name!r} ({sources.pop()}): registers no {kind} of that name"
                f"{nearest(name, names)}"
            )
        return self._with_hooks(found[0])

    def load_observer(self, name: str) -> Registration | None:
        """Load an installed observer.

        Returns:
            Its registration if it has options: :meth:`add_observer` makes it. Else None.

        Raises:
            PluginError: No plugin has the name, or two have, or it is broken.
        """
        entry = self._only_entry("observer", name)
        plugin = self._import(*entry) if entry else None
        if entry is None or ("observer", name) in self._registrations:
            return self.load("observer", name)
        if not any(impl.plugin is plugin for hook in OBSERVER_HOOKS for impl in self._of(hook)):
            raise PluginError(f"observer {name!r} ({entry[0].origin}): implements no observer hook")
        return None

    def add_observer(self, made: Registration, options: BaseModel) -> None:
        """Make an observer that has options, in place of one of its name that was made before.

        Raises:
            PluginError: It cannot be made, or has no hook, or a wrong one.
        """
        with blaming(f"observer {made.name!r} ({made.source})"):
            observer = made.factory(options)
        if self._pluggy.has_plugin(made.name):
            self._pluggy.unregister(name=made.name)
        self.register_object(observer, made.name)

    def load_files(self, path: Path) -> None:
        """Load the plugins of a Python file, a package or a folder of modules, once each.

        Raises:
            PluginError: There is no such file, or it is broken, or no plugin.
        """
        files = plugin_files(path)
        hooks = 0
        for file in files:
            if file.resolve() in self._files:
                hooks += 1
                continue
            module = import_file(file)
            if self._hooks_of(module, str(file)) or len(files) == 1:
                self.register_object(module, str(file))
                hooks += 1
            self._files.add(file.resolve())
        if not hooks:
            raise PluginError(f"{path}: none of its modules implements a hook of neatfool")

    def commands(self, name: str) -> dict[str, click.Command]:
        """Load the commands of the plugin ``command.NAME``.

        Raises:
            PluginError: No plugin has the name, or two have, or it is broken.
        """
        import click

        group = click.Group()
        for impl, who in self._of_command(name, COMMANDS_HOOK):
            call(impl, who, cli=group)
        return dict(group.commands)

    def write_report(self, run: Run, path: Path) -> None:
        """Let the plugin ``command.report`` write a run's page.

        Raises:
            PluginError: It cannot be loaded, or writes no page.
        """
        for impl, _ in self._of_command("report", REPORT_HOOK):
            given: dict[str, object] = {"run": run, "path": path}
            impl.function(*(given[name] for name in impl.argnames))
            return
        raise PluginError(f"command 'report': does not implement the hook {REPORT_HOOK}")

    def _of_command(self, name: str, hook: str) -> list[tuple[pluggy.HookImpl, str]]:
        """Give a hook's implementation by the plugin ``command.NAME``, and the plugin in words."""
        entry = self._only_entry("command", name)
        if entry is None:
            raise PluginError(
                f"unknown command {quoted(name)}{nearest(name, self.names('command'))}"
            )
        plugin, who = self._import(*entry), f"command {name!r} ({entry[0].origin})"
        return [(impl, who) for impl in self._of(hook) if impl.plugin is plugin]

    def observers(self) -> Observers:
        """Give all observers that were loaded."""
        return Observers({hook: list(self._of(hook)) for hook in OBSERVER_HOOKS})

    def docstring(self, source: str) -> str | None:
        """Give the docstring of the loaded plugin that is from a source."""
        return inspect.getdoc(self._pluggy.get_plugin(source))

    def register_object(self, plugin: object, source: str) -> None:
        """Register a module, or another object, that implements hooks, unless it is already.

        Args:
            plugin: The module or object.
            source: Where it is from, for messages.

        Raises:
            PluginError: It implements no hook, or a misspelt one, or one with wrong arguments, or
                it registers something wrong. It is not registered then.
        """
        if any(plugin is other for _, other in self._pluggy.list_name_plugin()):
            return
        if not self._hooks_of(plugin, source):
            raise PluginError(
                f"{source}: implements no hook of neatfool; mark functions such as "
                f"{REGISTERING_HOOKS['target']} with @neatfool.hookimpl"
            )
        if self._pluggy.has_plugin(source):
            raise PluginError(f"{source}: there is a plugin of this source already")
        try:
            self._pluggy.register(plugin, name=source)
            self._pluggy.check_pending()
            registered = list(self._registered_by(plugin, source))
        except BaseException as error:
            if self._pluggy.has_plugin(source):
                self._pluggy.unregister(name=source)
            if isinstance(error, pluggy.PluginValidationError):
                text = " ".join(str(error).split())
                raise PluginError(f"{source}: {text}") from error
            raise
        for registration in registered:
            self._registrations[registration.kind, registration.name].append(registration)

    def _hooks_of(self, plugin: object, source: str) -> list[str]:
        """List the hooks that a plugin implements, of neatfool or of another installed plugin."""
        try:
            return hooks_of(self._pluggy, plugin, source)
        except PluginError:
            if self._has_further_hooks:
                raise
        self._has_further_hooks = True
        for point in entry_points(HOOKS_GROUP):
            self._pluggy.add_hookspecs(point.load())
        return hooks_of(self._pluggy, plugin, source)

    def _with_hooks(self, made: Registration) -> Registration:
        """Hand pluggy's hooks to a factory that has a parameter ``hook``, for its plugin's own."""
        if not self._has_further_hooks:
            return made
        wanted = made.wanted(hook=self._pluggy.hook)
        return replace(made, factory=partial(made.factory, **wanted))

    def _unknown(self, kind: str, name: str) -> PluginError:
        return PluginError(f"unknown {kind} {quoted(name)}{nearest(name, self.names(kind))}")

    def _only_entry(self, kind: str, name: str) -> tuple[PluginEntry, EntryPoint] | None:
        found = [pair for pair in self._installed if (pair[0].kind, pair[0].name) == (kind, name)]
        if len(found) > 1:
            raise _ambiguous(kind, name, {entry.origin for entry, _ in found})
        return found[0] if found else None

    def _import(self, entry: PluginEntry, point: EntryPoint) -> object:
        who = f"{entry.kind} {entry.name!r} ({entry.origin})"
        try:
            plugin: object = point.load()
        except (Exception, SystemExit) as error:
            raise PluginError(f"{who}: cannot be imported: {cause(error)}") from error
        try:
            self.register_object(plugin, entry.origin)
        except PluginError as error:
            raise PluginError(f"{entry.kind} {entry.name!r}: {error}") from error
        return plugin

    def _of(self, hook: str) -> Iterator[pluggy.HookImpl]:
        """Give a hook's implementations in pluggy's order of calls."""
        yield from reversed(getattr(self._pluggy.hook, hook).get_hookimpls())

    def _registered_by(self, plugin: object, source: str) -> Iterator[Registration]:
        for kind, hook in REGISTERING_HOOKS.items():
            for impl in self._of(hook):
                if impl.plugin is plugin:
                    register = Registrar(kind, source)
                    call(impl, source, register=register)
                    yield from register.made.values()


def _ambiguous(kind: str, name: str, sources: set[str]) -> PluginError:
    listed = " and ".join(sorted(sources))
    return PluginError(f"there are two {kind}s named {name!r}: {listed}; rename or remove one")
