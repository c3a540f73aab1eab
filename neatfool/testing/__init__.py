"""Checks that show whether a plugin keeps its contract.

Say in a test how to make the plugin::

    from neatfool.testing import check_plugin

    def test_bright_keeps_the_contract_of_a_target():
        check_plugin("target", lambda: Bright(Options()))

``neatfool plugins check NAME`` runs the same checks. Use the tiny encoding, target and scheme in
tests of your own.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from itertools import count
from typing import Any, Final

from neatfool.errors import ExperimentError
from neatfool.plugin.registration import CONTRACTS, check_contract
from neatfool.spec.image_spec import ImageSpec
from neatfool.testing import (
    activation_checks,
    detector_checks,
    encoding_checks,
    engine_checks,
    measure_checks,
    model_checks,
    observer_checks,
    scheme_checks,
    target_checks,
    view_checks,
)
from neatfool.testing.checking import CheckResult, run_check
from neatfool.testing.encoding_checks import COLOUR, GREY
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyScheme, ToyTarget

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

CHECKS: Final = {
    "activation": activation_checks,
    "detector": detector_checks,
    "encoding": encoding_checks,
    "engine": engine_checks,
    "measure": measure_checks,
    "model": model_checks,
    "observer": observer_checks,
    "scheme": scheme_checks,
    "target": target_checks,
    "view": view_checks,
}
"""Kind -> module; its checks are the functions named ``check_...``, in their order."""


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
    contract: type[Any] | None = CONTRACTS.get(kind)

    def make_checked(*arguments: Any) -> Any:
        made = make(*arguments)
        return made if contract is None else check_contract(made, contract)

    def can_be_made(subject: Any) -> None:
        getattr(subject, kind)

    with ExitStack() as stack:
        subjects = _make_subjects(kind, make_checked, specs, models)
        if kind in HOLDING:
            stack.enter_context(closing(subjects[""]))
        results = [run_check(can_be_made, subjects)]
        if results[0].passed:
            checks = [*vars(CHECKS[kind]).items()]
            results += [run_check(c, subjects) for name, c in checks if name.startswith("check_")]
    return results


SUBJECTS: Final = {
    "activation": activation_checks.ActivationSubject,
    "detector": detector_checks.DetectorSubject,
    "engine": engine_checks.EngineSubject,
    "measure": measure_checks.MeasureSubject,
    "observer": observer_checks.ObserverSubject,
    "target": target_checks.TargetSubject,
}
"""Kind -> what its checks look at, if they need no more than the plugin."""
HOLDING: Final = {"engine", "measure", "observer", "target"}
"""The kinds of which a subject holds a folder or a process, and is closed at the end."""


def _make_subjects(
    kind: str, make: Callable[..., Any], specs: Sequence[ImageSpec], models: Sequence[str]
) -> dict[str, Any]:
    if kind == "encoding":
        return {_label(spec): encoding_checks.EncodingSubject(make, spec) for spec in specs}
    if kind == "view":
        return {_label(spec): view_checks.ViewSubject(make, spec) for spec in specs}
    if kind == "scheme":
        parents = {1: "with one parent a child", 2: "with two parents a child"}
        return {label: scheme_checks.SchemeSubject(make, parents=n) for n, label in parents.items()}
    if kind == "model":
        return {"": model_checks.ModelSubject(make, models)}
    return {"": SUBJECTS[kind](make)}


def _label(spec: ImageSpec) -> str:
    return f"{spec.width}x{spec.height} {'grey' if spec.channels == 1 else 'colour'}"
