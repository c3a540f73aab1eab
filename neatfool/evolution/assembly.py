"""Assembly: an experiment's target, encoding and scheme are made, checked and put together."""

import hashlib
import platform
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from neatfool.errors import ExperimentError, TargetError, blaming, option
from neatfool.experiment.experiment import Experiment, load_experiment
from neatfool.experiment.framework import CallSettings, check_classes, with_nothing
from neatfool.plugin.manager import PluginManager
from neatfool.scoring.checks import encodings_of
from neatfool.scoring.plan import ScoringPlan, make_plan, reuse_plan
from neatfool.scoring.repeatability import check_repeatability
from neatfool.scoring.scorer import Scorer
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scheme import Scheme
from neatfool.spec.target import Budget, MeteredTarget, Target

VERSIONED: Final = ("neatfool", "torch", "torchvision", "neat-python", "numpy", "pillow")


class Assembly:
    """What an experiment is made of; each part is made, and checked, when it is first needed."""

    def __init__(
        self, experiment: Experiment, recorded: ScoringPlan | None = None, *, to_search: bool = True
    ) -> None:
        """Take an experiment, and how a run that exists scores; without a search, exactly."""
        self.experiment = experiment
        self._recorded = recorded
        self._to_search = to_search

    @cached_property
    def target(self) -> Target:
        """The target, which recognises its own images; without the experiment's views."""
        target, calls = make_target(self.experiment), self.experiment.calls
        calls.check_threshold(target.spec)
        if target.spec.grid and isinstance(target, MeteredTarget):
            fault = "has a grid of measures, and costs something to ask, which do not go together"
            raise ExperimentError(f"{self.experiment.target.label}: {fault}; leave out the grid")
        if calls.logit_temperature == 1:
            return target
        from neatfool.scoring.wrapped_targets import TemperedTarget

        return TemperedTarget(target, calls.logit_temperature, name=self.experiment.target.label)

    @cached_property
    def _shown(self) -> Target:
        showing, name = self.experiment.showing, self.experiment.target.label
        if showing is None:
            return self.target
        if self.target.spec.grid:
            fault = "an objective with a grid of measures is shown each image as it is"
            raise ExperimentError(f"[views] {fault}; leave the section out")
        from neatfool.scoring.wrapped_targets import ViewedTarget

        return ViewedTarget(self.target, showing, name=name, seed=self.experiment.general.seed)

    @cached_property
    def spec(self) -> ImageSpec:
        """The target's spec, with the classes that mean that nothing is there."""
        return with_nothing(self._shown.spec, self.experiment.calls.nothing)

    @cached_property
    def encoding(self) -> Encoding[Any]:
        """The encoding."""
        encoding: Encoding[Any] = self.experiment.encoding.make(spec=self.spec)
        return encoding

    @cached_property
    def encodings(self) -> list[Encoding[Any]]:
        """What draws a candidate: the encoding; or one for each view, if they differ in focus."""
        return encodings_of(self._shown, self.encoding)

    @cached_property
    def scheme(self) -> Scheme:
        """The scheme, before its first generation."""
        choice, seed = self.experiment.scheme, self.experiment.general.seed
        check_classes(choice, self.spec)
        more = choice.registration.accepted_arguments(target=self._shown)
        scheme: Scheme = choice.make(encoding=self.encoding, spec=self.spec, seed=seed, **more)
        if self._to_search and self._recorded is None:
            with choice.naming_its_section(), blaming(choice.label):
                scheme.self_check()
        return scheme

    @cached_property
    def scorer(self) -> Scorer:
        """The target, made safe."""
        calls, choice, target = self.experiment.calls, self.experiment.target, self._shown
        with blaming(choice.label):
            fingerprint = str(self.target.fingerprint())
        if not fingerprint:
            from neatfool.evolution.python_target import source_of

            own = self.target
            parts = [choice.registration.name, choice.options.model_dump_json(), asdict(own.spec)]
            fingerprint = hashlib.sha256(repr(parts).encode() + source_of(own)).hexdigest()
        _refuse_a_budget(calls, target, choice.label)
        if self._recorded is None:
            can_screen = self._to_search and self.scheme.bar() is not None
            size = self.scheme.batch
            plan = make_plan(target, calls, generation_size=size, can_screen=can_screen)
        else:
            plan = reuse_plan(self._recorded, calls)
        scorer = Scorer(
            target, name=choice.label, plan=plan, budget=calls.budget, fingerprint=fingerprint
        )
        if scorer.metered is None:
            check_repeatability(scorer)
        return scorer


def assemble(
    experiment: Experiment, recorded: ScoringPlan | None = None, *, to_search: bool = True
) -> Assembly:
    """Put an experiment together, and make what scores; see :class:`Assembly`."""
    assembly = Assembly(experiment, recorded, to_search=to_search)
    assembly.scorer  # noqa: B018 - is made here
    return assembly


def make_target(source: Experiment | str | Path, /, **options: Any) -> Target:
    """Make a target, to fool it or to build another target around it.

    For example::

        target = neatfool.make_target("mnist", device="cpu")

    Args:
        source: An experiment, or its file, whose target to make. With ``options``, the name of a
            target plugin.
        options: The plugin's options, as in section ``[target]``.

    Raises:
        ExperimentError: The experiment or an option is wrong.
        PluginError: A plugin is missing or broken.
        TargetError: The target does not recognise its own images.
    """
    if options:
        from neatfool.experiment.single_choice import choose

        choice = choose(PluginManager(), "target", str(source), options)
    else:
        if not isinstance(source, Experiment):
            source = load_experiment(source, to_search=False)
        choice = source.target
    target: Target = choice.make()
    with blaming(f"{choice.label}: self_check", TargetError):
        target.self_check()
    return target


def _refuse_a_budget(calls: CallSettings, target: Target, name: str) -> None:
    if calls.budget != Budget() and not isinstance(target, MeteredTarget):
        key = option("target", "max_queries" if calls.max_queries else "max_requests")
        fault = f"{key}: {name} costs nothing to ask (it has no `meter`)"
        raise ExperimentError(f"{fault}; limit the run by {option('experiment', 'images')}")


def versions() -> dict[str, str]:
    """Give the versions of Python and of what a run's result depends on."""
    return {"python": platform.python_version(), **{each: version(each) for each in VERSIONED}}
