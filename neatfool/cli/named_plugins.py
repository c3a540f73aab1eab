"""The plugins that a name on the command line stands for: found, described and checked."""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from neatfool import __version__
from neatfool.cli.main_group import COMMANDS, OURS
from neatfool.config.ini import Problems, override
from neatfool.config.option_help import OptionDescription, describe_options
from neatfool.config.options import read_options
from neatfool.errors import ExperimentError, NeatfoolError, PluginError, blaming, nearest
from neatfool.experiment.framework import OWN_KEYS
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import Registration
from neatfool.testing import CheckResult, ToyTarget, examine_plugin

HOOKS: Final = CheckResult("implements hooks as they are specified", passed=True)


def find_plugins(manager: PluginManager, name: str) -> list[tuple[str, str]]:
    """Find the (kind, name) of each plugin that a name or a path stands for."""
    before, path = manager.available(), Path(name)
    if not (name.endswith(".py") or "/" in name):
        pairs = dict.fromkeys((entry.kind, entry.name) for entry in before)
        if plugins := [pair for pair in pairs if name in (pair[1], ".".join(pair))]:
            return plugins
        if not path.is_dir() and not (path := Path(f"{name}.py")).is_file():
            known = {name for pair in pairs for name in (pair[1], ".".join(pair))}
            raise PluginError(f"unknown plugin {name!r}{nearest(name, known)}")
    manager.load_files(path)
    return [(entry.kind, entry.name) for entry in manager.available() if entry not in before]


def describe_plugins(name: str) -> list[dict[str, Any]]:
    """Describe all plugins that a name stands for, or a section of neatfool's own keys."""
    if model := OWN_KEYS.get(name):
        options = describe_options(model, name)
        return [_facts("section", name, f"neatfool {__version__}", model.__doc__, options)]
    manager = PluginManager()
    described = []
    for kind, plugin in find_plugins(manager, name):
        origins = {(each.kind, each.name): each.origin for each in manager.available()}
        source, options = origins[kind, plugin], {}
        if kind == "command":
            described += [
                _facts(kind, command_name, source, command.help, options)
                for command_name, command in manager.commands(plugin).items()
            ]
            continue
        made = manager.load_observer(plugin) if kind == "observer" else manager.load(kind, plugin)
        if made and kind != "measure":
            source = made.source
            with blaming(made.label):
                options = describe_options(made.options, made.section)
        described.append(_facts(kind, plugin, source, manager.docstring(source), options))
    if not described:
        raise PluginError(f"{name}: has only observers, and none with options")
    return described


def _facts(
    kind: str,
    name: str,
    source: str,
    text: str | None,
    options: Mapping[str, Sequence[OptionDescription]],
) -> dict[str, Any]:
    first = " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
    about = re.sub(r":[\w:]+:`~?\.?([^`]+)`", r"`\1`", first).replace("``", "`")
    sections = {section: [*map(asdict, each)] for section, each in options.items()}
    return {"kind": kind, "name": name, "source": source, "about": about, "sections": sections}


def check_plugins(name: str, settings: Sequence[str] = ()) -> dict[str, list[CheckResult]]:
    """Check all plugins that a name stands for, with options ``[section.]key=value``."""
    manager = PluginManager()
    plugins = find_plugins(manager, name)
    optioned = sum(kind != "command" for kind, _ in plugins)
    if settings and optioned != 1:
        raise ExperimentError(
            f"--set {settings[0]}: {name} has {optioned} plugins with options; give KIND.NAME"
        )
    if not plugins:
        return {name: [HOOKS, *examine_plugin("observer", manager.observers)]}
    return {" ".join(plugin): _check(manager, *plugin, settings) for plugin in plugins}


def _check(
    manager: PluginManager, kind: str, name: str, settings: Sequence[str]
) -> list[CheckResult]:
    loaded = CheckResult("can be loaded", passed=True)
    try:
        if kind == "command":
            return [_check_commands(manager, name)]
        if kind == "observer":
            if made := manager.load_observer(name):
                manager.add_observer(made, _read_settings(made, settings))
            return [HOOKS, *examine_plugin("observer", manager.observers)]
        made = manager.load(kind, name)
        options = _read_settings(made, settings)
        models = [options.model] if isinstance(options, ModelToCheck) and options.model else []
        make = partial(make_plugin, made, options)
        unnamed = isinstance(options, DetectorToCheck) and not options.name
        if unnamed and made.accepted_arguments(name=""):
            return [replace(loaded, message="has several detectors; choose: --set name=NAME")]
        return [loaded, *examine_plugin(kind, make, models=models)]
    except NeatfoolError as error:
        if settings and isinstance(error, ExperimentError):
            raise
        return [replace(loaded, passed=False, message=str(error))]


def _check_commands(manager: PluginManager, name: str) -> CheckResult:
    added = set(manager.commands(name))
    ours = set(COMMANDS) | (set(manager.commands(OURS)) if name != OURS else set())
    message = "adds no command; call cli.add_command(...) in neatfool_add_commands"
    if added:
        taken = min(added & ours, default="")
        message = f"neatfool has its own command {taken!r}; rename yours" if taken else ""
    return CheckResult("adds commands under free names", not message, message)


class ModelToCheck(BaseModel, extra="forbid"):
    """What ``--set`` says for the checks of a reader of models."""

    model: str = ""


class DetectorToCheck(BaseModel, extra="forbid"):
    """What ``--set`` says for the checks of detectors that have one name."""

    name: str = ""


TO_CHECK: Final[Mapping[str, type[BaseModel]]] = {
    "model": ModelToCheck,
    "detector": DetectorToCheck,
}
"""Kinds without options, and what the checks of them can be given instead."""


def make_plugin(registration: Registration, options: BaseModel, *arguments: Any) -> Any:
    """Make a plugin of the arguments that :func:`neatfool.testing.check_plugin` gives it."""
    names = {"encoding": ["spec"], "scheme": ["encoding", "spec", "seed"]}
    named = dict(zip(names.get(registration.kind, []), arguments, strict=True))
    match registration.kind:
        case "scheme":
            named |= registration.accepted_arguments(target=ToyTarget(named["spec"]))
        case "measure":
            return registration.maker
        case "activation":
            return registration.make()
        case "model" | "detector":
            return registration.maker(**registration.accepted_arguments(**options.model_dump()))
    return registration.maker(options, **named)


def _read_settings(registration: Registration, settings: Sequence[str]) -> BaseModel:
    kind = registration.kind
    named = [text if "." in text.partition("=")[0] else f"{kind}.{text}" for text in settings]
    problems = Problems()
    sections = override({}, named, Path.cwd())
    model = TO_CHECK.get(kind, registration.options)
    options = read_options(model, kind, sections, problems)
    problems.raise_if_any()
    assert options is not None
    return options
