"""Checks an experiment file without importing its plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from neatfool.config.options import read_options
from neatfool.config.problems import Problems
from neatfool.config.values import unquote, write_value
from neatfool.errors import nearest, quoted
from neatfool.experiment.choice import PLUGIN_SECTIONS, picked_kinds
from neatfool.experiment.experiment import find_experiment, read_given
from neatfool.experiment.framework import FRAMEWORK_SECTIONS, Views, read_framework, safe_name
from neatfool.plugin.entries import installed_plugins

if TYPE_CHECKING:
    from neatfool.config.values import Section
    from neatfool.spec.json import Json


def validate_framework_only(
    path: Path | str, *, overrides: Sequence[str] = (), seed: int | None = None
) -> str:
    """Check an experiment file's form and the framework's keys, without importing plugins.

    Returns:
        INI text: the framework's keys with their defaults, and all others as they were given.

    Raises:
        ExperimentError: Something is wrong; the message has a line for each problem.
        PluginError: A plugin is not installed, and nothing else is wrong.
    """
    path, problems = find_experiment(path), Problems()
    _, sections = read_given(path, overrides, seed, problems)
    general, sources, calls = read_framework(sections, problems)
    _check_names(sections, problems, whole=not sources.path)
    installed = {entry.name for entry, _ in installed_plugins() if entry.kind == "view"}
    names = sections["views"].values if sources.path else installed
    views = read_options(Views, "views", sections, problems, reserved=[*names])
    for name, section in sections.items():
        if name not in FRAMEWORK_SECTIONS and get_close_matches(
            name, FRAMEWORK_SECTIONS, cutoff=0.8
        ):
            near = nearest(name, FRAMEWORK_SECTIONS)
            problems.add_at(section, name, "", f"unknown section{near}")
    problems.raise_if_any()
    own: dict[str, dict[str, Json]] = {
        "experiment": general.model_dump() | {"name": general.name or safe_name(path.stem)},
        "plugins": sources.model_dump(mode="json"),
        "target": calls.model_dump(),
        "views": views.model_dump() if views and sections["views"].values else {},
    }
    written = []
    for section in dict.fromkeys((*FRAMEWORK_SECTIONS, *sections)):
        keys = {key: write_value(v) for key, v in own.get(section, {}).items() if v is not None}
        if section in picked_kinds(sections):
            keys = {"plugin": PLUGIN_SECTIONS[section]} | keys
        keys |= {
            key: value.given.replace("\n", "\n    ")
            for key, value in sections[section].values.items()
            if key not in own.get(section, {})
        }
        if keys:
            lines = [f"{key} = {text}".rstrip() for key, text in keys.items()]
            written.append("\n".join([f"[{section}]", *lines, ""]))
    return "\n".join(written)


def _check_names(sections: Mapping[str, Section], problems: Problems, *, whole: bool) -> None:
    """Note missing names of plugins, and if all are installed, those of plugins that are not."""
    for kind in picked_kinds(sections):
        installed = {entry.name for entry, _ in installed_plugins() if entry.kind == kind}
        section = sections[kind]
        value = section.values.get("plugin")
        name = unquote(value.given) if value else PLUGIN_SECTIONS[kind]
        if not name:
            fault = f"missing; give 'plugin = NAME'{nearest(name, installed)}"
            problems.add_at(value or section, kind, "plugin", fault)
        elif name not in installed and whole:
            fault = f"unknown {kind} {quoted(name)}{nearest(name, installed)}"
            problems.add_at(value or section, kind, "plugin", fault, of_plugin=True)
