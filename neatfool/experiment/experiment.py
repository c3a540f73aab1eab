"""Experiments, read from an INI file or from a run's records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool.config.ini import ConfigSection, ConfigValue, Problems, override, read_ini, unquote
from neatfool.errors import RunError
from neatfool.experiment.framework import (
    FRAMEWORK_SECTIONS,
    LENGTHS,
    CallSettings,
    GeneralSettings,
    read_framework,
    safe_name,
)
from neatfool.experiment.plugin_choice import (
    ACTIVATIONS_SECTION,
    RECORDED,
    ChoiceReader,
    PluginChoice,
    json_sections,
    picked_plugins,
    recorded_by_a_run,
)
from neatfool.files import Json
from neatfool.plugin.manager import PluginManager
from neatfool.run.folder import parts_from_python
from neatfool.wording import listed

if TYPE_CHECKING:
    from neatfool.experiment.view_settings import ViewSettings

NOT_OF_THE_RESULT: Final = (
    ("plugins", "observers"),
    ("target", "max_queries"),
    ("target", "max_requests"),
    ("target", "threshold"),
)


@dataclass(frozen=True)
class Experiment:
    """What to run.

    Attributes:
        general: Its name, its length, its seed.
        calls: How the target is called.
        target: The plugin that is fooled. Its ``label`` is what messages call it. Its ``costs``
            tells whether its options say that it is metered.
        encoding: The plugin that writes images as genomes.
        scheme: The plugin that selects.
        showing: The views of each image that the target is shown; None if the image itself.
        plugin_paths: Files and folders of plugins to load.
        observers: Names of installed observers.
        observing: Those of them that have options, each in the section of its name.
        engine: The plugin whose workers draw and score; None if the run's own process does.
        about: The section ``[about]``: whose network it is, for people.
        path: The file it was read from, or None.
        text: The file's text.
    """

    general: GeneralSettings
    calls: CallSettings
    target: PluginChoice
    encoding: PluginChoice
    scheme: PluginChoice
    showing: ViewSettings | None = None
    plugin_paths: tuple[Path, ...] = ()
    observers: tuple[str, ...] = ()
    observing: tuple[PluginChoice, ...] = ()
    engine: PluginChoice | None = None
    about: Mapping[str, str] = field(default_factory=dict, compare=False)
    path: Path | None = field(default=None, compare=False)
    text: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Its name, fit for a folder."""
        return self.general.name or "experiment"

    @classmethod
    def from_resolved(
        cls, resolved: Mapping[str, Json], plugins: PluginManager | None = None
    ) -> Experiment:
        """Make the experiment again from what :meth:`resolved` gave.

        Raises:
            PluginError: A plugin is missing or broken.
            RunError: An option is no longer valid, or only Python has a part of it.
        """
        if parts := parts_from_python(resolved):
            whose = f"run {resolved['experiment']['name']!r}"
            if resolved["scheme"].get("plugin") == "interactive":
                advice = "`neatfool breed FOLDER` goes on with it"
                raise RunError(f"{whose}: a person chose its images, and cannot be asked; {advice}")
            raise RunError(
                f"{whose}: only Python has its {listed(parts)}. Hand it in there: neatfool.fool or "
                "evolve(..., out=FOLDER, resume_run=True) resumes the run, and "
                "neatfool.open_run(FOLDER, model=model) scores with it again"
            )
        with recorded_by_a_run():
            sections = json_sections(resolved, RECORDED)
            experiment = _build(sections, plugins or PluginManager(), Problems())
        object.__setattr__(experiment, "text", experiment.to_ini())
        return experiment

    def resolved(self) -> dict[str, dict[str, Json]]:
        """Give it with all defaults, as section -> key -> JSON value."""
        paths = [str(path) for path in self.plugin_paths]
        sections: dict[str, dict[str, Json]] = {
            "experiment": self.general.model_dump(),
            "plugins": {"path": paths, "observers": [*self.observers]},
            **{kind: {} for kind in ("target", "encoding", "scheme")},
        }
        target = self.target.sections()
        plugin = {"plugin": self.target.registration.name}
        target["target"] = plugin | self.calls.model_dump() | target["target"]
        sections |= target | (self.showing.section() if self.showing else {})
        engine = [self.engine] if self.engine else []
        for choice in (self.encoding, self.scheme, *self.observing, *engine):
            sections |= choice.sections()
        if own := self.encoding.activations:
            sections[ACTIVATIONS_SECTION] = {name: each.source for name, each in own.items()}
        return sections

    def identity(self) -> dict[str, dict[str, Json]]:
        """Give what the result depends on: all but name, length, budget and who looks or works."""
        sections = replace(self, engine=None).resolved()
        sections["experiment"] = {"seed": self.general.seed}
        for section, key in NOT_OF_THE_RESULT:
            del sections[section][key]
        if own := self.encoding.activations:
            sections[ACTIVATIONS_SECTION] = {name: each.fingerprint for name, each in own.items()}
        return {name: keys for name, keys in sections.items() if name not in self.observers}

    def to_ini(self, *, with_unset: bool = False) -> str:
        """Write it as INI text with all defaults, which loads as the equal experiment.

        With ``with_unset``, comments name the keys that have no value.
        """
        from neatfool.config.ini_writer import write_ini

        sections = self.resolved()
        sections["plugins"] = {key: value or None for key, value in sections["plugins"].items()}
        return write_ini(sections, with_unset=with_unset)


