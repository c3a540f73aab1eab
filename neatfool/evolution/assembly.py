"""Assembly: from an experiment to the target, encoding and scheme that a run is made of."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neatfool.errors import (
    ExperimentError,
    NeatfoolError,
    PluginError,
    RunError,
    TargetError,
    blaming,
)
from neatfool.evolution.fingerprints import fingerprint_of_plugin
from neatfool.evolution.loop import Limits
from neatfool.experiment.classes import check_classes
from neatfool.experiment.experiment import Experiment
from neatfool.run.advice import is_from_python
from neatfool.scoring.plan import make_plan
from neatfool.scoring.repeatability import check_repeatability
from neatfool.scoring.scorer import Scorer
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.experiment.experiment import Choice
    from neatfool.experiment.framework import Calls
    from neatfool.plugin.manager import PluginManager
    from neatfool.scoring.plan import Plan
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.json import Json
    from neatfool.spec.scheme import Scheme


@dataclass(frozen=True)
class Assembly:
    """All that a run is made of.

    Attributes:
        name: The run's name.
        seed: Its seed.
        limits: Its length.
        scorer: The target, made safe.
        fingerprint: What tells the target from one that scores otherwise.
        encoding: The encoding.
        encoding_name: What messages call it.
        scheme: The scheme, at its beginning.
        scheme_name: What messages call it.
        resolved: The experiment with all defaults, JSON-able.
        identity: The part of it that a resumed run must share.
        text: The experiment as it was given.
    """

    name: str
    seed: int
    limits: Limits
    scorer: Scorer
    fingerprint: str
    encoding: Encoding[Any]
    encoding_name: str
    scheme: Scheme
    scheme_name: str
    resolved: dict[str, Json]
    identity: dict[str, Json]
    text: str

    @property
    def spec(self) -> ImageSpec:
        """The target's spec."""
        return self.scorer.target.spec


def assemble(experiment: Experiment, recorded: Plan | None = None) -> Assembly:
    """Make what an experiment names.

    Args:
        experiment: The experiment; its plugins are loaded.
        recorded: How the run scores that is to go on; decided now if absent.

    Returns:
        The parts, the target checked and the search at its beginning.

    Raises:
        PluginError: A plugin raised an exception when it was made.
        TargetError: The target does not recognise its own images.
        ExperimentError: An option does not fit the target.
    """
    name = describe(experiment.target)
    target = make(experiment.target)
    check_target(target, name)
    fingerprint = own_fingerprint(target, name) or fingerprint_of_plugin(experiment.target, target)
    encoding = make(experiment.encoding, spec=target.spec)
    scheme = make_scheme(experiment.scheme, encoding, target, experiment.general.seed)
    if recorded is None:
        check_scheme(scheme, experiment.scheme)
    general = experiment.general
    return Assembly(
        name=experiment.name,
        seed=general.seed,
        limits=Limits(general.generations, general.images, general.checkpoint_every),
        scorer=make_scorer(target, name, experiment.calls, fingerprint, scheme, recorded),
        fingerprint=fingerprint,
        encoding=encoding,
        encoding_name=describe(experiment.encoding),
        scheme=scheme,
        scheme_name=describe(experiment.scheme),
        resolved=experiment.resolved(),
        identity=experiment.identity(),
        text=experiment.text,
    )


def make_scorer(  # noqa: PLR0917 - the parts of an assembly
    target: Target,
    name: str,
    calls: Calls,
    fingerprint: str,
    scheme: Scheme,
    recorded: Plan | None = None,
    *,
    may_screen: bool = True,
) -> Scorer:
    """Make a target safe and fast, and see that it repeats itself.

    One that costs something is not asked here: that waits until its ledger is open.

    Args:
        target: The target.
        name: What messages call it.
        calls: What the experiment says of how to call it.
        fingerprint: The target's.
        scheme: What asks for scores.
        recorded: How the run scores that is to go on.
        may_screen: Whether images may be screened before they are scored.

    Raises:
        ExperimentError: The target has no use for an option.
        TargetError: It scores the same image differently from call to call, or it failed.
    """
    plan = make_plan(
        target,
        calls,
        name=name,
        fingerprint=fingerprint,
        generation_size=scheme.batch,
        can_screen=may_screen and hasattr(scheme, "bar"),
        recorded=recorded,
    )
    scorer = Scorer(target, name=name, plan=plan, budget=calls.budget)
    if scorer.metered is None:
        check_repeatability(scorer)
    return scorer


