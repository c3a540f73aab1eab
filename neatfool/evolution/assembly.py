"""Assembly: an experiment's target, encoding and scheme are made, checked and put together."""

import hashlib
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, astuple, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from neatfool.errors import ExperimentError, NeatfoolError, TargetError, blaming, cause, option
from neatfool.evolution.python_target import source_of
from neatfool.experiment.experiment import Experiment, load_experiment
from neatfool.experiment.framework import check_classes, with_nothing
from neatfool.experiment.plugin_choice import PluginChoice
from neatfool.network.devices import OutOfMemory
from neatfool.scoring.answers import draw
from neatfool.scoring.plan import Plan, make_plan, take_up
from neatfool.scoring.repeatability import check_repeatability, differ
from neatfool.scoring.scorer import Scorer, checksums_of
from neatfool.scoring.viewed_target import TemperedTarget, ViewedTarget, encodings_of, saved
from neatfool.search.seeds import derive_seeds
from neatfool.spec.encoding import Encoding
from neatfool.spec.engine import Answer, Part, Setup
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scheme import Scheme
from neatfool.spec.target import Target

VERSIONED: Final = ("neatfool", "torch", "torchvision", "neat-python", "numpy", "pillow")
PROBES: Final = 8
ROUNDS: Final = 20
"""So often the probes are mutated: large networks show more of how a machine draws."""


