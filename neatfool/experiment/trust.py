"""Trust: what a run that this user did not make may do on this machine.

Before something that its record names is loaded or contacted, the user sees it, and agrees. No key
is sent to an address out of a record, and no file is loaded that can run code.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from pydantic import BaseModel

from neatfool.config.annotations import Access, annotation_of, keys_of, reached_by
from neatfool.config.options import inner_models
from neatfool.errors import NeatfoolError, UntrustedRun, agreement
from neatfool.experiment.plugin_choice import (
    ACTIVATIONS_SECTION,
    RECORDED,
    json_sections,
    picked_plugins,
)
from neatfool.files import Json
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import RESERVED_KEYS
from neatfool.run.run import Run

OF_OTHERS: Final = "another user or machine made this run"
HARMLESS: Final = {"encoding", "scheme"}
"""Kinds of installed plugins of which only those options are shown that reach something."""
MOST_SETTINGS: Final = 12
"""So many settings that reach nothing are shown: what does reach something stays in sight."""
REFUSED: Final = {Access.SENDS_KEY, Access.RUNS_CODE}


def require_trust(run: Run) -> None:
    """Go on only if this user made the run, or agrees to what its record reaches.

    Raises:
        UntrustedRun: The user did not agree, or the record asks for what is never done.
        RunError: The run is damaged.
    """
    if run.own:
        return
    lines, never = reach_of(run.experiment)
    indented = "\n  ".join
    if never:
        raise UntrustedRun(
            f"{run.path}: {OF_OTHERS}. For such a run, neatfool never\n  {indented(never)}\n"
            "If you want this, write an experiment file of your own, and run it anew: `neatfool "
            "run FILE`. To score this run's images with it: `neatfool verify RUN --target FILE`; "
            "survive and ablate take --target, too"
        )
    screen = f"{run.path}: {OF_OTHERS}. To go on, neatfool\n  {indented(lines)}"
    if not run.trusted and not agreement.get()(screen):
        raise UntrustedRun(
            f"{screen}\nIf you agree, add --trust (in Python: open_run(FOLDER, trust=True))"
        )
    run.trusted = True


def reach_of(resolved: Mapping[str, Json]) -> tuple[list[str], list[str]]:
    """Say what a record loads, contacts and sends, a line each, and what of it is never done."""
    plugins, sections = PluginManager(), json_sections(resolved, RECORDED)
    sources = resolved.get("plugins", {})
    observers = [("observer", name) for name in _texts(sources.get("observers"))]
    added = [("activation", name) for name in resolved.get(ACTIVATIONS_SECTION, {})]
    picked = [*picked_plugins(sections).items(), *added, *observers]
    uses, settings, reached, never = list[str](), list[str](), list[str](), list[str]()
    for kind, name in picked:
        section = name if kind == "observer" else kind
        models = _options(plugins, kind, name)
        whose = "installed" if models else "no such plugin is installed"
        uses.append(f"uses the {kind} {name!r} ({whose})")
        for each in sorted({section, *models} & resolved.keys()):
            for key, text, reaches in _given(models.get(each), resolved[each], kind):
                where = f"{text!r} ([{each}] {key})"
                if reaches in REFUSED:
                    never.append(f"{reaches} {where}")
                elif reaches and text.startswith("@"):  # a record has the names themselves
                    never.append(f"takes names out of the file {where}")
                elif reaches:
                    reached.append(f"{reaches} {where}")
                elif not models or kind not in HARMLESS:
                    settings.append(f"with {where}")
    reached += [f"runs the Python file {path!r}" for path in _texts(sources.get("path"))]
    more = len(settings) - MOST_SETTINGS
    if more > 0:
        settings[MOST_SETTINGS:] = [f"with {more:,} more settings"]
    return [*uses, *settings, *reached], never


def _options(plugins: PluginManager, kind: str, name: str) -> dict[str, type[BaseModel]]:
    with suppress(NeatfoolError):
        observer = kind == "observer"
        if made := plugins.load_observer(name) if observer else plugins.load(kind, name):
            return {made.section: made.options, **dict(inner_models(made.options).values())}
    return {}


def _given(
    model: type[BaseModel] | None, section: Mapping[str, Json], kind: str
) -> Iterator[tuple[str, str, Access | None]]:
    """Go through the texts of a section that are not defaults: key, text, and what it reaches."""
    given = _given_of(model, section) if model else {key: (section[key], str) for key in section}
    for key, (value, annotation) in given.items():
        # A command is one thing, and not a list of such.
        runs = isinstance(value, list) and reached_by(annotation, "") is Access.RUNS_CODE
        for text in [shlex.join(map(str, value))] if runs else _texts(value):
            if key not in RESERVED_KEYS.get(kind, ()):
                yield key, text, reached_by(annotation, text)


def _texts(value: Json) -> list[str]:
    values = value if isinstance(value, list) else [value]
    given = [each for each in values if each not in (None, "", {})]
    return [each if isinstance(each, str) else json.dumps(each) for each in given]


def _given_of(model: type[BaseModel], section: Mapping[str, Json]) -> dict[str, Any]:
    """Give the values of a recorded section that are not defaults, by key, each with its type."""
    fields = {key: model.model_fields[name] for key, name in keys_of(model).items()}
    return {
        key: (section[key], annotation_of(field))
        for key, field in fields.items()
        if key in section
        and section[key] != field.get_default(call_default_factory=True, validated_data={})
    }
