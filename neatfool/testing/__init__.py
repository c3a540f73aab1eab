"""Checks that show whether a plugin keeps its contract.

Say in a test how to make the plugin::

    from neatfool.testing import check_target

    def test_bright_keeps_the_contract_of_a_target():
        check_target(lambda: Bright(Options()))

A check raises AssertionError with a line for each fault: what it expected, got, and what to do.
``neatfool plugins check NAME`` runs the same checks, through :func:`check_registration`. Use the
tiny encoding, target and scheme in tests of your own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import TestCase

from pydantic import BaseModel, ValidationError

from neatfool.errors import ExperimentError
from neatfool.plugin.manager import Observers
from neatfool.plugin.registration import Registration
from neatfool.spec.encoding import Encoding
from neatfool.spec.engine import Engine
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scheme import Scheme
from neatfool.spec.target import Target
from neatfool.spec.view import View
from neatfool.testing import (
    encoding_checks,
    engine_checks,
    scheme_checks,
    target_checks,
    view_checks,
)
from neatfool.testing.checking import CheckResult, run_check
from neatfool.testing.encoding_checks import COLOUR, GREY, EncodingSubject
from neatfool.testing.engine_checks import EngineSubject
from neatfool.testing.scheme_checks import SchemeSubject
from neatfool.testing.target_checks import TargetSubject
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyScheme, ToyTarget, assemble_toys
from neatfool.testing.view_checks import ViewSubject

__all__ = [
    "COLOUR",
    "GREY",
    "TOY_SPEC",
    "CheckResult",
    "ToyEncoding",
    "ToyScheme",
    "ToyTarget",
    "check_encoding",
    "check_engine",
    "check_observer",
    "check_observers",
    "check_registration",
    "check_scheme",
    "check_target",
    "check_view",
]

_CHECKS: Final = {
    "encoding": encoding_checks,
    "engine": engine_checks,
    "scheme": scheme_checks,
    "target": target_checks,
    "view": view_checks,
}
"""Kind -> module; its checks are the functions named ``check_...``, in their order."""


def check_target(make: Callable[[], Target]) -> None:
    """Check that a target keeps its contract: ``check_target(lambda: Bright(Options()))``."""
    __tracebackhide__ = True
    _expect_passed(examine("target", make))


def check_encoding(
    make: Callable[[ImageSpec], Encoding[Any]], specs: Sequence[ImageSpec] = (GREY, COLOUR)
) -> None:
    """Check that an encoding keeps its contract.

    Args:
        make: Makes it: ``lambda spec: Blocks(Options(), spec=spec)``.
        specs: The images to try it with.
    """
    __tracebackhide__ = True
    _expect_passed(examine("encoding", make, specs))


def check_scheme(make: Callable[[Encoding[Any], ImageSpec, int], Scheme]) -> None:
    """Check that a scheme keeps its contract, with one parent a child and with two.

    ``make`` makes it from an encoding, a spec and a seed, with small batches if it has an option.
    """
    __tracebackhide__ = True
    _expect_passed(examine("scheme", make))


def check_engine(make: Callable[[], Engine]) -> None:
    """Check that an engine keeps its contract; its workers must see this machine's files."""
    __tracebackhide__ = True
    _expect_passed(examine("engine", make))


def check_view(make: Callable[[], View]) -> None:
    """Check that a view keeps its contract at each strength: ``check_view(lambda: Darker(None))``.

    Its images are grey and in colour, of a few pixels.
    """
    __tracebackhide__ = True
    _expect_passed(examine("view", make))


def check_observer(observer: object) -> None:
    """Let an observer, a module or object with hooks, follow a tiny run, and the run resumed.

    Raises:
        AssertionError: A hook raised.
        PluginError: It has no hook, or a misspelt one, or one with wrong arguments.
    """
    __tracebackhide__ = True
    from neatfool.plugin.manager import PluginManager

    plugins = PluginManager()
    plugins.register_object(observer, getattr(observer, "__name__", type(observer).__name__))
    _expect_passed(check_observers(plugins.observers()))


