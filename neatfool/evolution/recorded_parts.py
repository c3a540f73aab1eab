"""The parts of a recorded run, made again: its experiment, its encoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from neatfool.config.options import check_arguments
from neatfool.errors import PluginError, RunError
from neatfool.experiment.experiment import Experiment
from neatfool.experiment.framework import CallSettings, GeneralSettings
from neatfool.experiment.named_activations import absent_activation
from neatfool.experiment.plugin_choice import (
    ACTIVATIONS_SECTION,
    PLUGIN_SECTIONS,
    RECORDED,
    json_sections,
    recorded_by_a_run,
)
from neatfool.experiment.single_choice import choose, read_choice, read_registered
from neatfool.experiment.trust import require_trust
from neatfool.experiment.view_settings import choose_view_settings
from neatfool.plugin.manager import PluginManager
from neatfool.run.folder import name_of_part, parts_from_python
from neatfool.run.run import Run
from neatfool.spec.encoding import Encoding
from neatfool.spec.target import Target

if TYPE_CHECKING:
    from neatfool.scoring.scorer import Scorer


def experiment_of(run: Run, model: Any = None) -> Experiment:
    """Make a run's experiment again, with ``model`` in place of its target unless that is None."""
    from neatfool.evolution.python_target import ModelSource, choice_of, target_of

    recorded, plugins = run.experiment, PluginManager()
    if model is None:
        if not parts_from_python(recorded):
            require_trust(run)
        return Experiment.from_resolved(recorded, plugins)
    if "views" in recorded and _plugin_paths(run):
        _load_files(run, plugins)
    with recorded_by_a_run():
        showing = choose_view_settings(plugins, recorded.get("views"), RECORDED)
    settings = recorded["target"]
    given = ModelSource.model_validate(
        {k: settings[k] for k in ModelSource.model_fields if k in settings}
    )
    spec = run.spec
    if isinstance(model, Target) and (
        spec.open or len(model.spec.classes) == len(spec.classes)
    ):  # more classes turned up, or their names changed
        spec = replace(spec, classes=model.spec.classes)
    target = target_of(model, spec, **given.model_dump(exclude={"model"}))
    keys = "max_queries", "max_requests", "logit_temperature"
    calls = {key: settings[key] for key in keys if key in settings}
    return Experiment(
        general=GeneralSettings(seed=run.seed),
        calls=CallSettings.model_validate(calls),
        target=choice_of(target, given, str(run.info["target"]["name"])),
        encoding=choose(plugins, "encoding", PLUGIN_SECTIONS["encoding"]),
        scheme=choose(plugins, "scheme", PLUGIN_SECTIONS["scheme"]),
        showing=showing,
    )


def scorer_of(
    run: Run,
    experiment: Experiment | None,
    model: Any,
    *,
    max_queries: int | None,
    views: bool,
) -> Scorer:
    """Make a run's scorer: of its experiment, if that is at hand, or else as ``experiment_of``."""
    from neatfool.evolution.assembly import assemble
    from neatfool.scoring.plan import ScoringPlan

    check_arguments(CallSettings, max_queries=max_queries)
    experiment = experiment or experiment_of(run, model)
    budget = {"max_queries": max_queries or run.experiment["target"].get("max_queries")}
    experiment = replace(
        experiment,
        calls=experiment.calls.model_copy(update=budget),
        showing=experiment.showing if views else None,
    )
    return assemble(experiment, ScoringPlan.from_json(run.info["scoring"])).scorer


def encoding_of(run: Run, factory: Callable[..., Any] | None = None) -> Encoding[Any]:
    """Make a run's encoding again, by ``factory`` if it is from Python.

    Only for a run that is trusted, a Python file is loaded.
    """
    plugins, recorded = PluginManager(), run.experiment
    name, sections = recorded["encoding"]["plugin"], json_sections(recorded, RECORDED)
    if factory is not None:
        from neatfool.evolution.python_parts import register_part

        made = register_part(plugins, "encoding", factory, recorded["encoding"])
        with recorded_by_a_run():
            choice = read_registered(made, sections, plugins)
            return cast("Encoding[Any]", choice.make(spec=run.spec))
    if "encoding" in parts_from_python(recorded):
        name = name_of_part(recorded, "encoding")
        advice = f"Hand it in there: neatfool.open_run(FOLDER, encoding={name})"
        raise RunError(f"{run.path}: only Python has its encoding. {advice} draws with it")
    if name not in plugins.names("encoding") or _unknown_activations(run, plugins):
        _load_files(run, plugins)
    with recorded_by_a_run():
        choice = read_choice("encoding", sections, plugins)
    formulas = run.info["identity"].get(ACTIVATIONS_SECTION, {})
    for name, each in choice.activations.items():
        if formulas.get(name) != each.fingerprint:
            fault = f"the activation {name!r} ({each.source}) is not the run's"
            raise PluginError(f"{run.path}: {fault}: its formula changed; undo the change")
    encoding: Encoding[Any] = choice.make(spec=run.spec)
    return encoding


def check_activations(run: Run) -> None:
    """Raise a PluginError if the plugin of an activation is absent; nothing is loaded."""
    for name, source in _unknown_activations(run, PluginManager()).items():
        if not any(path.exists() for path in _plugin_paths(run)):
            raise PluginError(f"{run.path}: {absent_activation(name, source)}")


def _unknown_activations(run: Run, plugins: PluginManager) -> dict[str, str]:
    """Give whose the recorded activations are that are neither installed nor added here."""
    recorded = run.experiment.get(ACTIVATIONS_SECTION)
    if not recorded:
        return {}
    from neatfool.cppn.activations import ACTIVATIONS

    known = {*plugins.names("activation"), *ACTIVATIONS}
    return {name: source for name, source in recorded.items() if name not in known}


def _plugin_paths(run: Run) -> list[Path]:
    return [Path(path) for path in run.experiment.get("plugins", {}).get("path", ())]


def _load_files(run: Run, plugins: PluginManager) -> None:
    """Load a run's own plugins, if it is trusted."""
    require_trust(run)
    for path in _plugin_paths(run):
        plugins.load_files(path)
