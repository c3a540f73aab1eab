"""Assembly: an experiment's target, encoding and scheme are made, checked and put together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from neatfool.errors import (
    ExperimentError,
    NeatfoolError,
    PluginError,
    TargetError,
    blaming,
    cause,
    option,
)
from neatfool.evolution.python_target import source_of
from neatfool.experiment.classes import check_classes, with_nothing
from neatfool.scoring.plan import make_plan, take_up
from neatfool.scoring.repeatability import check_repeatability
from neatfool.scoring.scorer import Scorer
from neatfool.scoring.viewed_target import TemperedTarget, ViewedTarget, drawn_by
from neatfool.spec.image_spec import ImageSpec

if TYPE_CHECKING:
    from neatfool.experiment.experiment import Choice, Experiment
    from neatfool.scoring.plan import Plan
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.scheme import Scheme
    from neatfool.spec.target import Target


class Assembly:
    """What an experiment is made of; each part is made, and checked, when it is first needed.

    A target that costs something is not asked here: its ledger is not open yet.

    Attributes:
        experiment: The experiment.
    """

    def __init__(
        self, experiment: Experiment, recorded: Plan | None = None, *, to_search: bool = True
    ) -> None:
        """Take an experiment.

        Args:
            experiment: What to put together.
            recorded: How the run that is resumed, or looked at, scores; decided now if absent.
            to_search: Whether a search follows. If not, the scorer scores each image exactly.
        """
        self.experiment = experiment
        self._recorded = recorded
        self._to_search = to_search

    @cached_property
    def target(self) -> Target:
        """The target, which recognises its own images; without the experiment's views."""
        target = make_target(self.experiment.target)
        calls = self.experiment.calls
        calls.check_threshold(target.spec)
        if calls.logit_temperature == 1:
            return target
        label = self.experiment.target.label
        return TemperedTarget(target, calls.logit_temperature, name=label)

    @cached_property
    def _shown(self) -> Target:
        showing, name = self.experiment.showing, self.experiment.target.label
        if showing is None:
            return self.target
        return ViewedTarget(self.target, showing, name=name, seed=self.experiment.general.seed)

    @cached_property
    def spec(self) -> ImageSpec:
        """The target's spec, with the classes that mean that nothing is there."""
        return with_nothing(self._shown.spec, self.experiment.calls.nothing)

    @cached_property
    def encoding(self) -> Encoding[Any]:
        """The encoding."""
        encoding: Encoding[Any] = make(self.experiment.encoding, spec=self.spec)
        return encoding

    @cached_property
    def drawn_by(self) -> list[Encoding[Any]]:
        """What draws a candidate: the encoding; or one for each view, if they differ in focus."""
        return drawn_by(self._shown, self.encoding)

    @cached_property
    def scheme(self) -> Scheme:
        """The scheme, before its first generation."""
        choice, seed = self.experiment.scheme, self.experiment.general.seed
        check_classes(choice, self.spec)
        more = choice.registration.wanted(target=self._shown)
        scheme: Scheme = make(choice, encoding=self.encoding, spec=self.spec, seed=seed, **more)
        if self._to_search and self._recorded is None:
            with _naming_the_section(choice), blaming(choice.label):
                scheme.self_check()
        return scheme

    @cached_property
    def scorer(self) -> Scorer:
        """The target, made safe."""
        calls, choice = self.experiment.calls, self.experiment.target
        target, plan = self._shown, self._recorded
        fingerprint = _fingerprint(choice, self.target)
        if plan is None:
            can_screen = self._to_search and self.scheme.bar() is not None
            size = self.scheme.batch
            plan = make_plan(
                target, calls, name=choice.label, generation_size=size, can_screen=can_screen
            )
        else:
            plan = take_up(plan, target, calls, name=choice.label)
        scorer = Scorer(
            target, name=choice.label, plan=plan, budget=calls.budget, fingerprint=fingerprint
        )
        if scorer.metered is None:
            check_repeatability(scorer)
        return scorer


def assemble(
    experiment: Experiment, recorded: Plan | None = None, *, to_search: bool = True
) -> Assembly:
    """Put an experiment together, and make what scores; see :class:`Assembly`."""
    assembly = Assembly(experiment, recorded, to_search=to_search)
    assembly.scorer  # noqa: B018 - is made here
    return assembly


def make(choice: Choice, **given: Any) -> Any:
    """Call a plugin's factory with its options and what its kind is given.

    Raises:
        PluginError: The factory raised, or what it made lacks a member of its kind.
        ExperimentError: The factory refused an option; the message names the section.
    """
    with _naming_the_section(choice):
        return choice.registration.make(choice.options, **given)


def make_target(choice: Choice) -> Target:
    """Make a target, and check that it recognises its own images.

    Raises:
        PluginError: It cannot be made, or has no spec or no score.
        TargetError: Its ``self_check`` failed.
    """
    target: Target = make(choice)
    if not isinstance(target.spec, ImageSpec):
        raise PluginError(
            f"{choice.label}: a target needs `spec`, a neatfool.ImageSpec, and `score(images)`; "
            f"got {type(target.spec).__name__} as `spec`"
        )
    try:
        target.self_check()
    except NeatfoolError:
        raise
    except Exception as error:
        raise TargetError(f"{choice.label}: self_check: {cause(error)}") from error
    return target


@contextmanager
def _naming_the_section(choice: Choice) -> Iterator[None]:
    kind, name = choice.registration.kind, choice.registration.name
    try:
        yield
    except ExperimentError as error:
        text = str(error)
        if text.startswith(f"[{kind}] "):
            raise ExperimentError(option(kind, text.removeprefix(f"[{kind}] "))) from error
        if f"[{kind}]" in text:
            raise
        raise ExperimentError(f"{option(kind, 'plugin')} = {name}: {text}") from error


def _fingerprint(choice: Choice, target: Target) -> str:
    """Ask the target for its fingerprint, or hash its name, options, spec and code."""
    with blaming(choice.label):
        if fingerprint := str(target.fingerprint()):
            return fingerprint
    parts = [choice.registration.name, choice.options.model_dump_json(), asdict(target.spec)]
    return hashlib.sha256(repr(parts).encode() + source_of(target)).hexdigest()
