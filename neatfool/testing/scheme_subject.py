"""What the checks of a scheme look at."""

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
        make: Makes the scheme, as ``make(encoding, spec, seed)``.
        parents: How many parents the tiny encoding wants.
    """

    def __init__(self, make: Callable[..., Scheme], *, parents: int = 1) -> None:
        self.make = make
        self.parents = parents

    def search(self, seed: int = 1, judge: Judge = lambda scores: scores) -> ToySearch:
        """Begin a search."""
        return ToySearch(self.make, parents=self.parents, seed=seed, judge=judge)

    @cached_property
    def steps(self) -> list[Step]:
        """A search of some generations, which the checks share."""
        steps = list(self.search().steps(GENERATIONS))
        expect(steps, "the first ask() gave no candidates, which says that the search is over")
        return steps

    def close(self) -> None:
        """There is nothing to close."""


def few(ids: Any) -> str:
    """Give the first few ids in words."""
    shown = sorted(ids)
    return ", ".join(map(str, shown[:5])) + (", …" if len(shown) > 5 else "")
