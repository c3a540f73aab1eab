"""Chooses a single plugin, from Python or as a run recorded it, without an experiment's file."""

from collections.abc import Mapping
from typing import Any

from neatfool.config.ini import ConfigSection, Problems
from neatfool.config.options import inner_models
from neatfool.experiment.plugin_choice import ChoiceReader, PluginChoice, json_sections
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import Registration


def choose(
    plugins: PluginManager, kind: str, name: str, options: Mapping[str, Any] | None = None
) -> PluginChoice:
    """Pick a plugin from Python, with options by key; an inner section is a mapping by name."""
    return choose_registered(plugins, plugins.load(kind, name), options)


def choose_registered(
    plugins: PluginManager, made: Registration, options: Mapping[str, Any] | None = None
) -> PluginChoice:
    """Pick what is registered, with options as :func:`choose` takes them."""
    inner = inner_models(made.options)
    given = {"plugin": made.name, **(options or {})}
    sections = {inner[key][0]: value for key, value in given.items() if key in inner}
    own = {key: value for key, value in given.items() if key not in inner}
    return read_registered(made, json_sections({made.section: own, **sections}, ""), plugins)


def read_choice(
    kind: str, sections: Mapping[str, ConfigSection], plugins: PluginManager
) -> PluginChoice:
    """Load the plugin that section ``kind`` picks, and read its options."""
    reader = ChoiceReader(sections, plugins, Problems())
    return _without_problems(reader, reader.read(kind))


def read_registered(
    made: Registration, sections: Mapping[str, ConfigSection], plugins: PluginManager
) -> PluginChoice:
    """Read the options of what is registered."""
    reader = ChoiceReader(sections, plugins, Problems())
    return _without_problems(reader, reader.fill(made))


def _without_problems(reader: ChoiceReader, choice: PluginChoice | None) -> PluginChoice:
    reader.problems.raise_if_any()
    assert choice is not None
    return choice
