"""Runs the suites' checks on a registered plugin, without pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from neatfool.testing.encoding_subject import COLOUR, GREY, EncodingSubject
from neatfool.testing.encoding_suite import ENCODING_CHECKS
from neatfool.testing.engine_subject import EngineSubject
from neatfool.testing.engine_suite import ENGINE_CHECKS
from neatfool.testing.expectation import CheckResult, failure, run_checks
from neatfool.testing.scheme_subject import SchemeSubject
from neatfool.testing.scheme_suite import SCHEME_CHECKS
from neatfool.testing.target_subject import TargetSubject
from neatfool.testing.target_suite import TARGET_CHECKS
from neatfool.testing.toys import ToyTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from neatfool.plugin.registration import Registration
    from neatfool.spec.image_spec import ImageSpec

CAN_BE_MADE = "can be made"


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
        specs: The images to try an encoding with.

    Returns:
        One result for each check; or, if the plugin cannot be made, a single one that says why.

    Raises:
        ValueError: This kind has no checks.
    """
    if registration.kind not in _CHECKERS:
        raise ValueError(
            f"kind {registration.kind!r} has no checks; these have: " + ", ".join(sorted(_CHECKERS))
        )
    try:
        made = _options(registration.options, options or {})
    except Exception as error:
        return [CheckResult(CAN_BE_MADE, passed=False, message=_describe_error(error))]
    return _CHECKERS[registration.kind](registration, made, specs)


def _options(model: type[BaseModel], options: BaseModel | Mapping[str, Any]) -> BaseModel:
    return options if isinstance(options, BaseModel) else model.model_validate(options)


def _describe_error(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"its options model raised {type(error).__name__}: {error}"
    problems = (
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
    )
    return f"its options are not valid: {'; '.join(problems)}; give values for the check"


def _check_target(
    registration: Registration, options: BaseModel, _: Sequence[ImageSpec]
) -> list[CheckResult]:
    subject = TargetSubject(lambda: registration.factory(options))
    if broken := _try_to_make(lambda subject: subject.target, subject):
        return broken
    try:
        return [CheckResult(CAN_BE_MADE, passed=True), *run_checks(TARGET_CHECKS, {"": subject})]
    finally:
        subject.close()


def _check_encoding(
    registration: Registration, options: BaseModel, specs: Sequence[ImageSpec]
) -> list[CheckResult]:
    def subject_for(spec: ImageSpec) -> EncodingSubject:
        return EncodingSubject(lambda: registration.factory(options, spec=spec), spec)

    subjects = {_describe(spec): subject_for(spec) for spec in specs}
    for subject in subjects.values():
        if broken := _try_to_make(lambda subject: subject.encoding, subject):
            return broken
    return [CheckResult(CAN_BE_MADE, passed=True), *run_checks(ENCODING_CHECKS, subjects)]


def _check_scheme(
    registration: Registration, options: BaseModel, _: Sequence[ImageSpec]
) -> list[CheckResult]:
    def make(encoding: Any, spec: ImageSpec, seed: int) -> Any:
        more = registration.wanted(target=ToyTarget(spec))
        return registration.factory(options, encoding=encoding, spec=spec, seed=seed, **more)

    subjects = {
        "with one parent a child": SchemeSubject(make, parents=1),
        "with two parents a child": SchemeSubject(make, parents=2),
    }
    for subject in subjects.values():
        if broken := _try_to_make(lambda subject: subject.search(), subject):
            return broken
    return [CheckResult(CAN_BE_MADE, passed=True), *run_checks(SCHEME_CHECKS, subjects)]


def _check_engine(
    registration: Registration, options: BaseModel, _: Sequence[ImageSpec]
) -> list[CheckResult]:
    subject = EngineSubject(lambda: registration.factory(options))
    try:
        if broken := _try_to_make(lambda subject: subject.engine, subject):
            return broken
        return [CheckResult(CAN_BE_MADE, passed=True), *run_checks(ENGINE_CHECKS, {"": subject})]
    finally:
        subject.close()


_CHECKERS = {
    "target": _check_target,
    "encoding": _check_encoding,
    "scheme": _check_scheme,
    "engine": _check_engine,
}


def _try_to_make(make: Callable[[Any], object], subject: Any) -> list[CheckResult]:
    message = failure(make, subject)
    return [] if message is None else [CheckResult(CAN_BE_MADE, passed=False, message=message)]


def _describe(spec: ImageSpec) -> str:
    colour = "grey" if spec.channels == 1 else "colour"
    return f"{spec.width}x{spec.height} {colour}"
