"""Loads plugins by name and checks them, and calls observers.

Errors name the plugin, its source and the cause; those of observers never end a run.
"""

from __future__ import annotations

import inspect
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pluggy

from neatfool.errors import PluginError, blaming, cause, nearest, quoted
from neatfool.plugin import hookspecs
from neatfool.plugin.discovery import (
    HOOKS_GROUP,
    KINDS,
    PluginEntry,
    entry_points,
    hooks_in,
    installed_plugins,
    order,
)

if TYPE_CHECKING:
    import click
    import networkx as nx
    from pydantic import BaseModel

    from neatfool.plugin.registration import Registration
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport, Outcome
    from neatfool.spec.archive import Replacement


OBSERVER_HOOKS: Final = {
    "neatfool_run_started",
    "neatfool_generation_done",
    "neatfool_elite_replaced",
    "neatfool_run_finished",
}


class PluginManager:
    """The plugins of one experiment. An installed one is imported when it is first needed."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager("neatfool")
        self._pluggy.add_hookspecs(hookspecs)
        self._installed = installed_plugins()
        self._has_further_hooks = False
        self._registrations: dict[tuple[str, str], list[Registration]] = defaultdict(list)
        self._commands: dict[str, dict[str, click.Command]] = {}
        self._files: set[Path] = set()
        self._source = ""
        self._offers: dict[tuple[str, str], Registration] = {}
        for kind in KINDS[: KINDS.index("command")]:
            hook = getattr(self._pluggy.hook, f"neatfool_register_{kind}s")
            take = self._take_activation if kind == "activation" else partial(self._take, kind)
            hook.call_historic(kwargs={"register": take})

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
        """Load what has a name among its kind, such as the target ``mnist``."""
        entry = self._only_entry(kind, name)
        if entry and entry[0].problem:
            raise PluginError(entry[0].problem)
        key = (kind, name)
        made = self._registrations.get(key, [])
        sources = {each.source for each in made} | ({entry[0].origin} if entry else set())
        if len(sources) > 1:
            raise _ambiguous(kind, name, sources)
        if not made and entry:
            self._import(*entry)
            made = self._registrations.get(key, [])
            if not made:
                near = nearest(name, [offer for each, offer in self._registrations if each == kind])
                who = f"{kind} {name!r} ({entry[0].origin})"
                raise PluginError(f"{who}: registers no {kind} of that name{near}")
        if not made:
            raise self._unknown(kind, name)
        if not self._has_further_hooks or isinstance(made[0].factory, str):
            return made[0]
        # A factory that has a parameter ``hook`` gets pluggy's hooks, for its plugin's own.
        wanted = made[0].accepted_arguments(hook=self._pluggy.hook)
        return replace(made[0], factory=partial(made[0].factory, **wanted))

    def load_observer(self, name: str) -> Registration | None:
        """Load an installed observer; if it has options, :meth:`add_observer` makes it then."""
        entry = self._only_entry("observer", name)
        plugin = self._import(*entry) if entry else None
        if entry is None or ("observer", name) in self._registrations:
            return self.load("observer", name)
        if not OBSERVER_HOOKS.intersection(self._hooks_of(plugin)):
            raise PluginError(f"observer {name!r} ({entry[0].origin}): implements no observer hook")
        return None

    def add_observer(self, made: Registration, options: BaseModel) -> None:
        """Make an observer that has options, in place of one of its name that was made before."""
        observer = made.make(options)
        if self._pluggy.has_plugin(made.name):
            self._pluggy.unregister(name=made.name)
        self.register_object(observer, made.name)

    def load_files(self, path: Path) -> None:
        """Load the plugins of a Python file, a package or a folder of modules, once each."""
        from neatfool.plugin.files import import_file, plugin_files

        hooks = False
        for file in plugin_files(path):
            known = file.resolve() in self._files
            hooks |= known or self._register(import_file(file), str(file))
            self._files.add(file.resolve())
        if not hooks:
            raise PluginError(f"{path}: implements no hook of neatfool; {_MARK}")

    def commands(self, name: str) -> dict[str, click.Command]:
        """Load the commands of the plugin ``command.NAME``."""
        import click

        if name in self._commands:
            return self._commands[name]
        entry = self._only_entry("command", name)
        if entry is None:
            raise self._unknown("command", name)
        group, plugin = click.Group(), _import(*entry)
        with suppress(pluggy.PluginValidationError):
            if (hook := hooks_of(plugin, name).neatfool_add_commands).get_hookimpls():
                with blaming(f"command {name!r} ({entry[0].origin})"):
                    hook(cli=group)
                return self._commands.setdefault(name, dict(group.commands))
        self._import(*entry)  # It says what is wrong.
        return {}

    def summary(self, kind: str, name: str) -> str:
        """Give the docstring of an installed plugin's module; or why it cannot be imported."""
        entry = self._only_entry(kind, name)
        try:
            return inspect.getdoc(_import(*entry)) or "" if entry else ""
        except PluginError as error:
            return f"(broken: {error})"

    def write_report(self, run: Run, path: Path) -> None:
        """Let the plugin ``command.report`` write a run's page."""
        if entry := self._only_entry("command", "report"):
            self._import(*entry)
        if self._pluggy.hook.neatfool_write_report(run=run, path=path) is None:
            raise PluginError("command 'report': no plugin implements neatfool_write_report")

    def report_blocks(self, run: Run, phylogeny: nx.DiGraph) -> list[Any]:
        """Collect what the installed measures add to a run's report, by the measures' names."""
        measures = (pair for pair in self._installed if pair[0].kind == "measure")
        for entry, point in measures:
            # A module's source says so; another object is imported to be asked.
            if point.attr or "neatfool_report_blocks" in hooks_in(point.module):
                with suppress(PluginError):  # A plugin that is broken adds nothing.
                    self._import(entry, point)
        asked = self._pluggy.hook.neatfool_report_blocks(run=run, phylogeny=phylogeny)
        return [block for blocks in reversed(asked) for block in blocks]

    def observers(self) -> Observers:
        """Give all observers that were loaded."""
        return Observers(dict(reversed(self._pluggy.list_name_plugin())))

    def docstring(self, source: str) -> str | None:
        """Give the docstring of the loaded plugin that is from a source."""
        return inspect.getdoc(self._pluggy.get_plugin(source))

    def register_object(self, plugin: object, source: str) -> None:
        """Register a module or object that implements hooks, from a source that messages name."""
        if not self._register(plugin, source):
            raise PluginError(f"{source}: implements no hook of neatfool; {_MARK}")

    def _register(self, plugin: object, source: str) -> bool:
        """Register a plugin, unless it is already; False, and nothing, if it has no hook."""
        if self._pluggy.is_registered(plugin):
            return True
        if self._pluggy.has_plugin(source):
            raise PluginError(f"{source}: there is a plugin of this source already")
        self._source, self._offers = source, {}
        try:
            self._pluggy.register(plugin, name=source)
            self._check_hooks(plugin)
        except BaseException as error:
            self._pluggy.unregister(name=source)
            if isinstance(error, PluginError) or not isinstance(error, Exception | SystemExit):
                raise
            misfit = isinstance(error, pluggy.PluginValidationError)
            fault = " ".join(str(error).split()) if misfit else cause(error)
            raise PluginError(f"{source}: {fault}") from error
        if not self._hooks_of(plugin):
            self._pluggy.unregister(name=source)
            return False
        for key, registration in self._offers.items():
            self._registrations[key].append(registration)
        return True

    def _take(
        self,
        kind: str,
        name: str,
        factory: Callable[..., Any] | str,
        *,
        options: type[BaseModel] | None = None,
    ) -> None:
        # `neatfool --help` needs no options, and does not wait for pydantic.
        from neatfool.config.annotations import key_of
        from neatfool.plugin.registration import RESERVED_KEYS, NoOptions, Registration

        who = f"{self._source}: register({name!r}, ...)"
        options = options or NoOptions
        keys = {key_of(field_name, field) for field_name, field in options.model_fields.items()}
        if taken := keys & {*RESERVED_KEYS.get(kind, ())}:
            fault = f"the option {min(taken)!r} is neatfool's own in [{kind}]; rename it"
            raise PluginError(f"{who}: {fault}")
        if (kind, name) in self._offers:
            raise PluginError(f"{who}: registers two {kind}s of this name; rename one")
        self._offers[kind, name] = Registration(name, kind, factory, options, self._source)

    def _take_activation(self, name: str, formula: Callable[..., Any], **look: Any) -> None:
        from neatfool.cppn.custom_activations import offer_activation

        self._take("activation", name, offer_activation(self._source, name, formula, **look))

    def _hooks_of(self, plugin: object) -> dict[str, pluggy.HookCaller]:
        return {caller.name: caller for caller in self._pluggy.get_hookcallers(plugin) or ()}

    def _check_hooks(self, plugin: object) -> None:
        """Check that a plugin's hooks are neatfool's, or of an installed plugin, and are marked."""
        hooks = self._hooks_of(plugin)
        unknown = [name for name, caller in hooks.items() if not caller.has_spec()]
        if unknown and not self._has_further_hooks:
            self._has_further_hooks = True
            for point in entry_points(HOOKS_GROUP):
                self._pluggy.add_hookspecs(point.load())
            unknown = [name for name, caller in hooks.items() if not caller.has_spec()]
        if unknown:
            callers = vars(self._pluggy.hook).items()
            known = [name for name, caller in callers if caller.has_spec()]
            near = nearest(unknown[0], known, count=1)
            raise PluginError(f"{self._source}: there is no hook {unknown[0]!r}{near}")
        for name in dir(plugin):
            if (
                name.startswith("neatfool_")
                and inspect.isroutine(inspect.getattr_static(plugin, name))
                and not self._pluggy.parse_hookimpl_opts(plugin, name)
                and not self._pluggy.parse_hookspec_opts(plugin, name)  # type: ignore[arg-type]  # any object
            ):
                mend = "put @neatfool.hookimpl above it"
                raise PluginError(f"{self._source}: {name} is not marked as a hook; {mend}")

    def _unknown(self, kind: str, name: str) -> PluginError:
        return PluginError(f"unknown {kind} {quoted(name)}{nearest(name, self.names(kind))}")

    def _only_entry(self, kind: str, name: str) -> tuple[PluginEntry, EntryPoint] | None:
        pairs = [pair for pair in self._installed if (pair[0].kind, pair[0].name) == (kind, name)]
        if len(pairs) > 1:
            raise _ambiguous(kind, name, {entry.origin for entry, _ in pairs})
        return pairs[0] if pairs else None

    def _import(self, entry: PluginEntry, point: EntryPoint) -> object:
        plugin = _import(entry, point)
        try:
            self.register_object(plugin, entry.origin)
        except PluginError as error:
            raise PluginError(f"{entry.kind} {entry.name!r}: {error}") from error
        return plugin