def check_observers(observers: Observers) -> list[CheckResult]:
    """Do the same for the observers that ``PluginManager.observers()`` gives; give two results."""
    from neatfool.evolution.resuming import resume
    from neatfool.evolution.session import start

    def follows_a_run(parent: Path) -> None:
        with TestCase().assertNoLogs("neatfool.observers"):  # of hooks that raise
            start(assemble_toys(parent, 3), parent / "toy-1").go(observers)

    def follows_a_resumed_run(parent: Path) -> None:
        longer = assemble_toys(parent, 5)
        with TestCase().assertNoLogs("neatfool.observers"):
            resume(lambda _resolved, _plan: longer, parent / "toy-1").go(observers)

    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        subjects = {"": Path(temporary)}
        return [run_check(each, subjects) for each in (follows_a_run, follows_a_resumed_run)]


def _expect_passed(results: Iterable[CheckResult]) -> None:
    __tracebackhide__ = True
    if failed := [f"{result.name}: {result.message}" for result in results if not result.passed]:
        raise AssertionError("\n".join(failed))


def check_registration(
    registration: Registration,
    options: BaseModel | Mapping[str, Any] | None = None,
    *,
    specs: Sequence[ImageSpec] = (GREY, COLOUR),
) -> list[CheckResult]:
    """Run the checks of a plugin's kind.

    Args:
        registration: What the plugin registered.
        options: Its options, or values for them; the defaults if absent.
        specs: The images to try an encoding or a view with.

    Returns:
        One result for each check; or, if the plugin cannot be made, a single one that says why.

    Raises:
        ValueError: This kind has no checks.
    """
    kind = registration.kind
    if kind not in _CHECKS:
        raise ValueError(f"kind {kind!r} has no checks; these have: {', '.join(_CHECKS)}")
    try:
        given = isinstance(options, BaseModel)
        made = options if given else registration.options.model_validate(options or {})
    except (Exception, SystemExit) as error:
        message = f"its options model raised {type(error).__name__}: {error}"
        if isinstance(error, ValidationError):
            faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            message = f"its options are not valid: {'; '.join(faults)}; give values for the check"
        return [CheckResult("can be made", passed=False, message=message)]

    def make(*arguments: Any) -> Any:
        names = {"encoding": ["spec"], "scheme": ["encoding", "spec", "seed"]}.get(kind, [])
        named = dict(zip(names, arguments, strict=True))
        if kind == "scheme":
            named |= registration.wanted(target=ToyTarget(named["spec"]))
        return registration.maker(made, **named)

    return examine(kind, make, specs)


def examine(
    kind: str, make: Callable[..., Any], specs: Sequence[ImageSpec] = (GREY, COLOUR)
) -> list[CheckResult]:
    """Run the checks of a kind; ``make`` and ``specs`` are those of ``check_KIND``."""
    if not __debug__:
        raise ExperimentError("python -O: leaves out what checks assert; check without -O")

    def can_be_made(subject: Any) -> None:
        getattr(subject, kind)

    subjects: dict[str, Any]
    with ExitStack() as stack:
        if kind in {"encoding", "view"}:
            of_images = EncodingSubject if kind == "encoding" else ViewSubject
            subjects = {
                f"{spec.width}x{spec.height} {'grey' if spec.channels == 1 else 'colour'}": (
                    of_images(make, spec)
                )
                for spec in specs
            }
        elif kind == "scheme":
            labels = {1: "with one parent a child", 2: "with two parents a child"}
            subjects = {name: SchemeSubject(make, parents=n) for n, name in labels.items()}
        else:
            subject = TargetSubject(make) if kind == "target" else EngineSubject(make)
            subjects = {"": stack.enter_context(closing(subject))}
        results = [run_check(can_be_made, subjects)]
        if results[0].passed:
            checks = [*vars(_CHECKS[kind]).items()]
            results += [run_check(c, subjects) for name, c in checks if name.startswith("check_")]
    return results