def reassemble(
    resolved: dict[str, Json], plugins: PluginManager, recorded: Plan | None = None
) -> Assembly:
    """Make what a run recorded that it is made of.

    Args:
        resolved: The run's resolved experiment.
        plugins: Where plugins are loaded.
        recorded: How the run scores.

    Raises:
        RunError: The run's target is not a plugin but was given from Python.
        NeatfoolError: As :func:`assemble`.
    """
    if is_from_python(resolved):
        raise RunError(
            f"run {resolved['experiment']['name']!r}: its target was given from Python, which "
            "alone has it. Go on there: neatfool.fool(..., out=FOLDER, resume_run=True)"
        )
    return assemble(Experiment.from_resolved(resolved, plugins), recorded)


def describe(choice: Choice) -> str:
    """Name a plugin as messages do: its kind, name and source."""
    return choice.label


def make(choice: Choice, **beside: Any) -> Any:
    """Call a plugin's factory.

    Args:
        choice: The plugin and its options.
        beside: What its kind gets beside them.

    Raises:
        PluginError: The factory raised.
        ExperimentError: The factory refused an option; the message names the section.
    """
    with _naming_the_section(choice), blaming(describe(choice)):
        return choice.registration.factory(choice.options, **beside)


def make_scheme(choice: Choice, encoding: Encoding[Any], target: Target, seed: int) -> Scheme:
    """Make a scheme; as :func:`make`.

    Args:
        choice: The plugin and its options.
        encoding: What it makes and breeds genomes with.
        target: What is fooled, which a factory with a parameter ``target`` is given.
        seed: The run's seed.
    """
    check_classes(choice, target.spec)
    more = choice.registration.wanted(target=target)
    scheme: Scheme = make(choice, encoding=encoding, spec=target.spec, seed=seed, **more)
    return scheme


def check_target(target: Any, name: str) -> None:
    """See that a target has what a target needs and recognises its own images.

    Args:
        target: What the factory gave.
        name: What messages call it.

    Raises:
        PluginError: It has no spec or no score.
        TargetError: Its ``self_check`` found it wanting.
    """
    if not isinstance(target, Target) or not isinstance(target.spec, ImageSpec):
        raise PluginError(
            f"{name}: a target needs `spec`, a neatfool.ImageSpec, and `score(images)`; "
            f"got {type(target).__name__}"
        )
    if self_check := getattr(target, "self_check", None):
        try:
            self_check()
        except NeatfoolError:
            raise
        except Exception as error:
            raise TargetError(f"{name}: self_check: {type(error).__name__}: {error}") from error


def check_scheme(scheme: Scheme, choice: Choice) -> None:
    """See that a scheme has what it needs to begin a run.

    Args:
        scheme: The scheme.
        choice: What it was made from, for the message.

    Raises:
        ExperimentError: Its ``self_check`` found something wanting; the message names the section.
        PluginError: It raised something else.
    """
    if self_check := getattr(scheme, "self_check", None):
        with _naming_the_section(choice), blaming(describe(choice)):
            self_check()


@contextmanager
def _naming_the_section(choice: Choice) -> Iterator[None]:
    try:
        yield
    except ExperimentError as error:
        section = f"[{choice.registration.kind}]"
        if section in str(error):
            raise
        name = choice.registration.name
        raise ExperimentError(f"{section} plugin = {name}: {error}") from error


def own_fingerprint(target: Target, name: str) -> str | None:
    """Ask a target for its fingerprint; None if it gives none.

    Raises:
        PluginError: It raised.
    """
    fingerprint = getattr(target, "fingerprint", None)
    if fingerprint is None:
        return None
    with blaming(name):
        return str(fingerprint())
