"""What a check is: a function of a subject that raises AssertionError, and what runs it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Subject(Protocol):
    """What checks look at: a plugin's factory, and what they share of what it made."""

    def close(self) -> None:
        """Give back what the subject holds."""
        ...


SubjectT = TypeVar("SubjectT", bound=Subject)


@dataclass(frozen=True)
class CheckResult:
    """What came of one check.

    Attributes:
        name: The behaviour that was checked, in a few words.
        passed: Whether the plugin behaves so.
        message: What was expected, what came instead and what to do; empty if it passed.
    """

    name: str
    passed: bool
    message: str = ""


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
    """Run checks without pytest.

    Args:
        checks: The checks.
        subjects: What to check, each under a label that says what is special about it (empty if
            there is only one).

    Returns:
        One result a check: passed if it passed on every subject, else the first failure.
    """
    return [_run(check, subjects) for check in checks]


def failure(check: Callable[[SubjectT], object], subject: SubjectT) -> str | None:
    """Run a check and tell what went wrong, None if nothing did."""
    try:
        check(subject)
    except AssertionError as error:
        return str(error) or f"an assertion failed{_place(error)}"
    except Exception as error:
        return f"{type(error).__name__}: {error}{_place(error)}"
    return None


def _run(check: Callable[[SubjectT], None], subjects: Mapping[str, SubjectT]) -> CheckResult:
    for label, subject in subjects.items():
        message = failure(check, subject)
        if message is not None:
            text = f"{label}: {message}" if label else message
            return CheckResult(name_of(check), passed=False, message=text)
    return CheckResult(name_of(check), passed=True)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


class Suite(Generic[SubjectT]):
    """The base of the suites: pytest finds a subclass whose name begins with ``Test``.

    What a suite checks is made once a class, when its first test needs it.
    """

    _made: ClassVar[Any]

    def make_subject(self) -> SubjectT:
        """Make what the tests look at."""
        raise NotImplementedError

    def subject(self) -> SubjectT:
        """Give what the tests of this class share."""
        kind = type(self)
        if "_made" not in vars(kind):
            kind._made = self.make_subject()
        made: SubjectT = kind._made
        return made

    @classmethod
    def teardown_class(cls) -> None:
        """Close what the tests shared; pytest calls this after the last one."""
        if "_made" in vars(cls):
            cls._made.close()
            del cls._made


def add_tests(suite: type[Suite[SubjectT]], checks: Iterable[Callable[[SubjectT], None]]) -> None:
    """Give a suite one test method a check."""
    for check in checks:
        method = _as_test(check)
        setattr(suite, method.__name__, method)


def _as_test(check: Callable[[SubjectT], None]) -> Callable[[Suite[SubjectT]], None]:
    def test(self: Suite[SubjectT]) -> None:
        check(self.subject())

    test.__name__ = f"test_{check.__name__.removeprefix('check_')}"
    test.__qualname__ = test.__name__
    test.__doc__ = check.__doc__
    return test
