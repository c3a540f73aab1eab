"""What a check is: a function that asserts; and what runs checks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar
from unittest import SkipTest

import numpy as np

from neatfool.errors import NeatfoolError
from neatfool.tracebacks import failing_line

T = TypeVar("T")


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


class Subject(Generic[T]):
    """A plugin under test, with what its checks need."""

    def __init__(self, make: Callable[..., T]) -> None:
        self.make = make

    @cached_property
    def made(self) -> T:
        """The one that the checks share."""
        return self.make()

    def close(self) -> None:
        """End processes, and delete files."""


class FolderSubject(Subject[T]):
    """A plugin under test that needs a folder."""

    @cached_property
    def folder(self) -> Path:
        """A folder for its files."""
        self._temporary = TemporaryDirectory(ignore_cleanup_errors=True)
        return Path(self._temporary.name)

    def close(self) -> None:
        """Delete the folder."""
        if "folder" in vars(self):
            self._temporary.cleanup()


def run_check(check: Callable[[Any], object], subjects: Mapping[str, Any]) -> CheckResult:
    """Run a check on subjects by label, to the first failure; SkipTest if nothing applies."""
    name, lacking = check.__name__.removeprefix("check_").replace("_", " "), ""
    for label, subject in subjects.items():
        try:
            check(subject)
        except SkipTest as missing:
            lacking = lacking or str(missing)
        except (Exception, SystemExit) as error:
            line = failing_line(error, {"neatfool"})
            place = f" ({line[1]})" if line else ""
            message = f"{type(error).__name__}: {error}{place}"
            if isinstance(error, AssertionError):
                message = (str(error) or "an assertion failed") + place
            elif isinstance(error, NeatfoolError):
                message = str(error)
            text = f"{label}: {message}" if label else message
            return CheckResult(name, passed=False, message=text)
    return CheckResult(name, passed=True, message=lacking, applies=not lacking)


@contextmanager
def global_randomness(seed: int) -> Iterator[None]:
    """Seed the global generators in the block, then restore them; AssertionError if it used one."""
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
        assert used[generator] == state, (
            f"the generator of {generator} was used; make your own: numpy.random.default_rng(seed)"
        )