def load_experiment(
    path: Path | str,
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    plugins: PluginManager | None = None,
    to_search: bool = True,
) -> Experiment:
    """Read an experiment file, and load the plugins that it names.

    Args:
        path: The INI file, or the name of an experiment that comes with neatfool: ``"mnist"``.
        overrides: ``section.key=value``, in place of the file's values. Paths in them are relative
            to the current folder.
        seed: A seed, in place of the file's.
        plugins: Loads the plugins.
        to_search: Whether a search is to follow. If not, the file needs only the section
            ``[target]``.

    Raises:
        ExperimentError: The file is wrong; the message has a line for each problem.
        PluginError: A plugin is missing or broken, and nothing else is wrong.
    """
    path, problems = Path(path), Problems()
    supplied = Path(str(files("neatfool_experiments")))
    names = [file.stem for file in supplied.glob("*.ini")] if str(path) == path.name else []
    if path.name in names and not path.is_file():
        path = supplied / f"{path.name}.ini"
    text, in_file = read_ini(path, problems, names)
    absent = {name: ConfigSection({}, f"{path}:1", path.parent) for name in FRAMEWORK_SECTIONS}
    sections = override(absent | in_file, overrides, Path.cwd())
    general = sections["experiment"]
    values = dict(general.values)
    if seed is not None:
        values["seed"] = ConfigValue(str(seed), f"--seed {seed}", Path.cwd())
    # A length from the command line replaces the file's, generations or images.
    kept = {k: v for k, v in values.items() if k not in LENGTHS or v.where.startswith("--set")}
    values = values if kept.keys().isdisjoint(LENGTHS) else kept
    sections["experiment"] = replace(general, values=values)
    made = _build(sections, plugins or PluginManager(), problems, to_search=to_search)
    name = made.general.name or safe_name(path.stem)
    named = made.general.model_copy(update={"name": name})
    return replace(made, general=named, path=path, text=text)


def _build(
    sections: Mapping[str, ConfigSection],
    plugins: PluginManager,
    problems: Problems,
    *,
    to_search: bool = True,
) -> Experiment:
    general, sources, calls = read_framework(sections, problems, to_search=to_search)
    reader = ChoiceReader(sections, plugins, problems)
    observing = tuple(reader.load(sources.path, sources.observers))
    choices: dict[str, Any] = {kind: reader.read(kind) for kind in picked_plugins(sections)}
    showing = None
    if "views" in sections and sections["views"].values:
        from neatfool.experiment.view_settings import read_view_settings

        showing = read_view_settings(sections, plugins, problems)
    reader.check_sections(FRAMEWORK_SECTIONS)
    problems.raise_if_any()
    about = sections.get("about", ConfigSection({}, ""))
    return Experiment(
        general=general,
        calls=calls,
        about={key: unquote(str(each.given)) for key, each in about.values.items()},
        **choices,
        showing=showing,
        plugin_paths=tuple(sources.path),
        observers=tuple(sources.observers),
        observing=observing,
    )


def differences(one: Json, other: Json) -> Iterator[tuple[str, Json, Json]]:
    """Compare two experiments, each section -> key -> value.

    Yields:
        For each option that differs: ``"[section] key"`` and its two values, None if absent.
    """
    for section in dict.fromkeys([*one, *other]):
        here, there = one.get(section) or {}, other.get(section) or {}
        for key in dict.fromkeys([*here, *there]):
            if here.get(key) != there.get(key):
                yield f"[{section}] {key}", here.get(key), there.get(key)
