"""Choices: a picked plugin with its validated options."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

from pydantic import BaseModel

from neatfool.config.ini import ConfigSection, ConfigValue, Problems, unquote
from neatfool.config.options import dump_options, own_sections, read_options
from neatfool.errors import ExperimentError, PluginError, RunError, blaming, nearest
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import RESERVED_KEYS, Registration
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.json import Json

PLUGIN_SECTIONS: Final = {
    "target": "",
    "encoding": "cppn",
    "scheme": "map_elites",
    "engine": "dask",
}
"""The sections that pick a plugin, with the default plugin; a target has no default."""

RECORDED: Final = "the run's experiment"
"""The place of a recorded option, for messages."""


def picked_kinds(sections: Mapping[str, ConfigSection]) -> list[str]:
    """List the kinds of plugins that sections pick: an engine only if its section has keys."""
    given = sections.get("engine", ConfigSection({}, "")).values
    return [kind for kind in PLUGIN_SECTIONS if kind != "engine" or given]


@contextmanager
def recorded_by_a_run() -> Iterator[None]:
    """Turn an ExperimentError into a RunError: nobody wrote the recorded experiment by hand."""
    try:
        yield
    except ExperimentError as error:
        cause = "the run's database is damaged, another version wrote it, or a file is gone"
        raise RunError(f"{error}; {cause}: use that version, or put the file back") from error


@runtime_checkable
class SpecProvider(Protocol):
    """A target's options that tell its spec before it is made."""

    def spec(self) -> ImageSpec | None:
        """Give the spec."""


@dataclass(frozen=True)
class PluginChoice:
    """A picked plugin, its validated options, and the section that they were read from."""

    registration: Registration
    options: BaseModel
    section: ConfigSection = field(default_factory=lambda: ConfigSection({}, ""), compare=False)

    @property
    def label(self) -> str:
        """Its kind, name and source, for messages."""
        return self.registration.label

    @property
    def costs(self) -> bool:
        """Whether a target's options say, before it is made, that it is metered."""
        return bool(getattr(self.options, "metered", False))

    def spec(self) -> ImageSpec | None:
        """Give a target's spec without making the target, if its options have a method ``spec``."""
        with blaming(self.label):
            return self.options.spec() if isinstance(self.options, SpecProvider) else None

    def sections(self) -> dict[str, dict[str, Json]]:
        """Write it as sections: first its own, then those of its inner models."""
        name, kind = self.registration.name, self.registration.kind
        if kind == "observer":
            return dump_options(self.options, name)
        dumped = dump_options(self.options, kind)
        return dumped | {kind: {"plugin": name, **dumped[kind]}}


def choose(
    plugins: PluginManager, kind: str, name: str, options: Mapping[str, Any] | None = None
) -> PluginChoice:
    """Pick a plugin from Python, with options by key; an inner section is a mapping by name."""
    inner = own_sections(plugins.load(kind, name).options)
    given = {"plugin": name, **(options or {})}
    sections = {inner[key]: value for key, value in given.items() if key in inner}
    own = {key: value for key, value in given.items() if key not in inner}
    return read_choice(kind, json_sections({kind: own, **sections}, ""), plugins)


def picked_name(kind: str, section: ConfigSection) -> str:
    """Give the name of the plugin that a section picks; its kind's default if it says none."""
    place = section.values.get("plugin")
    if place is None:
        return PLUGIN_SECTIONS[kind]
    # What a run recorded stands as it is.
    return str(place.given) if place.base is None else unquote(place.given)


def read_choice(
    kind: str, sections: Mapping[str, ConfigSection], plugins: PluginManager
) -> PluginChoice:
    """Load the plugin that section ``kind`` picks, and read its options."""
    problems = Problems()
    registration = read_registration(kind, sections, plugins, problems)
    choice = fill_choice(registration, sections, problems) if registration else None
    problems.raise_if_any()
    assert choice is not None
    return choice


def read_registration(
    kind: str,
    sections: Mapping[str, ConfigSection],
    plugins: PluginManager,
    problems: Problems,
    *,
    note_unknown: bool = True,
) -> Registration | None:
    """Load the plugin that section ``kind`` picks, if it exists; None after problems."""
    section = sections.get(kind, ConfigSection({}, ""))
    place = section.values.get("plugin", section)
    name = picked_name(kind, section)
    if not name:
        fault = f"missing; give 'plugin = NAME'{nearest(name, plugins.names(kind))}"
        problems.add_at(place, kind, "plugin", fault)
        return None
    try:
        return plugins.load(kind, name)
    except PluginError as error:
        if note_unknown or name in plugins.names(kind):
            problems.add_at(place, kind, "plugin", str(error), of_plugin=True)
        return None


def fill_choice(
    registration: Registration, sections: Mapping[str, ConfigSection], problems: Problems
) -> PluginChoice | None:
    """Read a plugin's options; None after problems."""
    kind, model = registration.kind, registration.options
    options = read_options(model, kind, sections, problems, reserved=RESERVED_KEYS[kind])
    section = sections.get(kind, ConfigSection({}, ""))
    return PluginChoice(registration, options, section) if options is not None else None


def json_sections(
    resolved: Mapping[str, Mapping[str, Json]], where: str
) -> dict[str, ConfigSection]:
    """Make sections of JSON values; ``where`` is their place, for messages."""
    return {
        name: ConfigSection(
            {key: ConfigValue(value, where) for key, value in values.items()}, where
        )
        for name, values in resolved.items()
    }