class Assembly:
    """What an experiment is made of; each part is made, and checked, when it is first needed."""

    def __init__(
        self, experiment: Experiment, recorded: Plan | None = None, *, to_search: bool = True
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
        if calls.logit_temperature == 1:
            return target
        return TemperedTarget(target, calls.logit_temperature, name=self.experiment.target.label)

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
    def encodings(self) -> list[Encoding[Any]]:
        """What draws a candidate: the encoding; or one for each view, if they differ in focus."""
        return encodings_of(self._shown, self.encoding)

    @cached_property
    def scheme(self) -> Scheme:
        """The scheme, before its first generation."""
        choice, seed = self.experiment.scheme, self.experiment.general.seed
        check_classes(choice, self.spec)
        more = choice.registration.accepted_arguments(target=self._shown)
        scheme: Scheme = make(choice, encoding=self.encoding, spec=self.spec, seed=seed, **more)
        if self._to_search and self._recorded is None:
            with _naming_the_section(choice), blaming(choice.label):
                scheme.self_check()
        return scheme

    @cached_property
    def scorer(self) -> Scorer:
        """The target, made safe."""
        calls, choice, target = self.experiment.calls, self.experiment.target, self._shown
        with blaming(choice.label):
            fingerprint = str(self.target.fingerprint())
        if not fingerprint:
            own = self.target
            parts = [choice.registration.name, choice.options.model_dump_json(), asdict(own.spec)]
            fingerprint = hashlib.sha256(repr(parts).encode() + source_of(own)).hexdigest()
        if (plan := self._recorded) is None:
            plan = make_plan(
                target,
                calls,
                name=choice.label,
                generation_size=self.scheme.batch,
                can_screen=self._to_search and self.scheme.bar() is not None,
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


def make(choice: PluginChoice, **given: Any) -> Any:
    """Call a plugin's factory with its options and what its kind is given."""
    with _naming_the_section(choice):
        return choice.registration.make(choice.options, **given)


def make_target(source: Experiment | str | Path) -> Target:
    """Make the target of an experiment, or of its file, to build another target around it.

    Raises:
        ExperimentError: The experiment is wrong.
        PluginError: A plugin is missing or broken.
        TargetError: The target does not recognise its own images.
    """
    if not isinstance(source, Experiment):
        source = load_experiment(source, to_search=False)
    choice = source.target
    target: Target = make(choice)
    try:
        target.self_check()
    except NeatfoolError:
        raise
    except (Exception, SystemExit) as error:
        raise TargetError(f"{choice.label}: self_check: {cause(error)}") from error
    return target


@contextmanager
def _naming_the_section(choice: PluginChoice) -> Iterator[None]:
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


def versions() -> dict[str, str]:
    """Give the versions of Python and of what a run's result depends on."""
    return {"python": platform.python_version(), **{each: version(each) for each in VERSIONED}}


def make_setup(assembly: Assembly) -> Setup:
    """Write down what a worker needs for a run, with probes that this process has answered."""
    encoding, scorer, resolved = assembly.encoding, assembly.scorer, assembly.experiment.resolved()
    seed = assembly.experiment.general.seed
    genomes = encoding.create(derive_seeds(seed, "probe", 0, ids=range(PROBES)))
    for number in range(1, ROUNDS + 1):
        seeds = derive_seeds(seed, "probe", number, ids=range(PROBES))
        genomes = encoding.breed([[genome] for genome in genomes], seeds)
    sent, probes = [*map(encoding.to_bytes, genomes)], []
    for screen in (False, True) if scorer.plan.screening else (False,):
        part = Part(sent, scorer.batches.sizes[screen], screen)
        with suppress(OutOfMemory):  # The run itself finds out how many images fit.
            probes.append((part, _answer(part, assembly)))
    observers = resolved["plugins"]["observers"]
    return Setup(
        # Observers look on in the run's process only.
        experiment={name: keys for name, keys in resolved.items() if name not in observers}
        | {"plugins": {**resolved["plugins"], "observers": []}},
        scoring=scorer.plan.to_json(),
        fingerprint=scorer.fingerprint,
        threads=torch.get_num_threads(),
        versions=versions(),
        probes=probes,
    )


def _answer(part: Part, assembly: Assembly) -> Answer:
    """Draw and score a part in this process, as :meth:`Workplace.answer` says."""
    encoding, batches = assembly.encoding, assembly.scorer.batches
    name = assembly.experiment.encoding.label
    with blaming(f"{name}: render() failed"):
        genomes = [*map(encoding.from_bytes, part.genomes)]
    images = draw(assembly.encodings, genomes, batches.spec, name)
    batches.sizes[part.screen] = part.size
    scores, seconds = batches.collect(batches.submit(images, screen=part.screen))
    return Answer(scores, checksums_of(saved(images).cpu().numpy()), seconds * batches.workers)


class Workplace:
    """A run's target and encoding in a worker's process, which score as the run's own do."""

    def __init__(self, setup: Setup) -> None:
        """Make them, and check them by the setup's fingerprint and probes.

        Raises:
            NeatfoolError: This process cannot be used for the run, with the reason.
        """
        plan = Plan.from_json(setup.scoring)
        if plan.threads is None:
            torch.set_num_threads(setup.threads)
        experiment = Experiment.from_resolved(setup.experiment)
        # An engine has as many workers as are to work side by side.
        calls = experiment.calls.model_copy(update={"threads": 1})
        self._assembly = assemble(replace(experiment, calls=calls), plan, to_search=False)
        self._scorer = self._assembly.scorer
        with ExitStack() as undo:
            undo.callback(self.close)
            self._check(setup)
            undo.pop_all()

    def answer(self, part: Part) -> Answer:
        """Draw and score a part.

        Raises:
            NeatfoolError: The target or the encoding failed.
            OutOfMemory: Memory ran out; the run goes on with smaller batches.
        """
        return _answer(part, self._assembly)

    def close(self) -> None:
        """Close the target."""
        self._scorer.close()

    def _check(self, setup: Setup) -> None:
        here, there = self._scorer.batches.device, setup.scoring["device"]
        wrong = ""
        if self._scorer.fingerprint != setup.fingerprint:
            wrong = f"its {self._scorer.name} is not the run's: other weights, code or options"
        elif here != there:
            wrong = f"it scores on {here}, and the run on {there}"
        for part, expected in setup.probes if not wrong else ():
            answer = self.answer(part)
            pairs = zip(answer.checksums, expected.checksums, strict=True)
            both = zip(astuple(answer.scores), astuple(expected.scores), strict=True)
            if apart := sum(own != theirs for own, theirs in pairs):
                wrong = f"it draws {apart} of {len(answer.checksums)} probes differently"
            elif any(np.asarray(a).tobytes() != np.asarray(b).tobytes() for a, b in both):
                _, words = differ(expected.scores, answer.scores, self._scorer.spec.classes)
                wrong = f"it scores the probes differently ({words})"
        if wrong:
            here_and_there = ((name, own, setup.versions[name]) for name, own in versions().items())
            other = [
                f"{n} {own}, and the run {its}" for n, own, its in here_and_there if own != its
            ]
            raise TargetError("; it has ".join([wrong, *other]))
