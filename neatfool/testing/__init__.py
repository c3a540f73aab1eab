"""Checks that show whether a plugin keeps its contract.

Say in a test how to make the plugin::

    from neatfool.testing import check_plugin

    def test_bright_keeps_the_contract_of_a_target():
        check_plugin("target", lambda: Bright(Options()))

``neatfool plugins check NAME`` runs the same checks. Use the tiny encoding, target and scheme in
tests of your own.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any, Final

from neatfool.errors import ExperimentError
from neatfool.plugin.registration import check_contract, contract_of
from neatfool.spec.image_spec import ImageSpec
from neatfool.testing import batch_checks
from neatfool.testing.activation_checks import ActivationSubject
from neatfool.testing.checking import CheckResult, Subject, run_check
from neatfool.testing.detector_checks import DetectorSubject
from neatfool.testing.encoding_checks import COLOUR, GREY, EncodingSubject
from neatfool.testing.engine_checks import EngineSubject
from neatfool.testing.measure_checks import MeasureSubject
from neatfool.testing.model_checks import ModelSubject
from neatfool.testing.observer_checks import ObserverSubject
from neatfool.testing.scheme_checks import SchemeSubject
from neatfool.testing.target_checks import TargetSubject
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyScheme, ToyTarget
from neatfool.testing.view_checks import ViewSubject

__all__ = [
    "COLOUR",
    "GREY",
    "TOY_SPEC",
    "CheckResult",
    "ToyEncoding",
    "ToyScheme",
    "ToyTarget",
    "check_activation",
    "check_plugin",
    "examine_plugin",
]

SUBJECTS: Final[dict[str, type[Subject[Any]]]] = {
    "activation": ActivationSubject,
    "detector": DetectorSubject,
    "encoding": EncodingSubject,
    "engine": EngineSubject,
    "measure": MeasureSubject,
    "model": ModelSubject,
    "observer": ObserverSubject,
    "scheme": SchemeSubject,
    "target": TargetSubject,
    "view": ViewSubject,
}
"""Kind -> what is checked. Its checks are the functions ``check_...`` of its module, in order."""


def check_plugin(
    kind: str,
    make: Callable[..., Any],
    specs: Sequence[ImageSpec] = (GREY, COLOUR),
    models: Sequence[str] = (),
) -> None:
    """Check that a plugin keeps its contract.

    Args:
        kind: What it is: ``"target"``, ``"encoding"``, ``"scheme"``, ``"view"``, ``"model"``,
            ``"detector"``, ``"engine"``, ``"observer"``, ``"measure"`` or ``"activation"``.
        make: Makes it, or gives the measure: an encoding from an image spec, a scheme from an
            encoding, a spec and a seed, with small batches if it has an option, and all others
            without arguments (an activation by :func:`neatfool.cppn.add_activation`).
        specs: The images to try an encoding or a view with.
        models: Whole names of models for a reader of models to load: ``"mine:FILE"``.

    Raises:
        AssertionError: It does not; there is a line for each fault: what was expected, what came,
            and what to do.
        PluginError: An observer has no hook, or a misspelt one, or one with wrong arguments.
    """
    __tracebackhide__ = True
    results = examine_plugin(kind, make, specs, models)
    if failed := [f"{result.name}: {result.message}" for result in results if not result.passed]:
        raise AssertionError("\n".join(failed))


def check_activation(formula: Callable[[Any, Any], Any], **look: Any) -> None:
    """Check that all that draws agrees with an activation's formula.

    Args:
        formula: The formula, ``formula(xp, z)``.
        look: The other arguments of ``register``: ``mean``, ``colour``, ``reach``.

    Raises:
        AssertionError: Something differs; there is a line for each fault.
    """
    __tracebackhide__ = True
    from neatfool.cppn import add_activation

    name = f"checked_{next(_numbers)}"
    check_plugin("activation", lambda: add_activation(name, formula, source="a test", **look))


_numbers: Final = count()
"""The names of activations under test have these numbers."""


def examine_plugin(
    kind: str,
    make: Callable[..., Any],
    specs: Sequence[ImageSpec] = (GREY, COLOUR),
    models: Sequence[str] = (),
) -> list[CheckResult]:
    """Run the checks of :func:`check_plugin`, and return a result for each.

    If the plugin cannot be made, there is a single result that says why.
    """
    if not __debug__:
        raise ExperimentError("python -O: leaves out what checks assert; check without -O")
    contract = contract_of(kind)

    def make_checked(*arguments: Any) -> Any:
        made = make(*arguments)
        return made if contract is None else check_contract(made, contract)

    def can_be_made(subject: Subject[Any]) -> None:
        _ = subject.made

    subject_class: type[Any] = SUBJECTS[kind]
    cases = _cases(kind, specs, models)
    modules = [subject_class.__module__]
    if issubclass(subject_class, batch_checks.BatchSubject):
        modules.append(batch_checks.__name__)
    with ExitStack() as stack:
        subjects = {label: subject_class(make_checked, *given) for label, given in cases.items()}
        for subject in subjects.values():
            stack.callback(subject.close)
        results = [run_check(can_be_made, subjects)]
        if results[0].passed:
            named = (entry for each in modules for entry in vars(sys.modules[each]).items())
            checks = [check for name, check in named if name.startswith("check_")]
            results += [run_check(check, subjects) for check in checks]
    return results


def _cases(
    kind: str, specs: Sequence[ImageSpec], models: Sequence[str]
) -> dict[str, tuple[object, ...]]:
    """Give what a kind's subjects take, by their labels."""
    if kind in {"encoding", "view"}:
        colours = {1: "grey", 3: "colour"}
        return {f"{e.width}x{e.height} {colours[e.channels]}": (e,) for e in specs}
    if kind == "scheme":
        return {"with one parent a child": (1,), "with two parents a child": (2,)}
    return {"": (models,) if kind == "model" else ()}
