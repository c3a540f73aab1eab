"""Finds the plugins that a name stands for, and checks them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neatfool.cli import COMMANDS
from neatfool.cli.main_group import OURS
from neatfool.cli.plugin_names import find_plugins
from neatfool.config.ini import override
from neatfool.config.options import read_options
from neatfool.config.problems import Problems
from neatfool.errors import ExperimentError, PluginError
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import RESERVED_KEYS, Registration
from neatfool.plugin.views import views
from neatfool.testing import CheckResult, check_observers, check_registration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

LOADED = "can be loaded"
HOOKS = "implements hooks as they are specified"
NO_CHECKS = {"view", "model", "detector"}
COMMANDS_FREE = "adds commands under free names"


def check_plugins(name: str, settings: Sequence[str] = ()) -> dict[str, list[CheckResult]]:
    """Check all plugins that a name stands for.

    Args:
        name: As for :func:`~neatfool.cli.plugin_names.find_plugins`.
        settings: Options of the plugin, as ``key=value``, or ``section.key=value`` for its other
            sections.

    Returns:
        The results for each plugin, by its kind and name.

    Raises:
        PluginError: The plugin does not exist, or the file is broken.
        ExperimentError: A setting is wrong, or fits none or several plugins.
    """
    manager = PluginManager()
    found = find_plugins(manager, name)
    optioned = [(kind, of) for kind, of in found if kind in {*RESERVED_KEYS, "observer"}]
    if settings and len(optioned) != 1:
        raise ExperimentError(
            f"--set {settings[0]}: {name} stands for {len(optioned)} plugins with options; give "
            "KIND.NAME"
        )
    if not found:
        hooks = CheckResult(HOOKS, passed=True)
        return {name: [hooks, *check_observers(manager.observers())]}
    return {f"{kind} {of}": _check(manager, kind, of, settings) for kind, of in found}


def _check(
    manager: PluginManager, kind: str, name: str, settings: Sequence[str]
) -> list[CheckResult]:
    try:
        if kind in RESERVED_KEYS:
            registration = manager.load(kind, name)
            loaded = CheckResult(LOADED, passed=True)
            if kind == "view":
                views([name], manager)
            if kind in NO_CHECKS:
                return [loaded]
            return [
                loaded,
                *check_registration(registration, _read_settings(registration, settings)),
            ]
        if kind == "observer":
            if made := manager.load_observer(name):
                manager.add_observer(made, _read_settings(made, settings) or made.options())
            hooks = CheckResult(HOOKS, passed=True)
            return [hooks, *check_observers(manager.observers())]
        if kind == "command":
            ours = set(COMMANDS) | (set(manager.commands(OURS)) if name != OURS else set())
            return [_check_names(manager.commands(name), ours)]
    except PluginError as error:
        return [CheckResult(LOADED, passed=False, message=str(error))]
    problem = next(entry.problem for entry in manager.available() if entry.name == name)
    return [CheckResult(LOADED, passed=False, message=problem)]


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
