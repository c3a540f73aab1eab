"""A short search with a scheme, a tiny encoding and a tiny target, written down step by step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.spec.candidate import Candidate
from neatfool.spec.scores import Scores
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.spec.archive import Archive
    from neatfool.spec.candidate import Replacement
    from neatfool.spec.scheme import Scheme

Judge = Callable[[Scores], Scores]


@dataclass(frozen=True)
class Niches:
    """The archive at a moment.

    Attributes:
        ids: int64 [K], the candidates that hold the niches, -1 where there is none.
        confidences: float64 [K].
        ranks: float64 [K].
    """

    ids: np.ndarray
    confidences: np.ndarray
    ranks: np.ndarray

    @classmethod
    def of(cls, archive: Archive) -> Niches:
        """Copy an archive's niches."""
        return cls(archive.candidate_ids.copy(), archive.confidences.copy(), archive.ranks.copy())


@dataclass(frozen=True)
class Step:
    """One generation of a toy search.

    Attributes:
        known: The ids of the elites and members before ``ask``.
        candidates: What ``ask`` gave.
        scores: What ``tell`` was told.
        replacements: What ``tell`` gave.
        before: The archive before ``tell``.
        after: The archive after ``tell``.
    """

    known: frozenset[int]
    candidates: tuple[Candidate, ...]
    scores: Scores
    replacements: tuple[Replacement, ...]
    before: Niches
    after: Niches


@dataclass(frozen=True)
class Saved:
    """What a run's database would hold after a generation: everything as text.

    Attributes:
        state: The scheme's state as JSON.
        candidates: The elites and members: genome text, parents and generation, by id.
        elites: The archive's elites.
    """

    state: str
    candidates: dict[int, tuple[str, tuple[int, ...], int]]
    elites: tuple[Any, ...]


class ToySearch:
    """A scheme at work.

    Attributes:
        scheme: The scheme.
        encoding: The tiny encoding.
    """

    def __init__(
        self,
        make: Callable[..., Scheme],
        *,
        parents: int = 1,
        seed: int = 1,
        judge: Judge = lambda scores: scores,
    ) -> None:
        """Begin a search.

        Args:
            make: Called as ``make(encoding, spec, seed)``.
            parents: How many parents the encoding wants.
            seed: The search's seed.
            judge: Changes the scores before the scheme is told.
        """
        self.encoding = ToyEncoding(TOY_SPEC, parents=parents)
        self.scheme = make(self.encoding, TOY_SPEC, seed)
        self._target = ToyTarget(TOY_SPEC)
        self._judge = judge

    def steps(self, generations: int) -> Iterator[Step]:
        """Go on for some generations, or to the search's end."""
        for _ in range(generations):
            step = self.step()
            if step is None:
                return
            yield step

    def step(self, keep: int | None = None) -> Step | None:
        """Go on for a generation; None at the search's end.

        Args:
            keep: How many of the candidates are scored and told; all if absent.
        """
        scheme = self.scheme
        known = frozenset(scheme.archive.candidates) | {member.id for member in scheme.members()}
        candidates = list(islice(scheme.ask(), keep))
        if not candidates:
            return None
        scores = self._judge(self._scores(candidates))
        before = Niches.of(scheme.archive)
        replacements = tuple(scheme.tell(candidates, scores))
        after = Niches.of(scheme.archive)
        return Step(known, tuple(candidates), scores, replacements, before, after)

    def save(self) -> Saved:
        """Write down what resuming needs."""
        scheme = self.scheme
        held = {**scheme.archive.candidates, **{member.id: member for member in scheme.members()}}
        return Saved(
            state=json.dumps(scheme.state(), allow_nan=False),
            candidates={
                id_: (
                    self.encoding.dumps(candidate.genome),
                    candidate.parents,
                    candidate.generation,
                )
                for id_, candidate in held.items()
            },
            elites=tuple(scheme.archive.elites()),
        )

    def restore(self, saved: Saved) -> None:
        """Put a search that has just begun where another one was saved."""
        candidates = {
            id_: Candidate(id_, self.encoding.loads(genome), parents, generation)
            for id_, (genome, parents, generation) in saved.candidates.items()
        }
        for elite in saved.elites:
            self.scheme.archive.place(replace(elite, candidate=candidates[elite.candidate.id]))
        self.scheme.restore(json.loads(saved.state), candidates)

    def _scores(self, candidates: list[Candidate]) -> Scores:
        images = self.encoding.render([candidate.genome for candidate in candidates])
        scores = self._target.score(images.numpy())
        return replace(scores, ok=np.ones(len(candidates), dtype=bool))


def same_step(a: Step, b: Step) -> bool:
    """Whether two searches did the same, to the bit."""
    pairs = (
        (a.before.ids, b.before.ids),
        (a.after.ids, b.after.ids),
        (a.after.ranks, b.after.ranks),
        (a.after.confidences, b.after.confidences),
    )
    return (
        a.candidates == b.candidates
        and a.replacements == b.replacements
        and all(np.array_equal(x, y) for x, y in pairs)
    )
