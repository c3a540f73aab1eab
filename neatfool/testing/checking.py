"""What a check is: a function that raises AssertionError; and what runs checks."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


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


class Subject:
    """A plugin under test, with what its checks share: an attribute named after its kind is it."""

    def close(self) -> None:
        """End what was begun for the checks."""


def run_check(check: Callable[[Any], object], subjects: Mapping[str, Any]) -> CheckResult:
    """Run a check on subjects by their labels (an empty label for a single one).

    Returns:
        A result, named after the check: passed on every subject, or the first failure.
    """
    name, lacking = check.__name__.removeprefix("check_").replace("_", " "), ""
    for label, subject in subjects.items():
        message = ""
        try:
            check(subject)
        except DoesNotApply as missing:
            lacking = lacking or str(missing)
        except AssertionError as error:
            message = str(error) or f"an assertion failed{_place(error)}"
        except Exception as error:
            message = f"{type(error).__name__}: {error}{_place(error)}"
        if message:
            text = f"{label}: {message}" if label else message
            return CheckResult(name, passed=False, message=text)
    return CheckResult(name, passed=True, message=lacking, applies=not lacking)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def expect_passed(results: Iterable[CheckResult]) -> None:
    """Raise AssertionError with a line for each check that failed."""
    __tracebackhide__ = True
    failed = [f"{result.name}: {result.message}" for result in results if not result.passed]
    expect(not failed, "\n".join(failed))


@contextmanager
def global_randomness(seed: int) -> Iterator[None]:
    """Seed Python's, numpy's and torch's global generators in the block, then restore them.

    Args:
        seed: A seed in [0, 2**32).

    Raises:
        AssertionError: The block used or seeded a generator; the message names it.
    """
    import torch

    generators: dict[str, tuple[Callable[..., Any], ...]] = {
        "random": (random.seed, random.getstate, random.setstate),
        "numpy.random": (np.random.seed, np.random.get_state, np.random.set_state),
        "torch": (torch.manual_seed, torch.get_rng_state, torch.set_rng_state),
    }

    def states() -> dict[str, str]:
        found = ((name, get()) for name, (_, get, _) in generators.items())
        return {name: str(s.tolist() if name == "torch" else s) for name, s in found}

    with ExitStack() as stack:
        for set_seed, get, restore in generators.values():
            stack.callback(restore, get())
            set_seed(seed)
        expected = states()
        yield
        used = states()
    for generator, state in expected.items():
        expect(
            used[generator] == state,
            f"the global generator of {generator} was used; make your own generator from the given "
            "seed: numpy.random.default_rng(seed)",
        )
