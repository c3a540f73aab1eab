"""What a run can do besides being read: draw its genomes, be scored again, and be reported.

A search makes one and uses little of it, so what only verifying needs is imported there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import torch

from neatfool.config.options import check_arguments
from neatfool.errors import BudgetSpent, PluginError, RunError, TargetError, VerificationError
from neatfool.evolution.assembly import Assembly, assemble, make
from neatfool.experiment.experiment import Experiment
from neatfool.experiment.framework import CallSettings, GeneralSettings, choose_view_settings
from neatfool.experiment.plugin_choice import (
    ACTIVATIONS_SECTION,
    PLUGIN_SECTIONS,
    RECORDED,
    absent_activation,
    choose,
    json_sections,
    read_choice,
    read_registered,
    recorded_by_a_run,
)
from neatfool.files import lock_folder, read_whole
from neatfool.plugin.manager import PluginManager
from neatfool.run.folder import name_of_part, parts_from_python, refuse_under_way
from neatfool.run.images import decode_png
from neatfool.run.individual import EliteView
from neatfool.run.run import Run
from neatfool.run.statistics import TOLERANCE, Verdict, VerificationResult
from neatfool.run.store import RunStore
from neatfool.scoring.checks import add_views, draw, encodings_of
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool.spec.encoding import Encoding
from neatfool.spec.scores import rank
from neatfool.spec.target import MultiView, Target
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.budget import Ledger

ASKED_AT_ONCE: Final = 1024
"""How many images a metered target is given together. Equal images among them cost one query."""


class OpenRun(Run):
    """A run that can also draw genomes, and be scored and reported."""

    def __init__(
        self,
        path: Path,
        assembly: Assembly | None = None,
        *,
        model: Any = None,
        encoding: Callable[..., Any] | None = None,
        trust: bool = False,
    ) -> None:
        """Take what the run was assembled of, or what scores and draws in place of its record's."""
        super().__init__(path, trust=trust)
        # Not the assembly, whose target takes memory.
        self._experiment = assembly.experiment if assembly is not None else None
        if assembly is not None:
            self.encoding = assembly.encoding
        self._model, self._factory = model, encoding
        self._scorer: Scorer | None = None

    @cached_property
    def encoding(self) -> Encoding[Any]:
        """The run's encoding. Only for a run that is trusted, a Python file is loaded."""
        plugins, recorded = PluginManager(), self.experiment
        name, sections = recorded["encoding"]["plugin"], json_sections(recorded, RECORDED)
        if self._factory is not None:
            from neatfool.evolution.python_parts import register_part

            made = register_part(plugins, "encoding", self._factory, recorded["encoding"])
            with recorded_by_a_run():
                choice = read_registered(made, sections, plugins)
                return cast("Encoding[Any]", make(choice, spec=self.spec))
        if "encoding" in parts_from_python(recorded):
            name = name_of_part(recorded, "encoding")
            advice = f"Hand it in there: neatfool.open_run(FOLDER, encoding={name})"
            raise RunError(f"{self.path}: only Python has its encoding. {advice} draws with it")
        if name not in plugins.names("encoding") or self._unknown_activations(plugins):
            from neatfool.experiment.trust import require_trust

            require_trust(self)
            for path in recorded.get("plugins", {}).get("path", ()):
                plugins.load_files(Path(path))
        with recorded_by_a_run():
            choice = read_choice("encoding", sections, plugins)
        formulas = self.info["identity"].get(ACTIVATIONS_SECTION, {})
        for name, each in choice.activations.items():
            if formulas.get(name) != each.fingerprint:
                fault = f"the activation {name!r} ({each.source}) is not the run's"
                raise PluginError(f"{self.path}: {fault}: its formula changed; undo the change")
        encoding: Encoding[Any] = make(choice, spec=self.spec)
        return encoding

    def _unknown_activations(self, plugins: PluginManager) -> dict[str, str]:
        """Give whose the recorded activations are that are neither installed nor added here."""
        recorded = self.experiment.get(ACTIVATIONS_SECTION)
        if not recorded:
            return {}
        from neatfool.cppn.activations import ACTIVATIONS

        known = {*plugins.names("activation"), *ACTIVATIONS}
        return {name: source for name, source in recorded.items() if name not in known}

    def require_activations(self) -> None:
        """Raise a PluginError if an activation's plugin is absent; nothing is loaded."""
        unknown = self._unknown_activations(PluginManager())
        paths = self.experiment.get("plugins", {}).get("path", ())
        for name, source in unknown.items():
            if not any(Path(path).exists() for path in paths):
                raise PluginError(f"{self.path}: {absent_activation(name, source)}")

    def verify(
        self, model: Any = None, *, tolerance: float = TOLERANCE, max_queries: int | None = None
    ) -> Verdict:
        """Score the saved images again; see :meth:`neatfool.Run.verify`."""
        check_arguments(CallSettings, max_queries=max_queries)
        refuse_under_way(self.path)
        self.refresh()
        with closing(self.make_scorer(model, max_queries=max_queries)) as scorer:
            results = verify(self, scorer)
        if not results:
            raise VerificationError(f"{self.path}: the run has no elites yet to verify")
        return Verdict(tuple(results), tolerance, self.spec.is_objective)

    def report(self) -> Path:
        """Write the run's page; see :meth:`neatfool.Run.report`."""
        from neatfool.present.saving import write_report

        return write_report(self)

    def close(self) -> None:
        """Close the database and the target; the next use opens them again."""
        super().close()
        if self._scorer is not None:
            self._scorer.close()
            self._scorer = None

    def score(self, genome: Any, model: Any = None) -> dict[str, float]:
        """Score a genome as the run did; see :meth:`neatfool.Run.score`."""
        genome = self.fit(genome)
        if model is not None:
            self.close()
            self._model = model
        self._scorer = scorer = self._scorer or self.make_scorer()
        with ExitStack() as ending:
            use_ledger(self, scorer, ending)
            drawing = encodings_of(scorer.target, self.encoding)
            name = f"encoding {self.experiment['encoding']['plugin']!r}"
            scores = scorer.score(draw(drawing, [genome], scorer.spec, name))
            if scores.ok is not None and not scores.ok.all():
                raise TargetError(f"{scorer.name}: gave no usable score for the image")
        self.refresh()
        given = zip(scorer.spec.classes, scores.probs[0].tolist(), strict=True)
        return {name: score for name, score in given if score > -math.inf}

    def make_scorer(
        self, model: Any = None, *, max_queries: int | None = None, views: bool = True
    ) -> Scorer:
        """Make the run's scorer, with ``model``, the run's own model or the recorded target."""
        model = self._model if model is None else model
        experiment = self._experiment if model is None else None
        experiment = experiment or experiment_of(self, model)
        budget = {"max_queries": max_queries or self.experiment["target"].get("max_queries")}
        experiment = replace(
            experiment,
            calls=experiment.calls.model_copy(update=budget),
            showing=experiment.showing if views else None,
        )
        return assemble(experiment, ScoringPlan.from_json(self.info["scoring"])).scorer


