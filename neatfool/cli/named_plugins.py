"""The plugins that a name on the command line stands for: found, described and checked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neatfool import __version__
from neatfool.cli import COMMANDS
from neatfool.cli.main_group import OURS
from neatfool.config.described import describe_options
from neatfool.config.ini import override
from neatfool.config.options import read_options
from neatfool.config.problems import Problems
from neatfool.errors import ExperimentError, PluginError, blaming, nearest
from neatfool.experiment.framework import OWN_KEYS
from neatfool.plugin.manager import PluginManager, views
from neatfool.plugin.registration import RESERVED_KEYS, Registration
from neatfool.testing import CheckResult, check_observers, check_registration

if TYPE_CHECKING:
    from pydantic import BaseModel

    from neatfool.config.described import DescribedOption

LOADED = "can be loaded"
HOOKS = "implements hooks as they are specified"
NO_CHECKS = {"view", "model", "detector"}
COMMANDS_FREE = "adds commands under free names"


@dataclass(frozen=True)
class DescribedPlugin:
    """A plugin, or a section of an experiment with keys of neatfool's own."""

    kind: str
    """What it is; ``"section"`` for a section."""
    name: str
    """Its name."""
    source: str
    """Where it is from."""
    about: str
    """The first paragraph of its docstring."""
    sections: Mapping[str, Sequence[DescribedOption]]
    """Section -> its options."""


def find_plugins(manager: PluginManager, name: str) -> list[tuple[str, str]]:
    """Find all plugins that a name stands for.

    Args:
        manager: Loads a file's plugins.
        name: A plugin's name, ``kind.name``, or a path to a Python file or folder. ``name`` also
            stands for a folder ``name`` or for ``name.py`` in the current folder, if no plugin of
            that name is installed.

    Returns:
        The kind and name of each plugin; none for a file with only observers.

    Raises:
        PluginError: The plugin does not exist, or the file is broken.
    """
    if name.endswith(".py") or "/" in name:
        return _load_files(manager, Path(name))
    pairs = dict.fromkeys((entry.kind, entry.name) for entry in manager.available())
    if plugins := [pair for pair in pairs if name in (pair[1], ".".join(pair))]:
        return plugins
    if Path(name).is_dir():
        return _load_files(manager, Path(name))
    file = Path(f"{name.rpartition('.')[2]}.py")
    if file.is_file() and file.stem == name:
        return _load_files(manager, file)
    known = {name for pair in pairs for name in (pair[1], ".".join(pair))}
    hint = f"; for the file {file}, give '{file}'" if file.is_file() else nearest(name, known)
    raise PluginError(f"unknown plugin {name!r}{hint}")


def _load_files(manager: PluginManager, path: Path) -> list[tuple[str, str]]:
    before = manager.available()
    manager.load_files(path)
    return [(entry.kind, entry.name) for entry in manager.available() if entry not in before]


def describe_plugins(name: str) -> list[DescribedPlugin]:
    """Describe all plugins that a name stands for.

    Args:
        name: As for :func:`find_plugins`; or ``"experiment"``,
            ``"plugins"`` or ``"target"``, for neatfool's own keys in that section.

    Raises:
        PluginError: There is no such plugin, or it is broken.
    """
    if model := OWN_KEYS.get(name):
        about = _first_paragraph(model.__doc__)
        own = describe_options(model, name)
        return [DescribedPlugin("section", name, f"neatfool {__version__}", about, own)]
    manager = PluginManager()
    plugins = find_plugins(manager, name)
    if not plugins:
        raise PluginError(f"{name}: has only observers, and none with options")
    return [_describe(manager, kind, plugin) for kind, plugin in plugins]


def _describe(manager: PluginManager, kind: str, name: str) -> DescribedPlugin:
    sections = {}
    if kind == "command":
        manager.commands(name)
    made = manager.load_observer(name) if kind == "observer" else None
    if kind in RESERVED_KEYS or made:
        made = made or manager.load(kind, name)
        source = made.source
        with blaming(f"{kind} {name!r} ({source})"):
            sections = describe_options(made.options, name if kind == "observer" else kind)
    else:
        source = next(
            entry.origin
            for entry in manager.available()
            if (entry.kind, entry.name) == (kind, name)
        )
    about = _first_paragraph(manager.docstring(source))
    return DescribedPlugin(kind, name, source, about, sections)


def _first_paragraph(docstring: str | None) -> str:
    """Give a docstring's first paragraph in one line, without its markup."""
    first = " ".join(inspect.cleandoc(docstring or "").partition("\n\n")[0].split())
    return re.sub(r":[\w:]+:`~?\.?([^`]+)`", r"`\1`", first).replace("``", "`")


def check_plugins(name: str, settings: Sequence[str] = ()) -> dict[str, list[CheckResult]]:
    """Check all plugins that a name stands for.

    Args:
        name: As for :func:`find_plugins`.
        settings: Options of the plugin, as ``key=value``, or ``section.key=value`` for its other
            sections.

    Returns:
        The results for each plugin, by its kind and name.

    Raises:
        PluginError: The plugin does not exist, or the file is broken.
        ExperimentError: A setting is wrong, or fits none or several plugins.
    """
    manager = PluginManager()
    plugins = find_plugins(manager, name)
    optioned = sum(kind in {*RESERVED_KEYS, "observer"} for kind, _ in plugins)
    if settings and optioned != 1:
        raise ExperimentError(
            f"--set {settings[0]}: {name} stands for {optioned} plugins with options; give "
            "KIND.NAME"
        )
    if not plugins:
        hooks = CheckResult(HOOKS, passed=True)
        return {name: [hooks, *check_observers(manager.observers())]}
    return {" ".join(plugin): _check(manager, *plugin, settings) for plugin in plugins}


def _check(
    manager: PluginManager, kind: str, name: str, settings: Sequence[str]
) -> list[CheckResult]:
    try:
        if kind == "command":
            ours = set(COMMANDS) | (set(manager.commands(OURS)) if name != OURS else set())
            return [_check_names(manager.commands(name), ours)]
        if kind == "observer":
            if made := manager.load_observer(name):
                manager.add_observer(made, _read_settings(made, settings) or made.options())
            hooks = CheckResult(HOOKS, passed=True)
            return [hooks, *check_observers(manager.observers())]
        if kind not in RESERVED_KEYS:
            problems = (entry.problem for entry in manager.available() if entry.name == name)
            return [CheckResult(LOADED, passed=False, message=next(problems))]
        made = manager.load(kind, name)
        if kind == "view":
            views([name], manager)
        more = () if kind in NO_CHECKS else check_registration(made, _read_settings(made, settings))
        return [CheckResult(LOADED, passed=True), *more]
    except PluginError as error:
        return [CheckResult(LOADED, passed=False, message=str(error))]


def _read_settings(registration: Registration, settings: Sequence[str]) -> BaseModel | None:
    if not settings:
        return None
    kind = registration.kind
    with_section = [
        text if "." in text.partition("=")[0] else f"{kind}.{text}" for text in settings
    ]
    sections = override({}, with_section, Path.cwd())
    problems = Problems()
    options = read_options(registration.options, kind, sections, problems)
    problems.raise_if_any()
    return options


def _check_names(commands: Mapping[str, object], ours: set[str]) -> CheckResult:
    taken = sorted(set(commands) & ours)
    message = f"neatfool has its own command {taken[0]!r}; rename yours" if taken else ""
    if not commands:
        message = "adds no command; call cli.add_command(...) in neatfool_add_commands"
    return CheckResult(COMMANDS_FREE, passed=not message, message=message)
