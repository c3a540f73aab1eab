"""Choices: a picked plugin with its validated options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from pydantic import BaseModel

from neatfool.config.ini import ConfigSection, ConfigValue, Problems, unquote
from neatfool.config.options import dump_options, inner_models, plugin_names, read_options
from neatfool.errors import (
    ExperimentError,
    NeatfoolError,
    PluginError,
    RunError,
    blaming,
    nearest,
    option,
)
from neatfool.files import Json
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import RESERVED_KEYS, Registration
from neatfool.spec.image_spec import ImageSpec

if TYPE_CHECKING:
    from neatfool.cppn.activations import Activation

PLUGIN_SECTIONS: Final = {
    "target": "",
    "encoding": "cppn",
    "scheme": "map_elites",
    "engine": "dask",
}
"""The sections that pick a plugin, with the default plugin; a target has no default."""

_SPECIES: Final = "is read with [scheme] plugin = single_class only; pick that, or leave it out"
NEAT_SECTIONS: Final = {
    "NEAT": "is neat-python's; leave it out, and write [scheme] batch for its pop_size",
    "DefaultGenome": "is read with [encoding] plugin = cppn only; pick that, or leave it out",
    **dict.fromkeys(("DefaultSpeciesSet", "DefaultStagnation", "DefaultReproduction"), _SPECIES),
}
"""Sections of a file of neat-python: what to do if no plugin of an experiment reads them."""

ACTIVATIONS_SECTION: Final = "activations"
"""The section in which a run records whose the activations of plugins are, by name."""

RECORDED: Final = "the run's experiment"
"""The place of a recorded option, for messages."""


def picked_plugins(sections: Mapping[str, ConfigSection]) -> dict[str, str]:
    """Name the plugins that sections pick, by kind; an engine only if its section has keys."""
    picked = {}
    for kind, usual in PLUGIN_SECTIONS.items():
        values = sections.get(kind, ConfigSection({}, "")).values
        if kind != "engine" or values:
            place = values.get("plugin", ConfigValue(usual, ""))
            # What a run recorded stands as it is.
            picked[kind] = unquote(place.given) if place.base else str(place.given)
    return picked


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

    @property
    def activations(self) -> dict[str, Activation]:
        """The activations of plugins that the options name."""
        sections = json_sections(self.sections(), RECORDED)
        named = plugin_names(type(self.options), self.registration.section, sections)
        names = [name for _, _, names in named for name in names]
        if not names:
            return {}
        from neatfool.cppn.activations import ACTIVATIONS

        return {name: ACTIVATIONS[name] for name in names if ACTIVATIONS[name].source}

    def sections(self) -> dict[str, dict[str, Json]]:
        """Write it as sections: first its own, then those of its inner models."""
        made, section = self.registration, self.registration.section
        dumped = dump_options(self.options, section)
        plugin = {} if made.kind == "observer" else {"plugin": made.name}
        return dumped | {section: plugin | dumped[section]}

    def make(self, **given: Any) -> Any:
        """Call the plugin's factory with its options and what its kind is given."""
        with self.naming_its_section():
            return self.registration.make(self.options, **given)

    @contextmanager
    def naming_its_section(self) -> Iterator[None]:
        """Let an ExperimentError within name the section that the plugin was picked in."""
        kind, name = self.registration.kind, self.registration.name
        try:
            yield
        except ExperimentError as error:
            text = str(error)
            if text.startswith(f"[{kind}] "):
                raise ExperimentError(option(kind, text.removeprefix(f"[{kind}] "))) from error
            if f"[{kind}]" in text:
                raise
            raise ExperimentError(f"{option(kind, 'plugin')} = {name}: {text}") from error


class ChoiceReader:
    """Loads the plugins that sections pick, and reads their options; it notes problems."""

    def __init__(
        self, sections: Mapping[str, ConfigSection], plugins: PluginManager, problems: Problems
    ) -> None:
        self.sections, self.plugins, self.problems = sections, plugins, problems
        self._has_all_files = self._has_all_picked = True
        self._readers: Counter[str] = Counter()

    def load(self, paths: Iterable[Path], observers: Iterable[str]) -> Iterator[PluginChoice]:
        """Load files of plugins, and observers, of which those are given that have options."""
        for path in paths:
            try:
                self.plugins.load_files(path)
            except PluginError as error:
                self._note("plugins", "path", error)
                self._has_all_files = False
        for name in observers:
            try:
                if made := self.plugins.load_observer(name):
                    self._readers[name] += 1
                    if choice := self.fill(made):
                        self.plugins.add_observer(made, choice.options)
                        yield choice
            except PluginError as error:
                self._note("plugins", "observers", error)

    def read(self, kind: str) -> PluginChoice | None:
        """Load the plugin that a section picks, and read its options; None after problems."""
        name = picked_plugins(self.sections)[kind]
        try:
            made = self.plugins.load(kind, name)
        except PluginError as error:
            known = self.plugins.names(kind)
            self._has_all_picked = False
            if not name:
                fault = f"missing; give 'plugin = NAME'{nearest(name, known)}"
                self._note(kind, "plugin", ExperimentError(fault))
            elif self._has_all_files or name in known:
                self._note(kind, "plugin", error)
            return None
        self._readers.update(dict(inner_models(made.options).values()).keys())
        return self.fill(made)

    def check_sections(self, others: Collection[str]) -> None:
        """Note sections that no plugin reads nor are ``others``, and those that two read."""
        known = {*others, *self._readers}
        for name, section in self.sections.items():
            near = nearest(name, known)
            if name == ACTIVATIONS_SECTION:
                continue
            if name not in known and (self._has_all_picked or "did you mean" in near):
                fault = NEAT_SECTIONS.get(name, f"unknown section{near}")
                self.problems.add_at(section, name, "", fault)
        for name, count in self._readers.items():
            if count > 1 or name in others:
                fault = "two plugins read this section; use another plugin"
                self._note(name, "", PluginError(fault))

    def _add_activations(self, made: Registration) -> bool:
        """Add the activations of plugins that options name; False, and a note, if one fails."""
        added, recorded = True, self.sections.get(ACTIVATIONS_SECTION, ConfigSection({}, "")).values
        for section, key, names in plugin_names(made.options, made.section, self.sections):
            from neatfool.experiment.named_activations import add_activation

            for name in names:
                try:
                    ready = self._has_all_files
                    added &= add_activation(name, self.plugins, recorded, all_files=ready)
                except NeatfoolError as error:
                    self._note(section, key, error)
                    added = False
        return added

    def fill(self, made: Registration) -> PluginChoice | None:
        """Read the options of what is registered; None after problems."""
        if not self._add_activations(made):
            return None
        name, reserved = made.section, RESERVED_KEYS.get(made.kind, ())
        options = read_options(made.options, name, self.sections, self.problems, reserved=reserved)
        section = self.sections.get(name, ConfigSection({}, ""))
        return PluginChoice(made, options, section) if options is not None else None

    def _note(self, name: str, key: str, error: NeatfoolError) -> None:
        section = self.sections.get(name, ConfigSection({}, ""))
        of_plugin = isinstance(error, PluginError)
        place = section.values.get(key, section)
        self.problems.add_at(place, name, key, str(error), of_plugin=of_plugin)


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