def experiment_of(run: Run, model: Any = None) -> Experiment:
    """Make a run's experiment again, with ``model`` in place of its target unless that is None."""
    from neatfool.evolution.python_target import ModelSource, choice_of, target_of
    from neatfool.experiment.trust import require_trust

    recorded, plugins = run.experiment, PluginManager()
    if model is None:
        if not parts_from_python(recorded):
            require_trust(run)
        return Experiment.from_resolved(recorded, plugins)
    if "views" in recorded and (paths := recorded.get("plugins", {}).get("path")):
        require_trust(run)
        for path in paths:
            plugins.load_files(Path(path))
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


def verify(run: Run, scorer: Scorer) -> list[VerificationResult]:
    """Read the whole database, then score each class's saved image again, in order."""
    run.store.check()
    elites, verified, target = run.elites, [], scorer.target
    redraws = isinstance(target, MultiView) and target.redraws
    drawing = encodings_of(target, run.encoding) if redraws else []
    least = max((abs(elite.score) for elite in elites), default=0.0) / 1000
    size = scorer.batch_size if scorer.metered is None else ASKED_AT_ONCE
    with ExitStack() as ending:
        use_ledger(run, scorer, ending)
        if scorer.metered is not None:
            queries = len({elite.candidate_id for elite in elites}) * scorer.views
            _allow(queries, run, scorer.metered.ledger)
        for start in range(0, len(elites), size):
            batch = elites[start : start + size]
            images = torch.stack([_read_saved(elite) for elite in batch])
            genomes = [elite.genome for elite in batch] if redraws else []
            scores = scorer.score(add_views(images, drawing, genomes))
            for elite, probs, ranks in zip(batch, scores.probs, rank(scores), strict=True):
                now, rank_now = float(probs[elite.index]), float(ranks[elite.index])
                recorded = elite.name, elite.index, elite.score
                scale = max(abs(elite.score), least) or 1.0 if run.spec.is_objective else 1.0
                verified.append(VerificationResult(*recorded, now, elite.rank, rank_now, scale))
    return verified


def use_ledger(run: Run, scorer: Scorer, ending: ExitStack) -> None:
    """Let a metered target count in the run's ledger, and keep other processes off the run."""
    if (metered := scorer.metered) is not None:
        ending.enter_context(lock_folder(run.path))
        metered.open_ledger(run.store.path)
        metered.with_classes(run.classes)


def _allow(queries: int, run: Run, ledger: Ledger) -> None:
    """Refuse so many queries if the budget does not allow them; record a new budget."""
    if shortage := ledger.shortage(queries):
        needed = counted(queries, "query", "queries")
        fault = f"verifying takes {needed}, and {shortage}; a larger max_queries allows more"
        raise BudgetSpent(f"{run.path}: {fault}")
    target, most = run.experiment.get("target", {}), ledger.budget.queries
    if target.get("max_queries", most) != most:
        with closing(RunStore.open(run.store.path, write=True)) as store:
            target = {**target, "max_queries": most}
            store.keep("experiment", {**run.experiment, "target": target})


def _read_saved(elite: EliteView) -> torch.Tensor:
    path, shape = elite.file, elite.run.spec.shape
    try:
        pixels = decode_png(read_whole(path))
    except FileNotFoundError:
        advice = "resuming the run writes the images again"
        raise VerificationError(f"{path}: missing; {advice}") from None
    except (OSError, ValueError) as error:
        raise VerificationError(f"{path}: not a readable PNG ({error})") from error
    if pixels.shape != shape:
        raise VerificationError(f"{path}: is {pixels.shape} (channels, height, width), not {shape}")
    return torch.from_numpy(pixels.copy())
