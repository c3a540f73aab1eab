"""A scheme under test, with a search for the checks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from neatfool.testing.expectation import expect
from neatfool.testing.toy_search import Step, ToySearch

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool.spec.scheme import Scheme
    from neatfool.testing.toy_search import Judge

GENERATIONS = 18


class SchemeSubject:
    """A scheme under test.

    Attributes:
        make: Makes a scheme: ``make(encoding, spec, seed)``.
        parents: How many parents the tiny encoding wants.
    """

    def __init__(self, make: Callable[..., Scheme], *, parents: int = 1) -> None:
        self.make = make
        self.parents = parents

    def search(self, seed: int = 1, judge: Judge = lambda scores: scores) -> ToySearch:
        """Start a search."""
        return ToySearch(self.make, parents=self.parents, seed=seed, judge=judge)

    @cached_property
    def steps(self) -> list[Step]:
        """The generations of a search that the checks share."""
        steps = list(self.search().steps(GENERATIONS))
        expect(steps, "the first ask() gave no candidates, which ends the search")
        return steps

    def close(self) -> None:
        """Do nothing."""


def few(ids: Any) -> str:
    """List the first few ids."""
    shown = sorted(ids)
    return ", ".join(map(str, shown[:5])) + (", …" if len(shown) > 5 else "")
