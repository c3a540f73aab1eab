"""A short search with a scheme, a tiny encoding and a tiny target, recorded step by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.plugin.registration import keep_contract
from neatfool.spec.scheme import Scheme
from neatfool.spec.scores import Scores
from neatfool.testing.checking import Subject, expect
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyTarget

if TYPE_CHECKING:
    from neatfool.spec.archive import Archive
    from neatfool.spec.candidate import Candidate, Elite, Replacement

GENERATIONS: Final = 18
"""So long is the search that the checks of a scheme share."""
Judge = Callable[[Scores], Scores]


@dataclass(frozen=True)
class Step:
    """One generation of a toy search: what ``ask`` gave, and what ``tell`` got and gave."""

    known: frozenset[int]
    """The ids of the elites and members before ``ask``."""
    candidates: tuple[Candidate, ...]
    scores: Scores
    replacements: tuple[Replacement, ...]
    before: Archive
    """A copy of the archive before ``tell``."""
    after: Archive
    """A copy of the archive after ``tell``."""


class ToySearch:
    """Runs a scheme with a tiny encoding."""

    def __init__(
        self,
        make: Callable[..., Scheme],
        *,
        parents: int = 1,
        seed: int = 1,
        judge: Judge = lambda scores: scores,
    ) -> None:
        """Start a search; ``judge`` changes the scores before the scheme gets them."""
        self.encoding = ToyEncoding(TOY_SPEC, parents=parents)
        self.scheme = keep_contract(make(self.encoding, TOY_SPEC, seed), Scheme)
        self._target = ToyTarget(TOY_SPEC)
        self._judge = judge

    def steps(self, generations: int) -> Iterator[Step]:
        """Run some generations, or until the search ends."""
        for _ in range(generations):
            if (step := self.step()) is None:
                return
            yield step

    def step(self, keep: int | None = None) -> Step | None:
        """Run a generation of at most ``keep`` candidates; None if the search has ended."""
        scheme = self.scheme
        known = frozenset(scheme.archive.candidates) | {member.id for member in scheme.members()}
        candidates = list(islice(scheme.ask(), keep))
        if not candidates:
            return None
        images = self.encoding.render([candidate.genome for candidate in candidates])
        ok = np.ones(len(candidates), dtype=bool)
        scores = self._judge(replace(self._target.score(images.numpy()), ok=ok))
        before = deepcopy(scheme.archive)
        replacements = tuple(scheme.tell(candidates, scores))
        after = deepcopy(scheme.archive)
        return Step(known, tuple(candidates), scores, replacements, before, after)

    def save(self) -> tuple[str, dict[int, Candidate], list[Elite]]:
        """Save what a run's database holds: the state as JSON, candidates as text, and elites."""
        scheme = self.scheme
        held = {**scheme.archive.candidates, **{member.id: member for member in scheme.members()}}
        texts = {
            id_: replace(each, genome=self.encoding.dumps(each.genome), evaluations=1)
            for id_, each in held.items()
        }
        try:
            state = json.dumps(scheme.state(), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise AssertionError(
                f"state() cannot be written as JSON: {error}; give numbers, texts, lists and "
                "dicts with text keys, and candidates by their ids"
            ) from error
        return state, texts, list(scheme.archive.elites())

    def restore(self, state: str, held: dict[int, Candidate], elites: list[Elite]) -> None:
        """Continue a saved search with this new one."""
        read = self.encoding.loads
        candidates = {id_: replace(each, genome=read(each.genome)) for id_, each in held.items()}
        for elite in elites:
            self.scheme.archive.place(replace(elite, candidate=candidates[elite.candidate.id]))
        self.scheme.restore(json.loads(state), candidates)


class SchemeSubject(Subject):
    """A scheme under test, with a tiny encoding that wants so many parents."""

    def __init__(self, make: Callable[..., Scheme], *, parents: int = 1) -> None:
        self.make, self.parents = make, parents

    @property
    def scheme(self) -> Scheme:
        """A new one."""
        return self.search().scheme

    def search(self, seed: int = 1, judge: Judge = lambda scores: scores) -> ToySearch:
        """Start a search."""
        return ToySearch(self.make, parents=self.parents, seed=seed, judge=judge)

    @cached_property
    def steps(self) -> list[Step]:
        """The generations of a search that the checks share."""
        steps = list(self.search().steps(GENERATIONS))
        expect(len(steps) > 1, f"ask() gave an empty list after {len(steps)} generations: the end")
        return steps


def same_step(a: Step, b: Step) -> bool:
    """Say whether two steps are the same, to the bit."""
    names = ("before.candidate_ids", "after.candidate_ids", "after.ranks", "after.confidences")
    return (a.candidates, a.replacements) == (b.candidates, b.replacements) and all(
        np.array_equal(attrgetter(name)(a), attrgetter(name)(b)) for name in names
    )