def _import(entry: PluginEntry, point: EntryPoint) -> object:
    try:
        plugin: object = point.load()
    except (Exception, SystemExit) as error:
        who = f"{entry.kind} {entry.name!r} ({entry.origin})"
        raise PluginError(f"{who}: cannot be imported: {cause(error)}") from error
    return plugin


_MARK: Final = "mark functions such as neatfool_register_targets with @neatfool.hookimpl"


def _ambiguous(kind: str, name: str, sources: set[str]) -> PluginError:
    listed = " and ".join(sorted(sources))
    return PluginError(f"there are two {kind}s named {name!r}: {listed}; rename or remove one")


FAILURES: Final = 3
"""An observer that fails this often is switched off: once may be chance, three times is a bug."""

_log = logging.getLogger("neatfool.observers")


def hooks_of(plugin: object, name: str) -> pluggy.HookRelay:
    """Give neatfool's hooks as one plugin implements them, to call it alone."""
    alone = pluggy.PluginManager("neatfool")
    alone.add_hookspecs(hookspecs)
    alone.register(plugin, name)
    return alone.hook


class Observers:
    """The observers of a run; one that raises is logged, and switched off after three failures."""

    def __init__(self, plugins: Mapping[str, object]) -> None:
        """Take plugins by name, in the order of calls. Other hooks of theirs are not called."""
        self._hooks = {name: hooks_of(plugin, name) for name, plugin in plugins.items()}
        self._failures: Counter[str] = Counter()

    def run_started(self, run: Run) -> None:
        """Call ``neatfool_run_started``."""
        self._tell("neatfool_run_started", run=run)

    def generation_done(self, run: Run, report: GenerationReport) -> None:
        """Call ``neatfool_generation_done``."""
        self._tell("neatfool_generation_done", run=run, report=report)

    def elite_replaced(self, run: Run, replacement: Replacement) -> None:
        """Call ``neatfool_elite_replaced``."""
        self._tell("neatfool_elite_replaced", run=run, replacement=replacement)

    def run_finished(self, run: Run, outcome: Outcome) -> None:
        """Call ``neatfool_run_finished``."""
        self._tell("neatfool_run_finished", run=run, outcome=outcome)

    def _tell(self, event: str, **given: Any) -> None:
        for name, hook in tuple(self._hooks.items()):
            try:
                getattr(hook, event)(**given)
            except (Exception, SystemExit) as error:
                self._failures[name] += 1
                end = ""
                if self._failures[name] >= FAILURES:
                    end = f"; it failed {FAILURES} times and is switched off"
                    del self._hooks[name]
                shown = error if _log.isEnabledFor(logging.DEBUG) else None
                what = "observer %s: %s: %s%s"
                _log.warning(what, name, event, cause(error), end, exc_info=shown)
