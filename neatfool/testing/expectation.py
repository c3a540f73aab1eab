"""Checks: functions that take a subject and raise AssertionError; and what runs them."""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Subject(Protocol):
    """A plugin under test, and what its checks share."""

    def close(self) -> None:
        """Free what the subject holds."""
        ...


SubjectT = TypeVar("SubjectT", bound=Subject)


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        name: The checked behaviour, in a few words.
        passed: Whether the plugin behaves so, or need not.
        message: What was expected, what came and what to do; empty if the check passed. If it does
            not apply, why.
        applies: Whether there was anything to check.
    """

    name: str
    passed: bool
    message: str = ""
    applies: bool = True


class DoesNotApply(Exception):  # noqa: N818 - no error
    """A plugin may leave out what a check is about, and does."""


def require(condition: object, lacking: str) -> None:
    """End a check that has nothing to look at unless a condition holds; say what is lacking."""
    if not condition:
        raise DoesNotApply(lacking)


def expect(condition: object, message: str) -> None:
    """Raise AssertionError with a message unless a condition holds (under ``python -O`` too)."""
    __tracebackhide__ = True
    if not condition:
        raise AssertionError(message)


def name_of(check: Callable[..., None]) -> str:
    """Give the name of a check in words: ``check_same_bits`` is "same bits"."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def run_checks(
    checks: Iterable[Callable[[SubjectT], None]], subjects: Mapping[str, SubjectT]
) -> list[CheckResult]:
    """Run checks without pytest on subjects by their labels (an empty label for a single one).

    Returns:
        One result for each check: passed on every subject, or the first failure.
    """
    return [_run(check, subjects) for check in checks]


def failure(check: Callable[[SubjectT], object], subject: SubjectT) -> str | None:
    """Run a check, and say what went wrong; None if nothing did."""
    return _try(check, subject)[0]


def _try(
    check: Callable[[SubjectT], object], subject: SubjectT
) -> tuple[str | None, DoesNotApply | None]:
    """Run a check; give what went wrong, or what there is nothing of to look at."""
    try:
        check(subject)
    except DoesNotApply as lacking:
        return None, lacking
    except AssertionError as error:
        return str(error) or f"an assertion failed{_place(error)}", None
    except Exception as error:
        return f"{type(error).__name__}: {error}{_place(error)}", None
    return None, None


def _run(check: Callable[[SubjectT], None], subjects: Mapping[str, SubjectT]) -> CheckResult:
    lacking: DoesNotApply | None = None
    for label, subject in subjects.items():
        message, missing = _try(check, subject)
        if message is not None:
            text = f"{label}: {message}" if label else message
            return CheckResult(name_of(check), passed=False, message=text)
        lacking = lacking or missing
    return CheckResult(
        name_of(check), passed=True, message=str(lacking or ""), applies=lacking is None
    )


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


class Suite(Generic[SubjectT]):
    """The base of the suites; pytest finds subclasses whose names begin with ``Test``.

    A class makes its subject once, when its first test needs it.
    """

    _made: ClassVar[Any]

    def make_subject(self) -> SubjectT:
        """Make the subject of the tests."""
        raise NotImplementedError

    def subject(self) -> SubjectT:
        """Give the subject that the tests of this class share."""
        kind = type(self)
        if "_made" not in vars(kind):
            kind._made = self.make_subject()
        made: SubjectT = kind._made
        return made

    @classmethod
    def teardown_class(cls) -> None:
        """Close the subject; pytest calls this after the last test."""
        if "_made" in vars(cls):
            cls._made.close()
            del cls._made


def add_tests(suite: type[Suite[SubjectT]], checks: Iterable[Callable[[SubjectT], None]]) -> None:
    """Add a test method for each check to a suite."""
    for check in checks:
        method = _make_test(check)
        setattr(suite, method.__name__, method)


def _make_test(check: Callable[[SubjectT], None]) -> Callable[[Suite[SubjectT]], None]:
    def test(self: Suite[SubjectT]) -> None:
        with suppress(DoesNotApply):
            check(self.subject())

    test.__name__ = f"test_{check.__name__.removeprefix('check_')}"
    test.__qualname__ = test.__name__
    test.__doc__ = check.__doc__
    return test
