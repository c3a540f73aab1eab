"""Assembly: an experiment's target, encoding and scheme are made, checked and put together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from neatfool.errors import (
    ExperimentError,
    NeatfoolError,
    PluginError,
    RunError,
    TargetError,
    blaming,
    cause,
)
from neatfool.evolution.fingerprints import fingerprint_of_code, fingerprint_of_plugin
from neatfool.evolution.loop import Limits
from neatfool.experiment.classes import check_classes, with_nothing
from neatfool.experiment.experiment import Experiment
from neatfool.run.advice import is_from_python
from neatfool.scoring.planning import make_plan
from neatfool.scoring.repeatability import check_repeatability
from neatfool.scoring.scorer import Scorer
from neatfool.scoring.viewed_target import show_views
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.experiment.experiment import Choice
    from neatfool.experiment.framework import Calls
    from neatfool.experiment.showing import Showing
    from neatfool.plugin.manager import PluginManager
    from neatfool.scoring.plan import Plan
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.json import Json
    from neatfool.spec.scheme import Scheme


@dataclass(frozen=True)
class Recipe:
    """What to assemble: an experiment's choices, with the target already made.

    Attributes:
        calls: How to call the target.
        target: The target.
        target_name: What messages call it.
        target_choice: The plugin that made it; None if Python code handed it in.
        showing: The views of each image that it is shown; None if the image itself.
        engine: The plugin whose workers draw and score; None if this process does.
        resolved: The experiment with all defaults, JSON-able.
        identity: The part of it that a resumed run must share.
        text: The experiment as it was given.
    """

    name: str
    seed: int
    limits: Limits
    calls: Calls
    target: Target
    target_name: str
    target_choice: Choice | None
    encoding: Choice
    scheme: Choice
    resolved: dict[str, Json]
    identity: dict[str, Json]
    text: str
    showing: Showing | None = None
    engine: Choice | None = None


@dataclass(frozen=True)
class Assembly:
    """Everything a run is made of.

    Attributes:
        scorer: The target, made safe.
        spec: The target's spec, with the classes that mean that nothing is there.
        encoding_name: What messages call the encoding.
        scheme: The scheme, before its first generation.
        scheme_name: What messages call the scheme.
        resolved: The experiment with all defaults, JSON-able.
        identity: The part of it that a resumed run must share.
        text: The experiment as it was given.
        engine: The plugin whose workers draw and score; None if this process does.
    """

    name: str
    seed: int
    limits: Limits
    scorer: Scorer
    spec: ImageSpec
    encoding: Encoding[Any]
    encoding_name: str
    scheme: Scheme
    scheme_name: str
    resolved: dict[str, Json]
    identity: dict[str, Json]
    text: str
    engine: Choice | None = None


def assemble(
    experiment: Experiment, recorded: Plan | None = None, *, to_search: bool = True
) -> Assembly:
    """Make what an experiment names, and put it together as :func:`put_together` does.

    Raises:
        PluginError: A plugin's factory raised an exception.
        TargetError: The target does not recognise its own images.
        ExperimentError: An option does not fit the target.
    """
    choice, general = experiment.target, experiment.general
    recipe = Recipe(
        name=experiment.name,
        seed=general.seed,
        limits=Limits(general.generations, general.images, general.checkpoint_every),
        calls=experiment.calls,
        target=make(choice),
        target_name=choice.label,
        target_choice=choice,
        encoding=experiment.encoding,
        scheme=experiment.scheme,
        resolved=experiment.resolved(),
        identity=experiment.identity(),
        text=experiment.text,
        showing=experiment.showing,
        engine=experiment.engine,
    )
    return put_together(recipe, recorded, to_search=to_search)


def put_together(
    recipe: Recipe, recorded: Plan | None = None, *, to_search: bool = True
) -> Assembly:
    """Check a recipe's target, and make the encoding, the scheme and the scorer for it.

    A target that costs something is not asked here: its ledger is not open yet.

    Args:
        recipe: What to assemble.
        recorded: How the run that is resumed scores; decided now if absent.
        to_search: Whether a search follows. If not, the scheme is not checked, and the scorer
            scores each image exactly.
    """
    name = recipe.target_name
    check_target(recipe.target, name)
    recipe.calls.check_threshold(recipe.target.spec)
    fingerprint = _fingerprint(recipe)
    if showing := recipe.showing:
        target: Target = show_views(recipe.target, showing, name=name, seed=recipe.seed)
        recipe = replace(recipe, target=target)
    target = recipe.target
    spec = with_nothing(target.spec, recipe.calls.nothing)
    encoding: Encoding[Any] = make(recipe.encoding, spec=spec)
    scheme = _make_scheme(recipe, encoding, spec)
    if to_search and recorded is None:
        _check_scheme(scheme, recipe.scheme)
    plan = make_plan(
        target,
        recipe.calls,
        name=name,
        generation_size=scheme.batch,
        can_screen=to_search and scheme.bar() is not None,
        recorded=recorded,
    )
    budget = recipe.calls.budget
    scorer = Scorer(target, name=name, plan=plan, budget=budget, fingerprint=fingerprint)
    if scorer.metered is None:
        check_repeatability(scorer)
    return Assembly(
        name=recipe.name,
        seed=recipe.seed,
        limits=recipe.limits,
        scorer=scorer,
        spec=spec,
        encoding=encoding,
        encoding_name=recipe.encoding.label,
        scheme=scheme,
        scheme_name=recipe.scheme.label,
        resolved=recipe.resolved,
        identity=recipe.identity,
        text=recipe.text,
        engine=recipe.engine,
    )


def reassemble(
    resolved: dict[str, Json], plugins: PluginManager, recorded: Plan | None = None
) -> Assembly:
    """Assemble what a run recorded that it is made of.

    Args:
        resolved: The run's resolved experiment.
        plugins: Where plugins are loaded.
        recorded: How the run scores.

    Raises:
        RunError: The run's target is not a plugin: Python code handed it in.
        NeatfoolError: As :func:`assemble`.
    """
    if is_from_python(resolved):
        raise RunError(
            f"run {resolved['experiment']['name']!r}: only Python has its target. Resume it "
            "there: neatfool.fool(..., out=FOLDER, resume_run=True)"
        )
    return assemble(Experiment.from_resolved(resolved, plugins), recorded)


def make(choice: Choice, **given: Any) -> Any:
    """Call a plugin's factory with its options and what its kind is given.

    Raises:
        PluginError: The factory raised.
        ExperimentError: The factory refused an option; the message names the section.
    """
    with _naming_the_section(choice), blaming(choice.label):
        return choice.registration.make(choice.options, **given)


def check_target(target: Any, name: str) -> None:
    """Check that an object is a target and that it recognises its own images.

    Raises:
        PluginError: It has no spec or no score.
        TargetError: Its ``self_check`` failed.
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
            raise TargetError(f"{name}: self_check: {cause(error)}") from error


def _make_scheme(recipe: Recipe, encoding: Encoding[Any], spec: ImageSpec) -> Scheme:
    choice = recipe.scheme
    check_classes(choice, spec)
    more = choice.registration.wanted(target=recipe.target)
    scheme: Scheme = make(choice, encoding=encoding, spec=spec, seed=recipe.seed, **more)
    return scheme


def _check_scheme(scheme: Scheme, choice: Choice) -> None:
    if self_check := getattr(scheme, "self_check", None):
        with _naming_the_section(choice), blaming(choice.label):
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


def _fingerprint(recipe: Recipe) -> str:
    """Ask the target for its fingerprint; make one from its code if it has none."""
    own = getattr(recipe.target, "fingerprint", None)
    if own is not None:
        with blaming(recipe.target_name):
            if fingerprint := str(own()):
                return fingerprint
    if recipe.target_choice is None:
        return fingerprint_of_code(recipe.target)
    return fingerprint_of_plugin(recipe.target_choice, recipe.target)
