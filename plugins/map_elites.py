"""Scheme ``map_elites``: each class is a niche, and every candidate competes for every niche.

This is MAP-Elites as in the paper's code. The first generation is random. Then parents are drawn
uniformly, with replacement, from the *niches*, so that an elite of three classes is three times as
likely. A child takes every class in which it ranks strictly higher than the elite, not only its
most likely class.

Two options are not the paper's. ``focus`` draws the niches that are not certain yet more often, and
``immigrants`` makes a share of each generation at random (as *random immigrants* in Grefenstette,
1992), so that a class whose elite no longer improves gets another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from pydantic import Field, PositiveInt

from neatfool import (
    Archive,
    Candidate,
    ClassNames,
    Encoding,
    ImageSpec,
    LearningOptions,
    Replacement,
    Scheme,
    Scores,
    Target,
    derive_seed,
    derive_seeds,
    hookimpl,
)

if TYPE_CHECKING:
    from neatfool import Learner

Item = TypeVar("Item")

LARGEST_GENERATION: Final = 100_000
"""A generation has at most this many candidates, because its images are all in memory at once."""
CERTAIN: Final = 0.9999
"""An elite with this confidence needs no learning, and no focus."""
BRED_AT_ONCE: Final = 256
"""Candidates are bred in pieces of this size, so that some are scored while others are bred."""


class Options(LearningOptions, extra="forbid"):
    """Options of the scheme ``map_elites``."""

    batch: PositiveInt = Field(200, le=LARGEST_GENERATION)
    """candidates in each generation"""
    initial: PositiveInt | None = Field(None, le=LARGEST_GENERATION)
    """candidates in the first, random generation. If left out, `batch` of them"""
    immigrants: float = Field(0.0, ge=0, le=0.9)
    """the share of later generations that is random, too. It helps where a few classes are the last
    and their images no longer improve *(new in 0.2)*"""
    focus: PositiveInt = Field(1, le=1000)
    """a class below 99.99 % gives a parent so many times as often as one above. The niches of an
    objective are all alike *(new in 0.2)*"""
    classes: ClassNames = Field([])
    """the classes to search, by name or index; `@FILE` stands for the lines of a file. If left out,
    all"""
    seed_from: Path | None = None
    """the folder of another run, or of genomes in files. Its elites, or these genomes, begin the
    first generation, and random candidates fill it up to `initial`"""

    def absent(self, spec: ImageSpec | None) -> dict[str, Any]:
        """Give the values of keys that are left out."""
        return {"initial": self.batch}


class MapElites(Scheme):
    """The scheme ``map_elites``."""

    def __init__(
        self,
        options: Options,
        *,
        encoding: Encoding[Any],
        spec: ImageSpec,
        seed: int,
        target: Target | None = None,
    ) -> None:
        """Start a search; ``target`` gives the gradients for learning.

        Raises:
            ExperimentError: The target lacks a class of ``classes``, or the target or the encoding
                does not allow learning.
        """
        self.batch = options.batch
        self.archive = Archive.of(spec, options.classes)
        self._options = options
        self._inherited: dict[str, Any] | None = None
        self._beginning = ""
        self._learner: Learner | None = None
        if options.learn:
            from neatfool import Learner

            count = len(self.archive.classes)
            self._learner = Learner(options, encoding=encoding, target=target, classes=count)
        # No score of an objective is the highest that there is.
        self._certain = np.inf if spec.is_objective else CERTAIN
        self._learnt_on: dict[int, int] = {}
        self._refined = np.zeros(len(spec.classes), np.int64)
        self._encoding = encoding
        self._seed = seed
        self._generation = 0
        self._asked = 0

    def self_check(self) -> None:
        """Check the run or the genomes of ``seed_from``, if it is given.

        Raises:
            ExperimentError: There is none, or its genomes are not this encoding's.
        """
        if (source := self._options.seed_from) is not None:
            from neatfool import inherit

            inheritance = inherit(source, self._encoding)
            count = len(inheritance.genomes)
            genomes = "1 genome" if count == 1 else f"{count:,} genomes"
            self._beginning = f"The first generation begins with {genomes} from {source}."

    def describe(self) -> str:
        """Say what a new search begins with; nothing if all is random."""
        return self._beginning

    def ask(self) -> Iterator[Candidate]:
        """Breed candidates as they are taken: random genomes at first, then elites' children, too.

        Learning comes last, so that the target scores the others meanwhile.
        """
        holders = self.archive.candidate_ids[self.archive.classes]
        filled = self.archive.classes[holders >= 0]
        if not len(filled):
            return self._make_first()
        ids = self._new_ids(self.batch)
        count = round(self._options.immigrants * self.batch)
        made = chain(self._make_random(ids[:count]), self._children(filled, ids[count:]))
        return chain(made, self._learn(self._learner, filled)) if self._learner else made

    def bar(self) -> np.ndarray:
        """Give the elites' ranks: a candidate below all of them changes nothing."""
        return self.archive.bar()

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Offer every candidate to every niche."""
        self._generation += 1
        return self.archive.offer(candidates, scores)

    def members(self) -> Sequence[Candidate]:
        """Give none: only elites are parents."""
        return ()

    def state(self) -> dict[str, Any]:
        """Give the next generation, the number of candidates so far, and what was learnt.

        For each class that is the elite that was refined last, and how often one was.
        """
        state: dict[str, Any] = {"generation": self._generation, "asked": self._asked}
        if self._inherited is not None:
            state["inherited"] = self._inherited
        if self._learner:
            state["learner"] = self._learner.state()
            state["learnt_on"] = [
                [number, id_, int(self._refined[number])]
                for number, id_ in sorted(self._learnt_on.items())
            ]
        return state

    def restore(self, state: dict[str, Any], candidates: Mapping[int, Candidate]) -> None:
        """Restore what :meth:`state` gave; the archive holds the candidates."""
        self._generation, self._asked = state["generation"], state["asked"]
        self._inherited = state.get("inherited")
        if self._learner:
            self._learner.restore(state["learner"])
            for number, id_, refined in state["learnt_on"]:
                self._learnt_on[number], self._refined[number] = id_, refined

    def _make_first(self) -> Iterator[Candidate]:
        """Make the first generation: the elites of ``seed_from``, then random genomes."""
        genomes: list[Any] = []
        if source := self._options.seed_from:
            from neatfool import inherit

            inheritance = inherit(source, self._encoding)
            genomes, self._inherited = inheritance.genomes, inheritance.record
        ids = self._new_ids(max(self._options.initial or self.batch, len(genomes)))
        if self._learner:
            self._learner.due(len(ids), 0)
        return self._make_random(ids, genomes)

    def _make_random(self, ids: range, elders: Sequence[Any] = ()) -> Iterator[Candidate]:
        """Make the elders' genomes candidates, and random ones for the other ids."""
        pieces = _pieces(ids[len(elders) :])
        seeds = (derive_seeds(self._seed, "create", ids=piece) for piece in pieces)
        genomes = chain(elders, chain.from_iterable(map(self._encoding.create, seeds)))
        for id_, genome in zip(ids, genomes, strict=True):
            yield Candidate(id_, genome, generation=self._generation)

    def _children(self, filled: np.ndarray, ids: range) -> Iterator[Candidate]:
        focus = np.where(self.archive.scores[filled] < self._certain, self._options.focus, 1)
        draw = np.random.default_rng(derive_seed(self._seed, "parents", self._generation))
        size = len(ids), self._encoding.parents
        niches = draw.choice(filled.repeat(focus), size)
        seeds = derive_seeds(self._seed, "breed", ids=ids)
        # Parents that a child does not need rank last, and are left out.
        sizes = np.array(self._encoding.in_generation(self._generation).parent_counts(seeds))
        unwanted = np.arange(self._encoding.parents) >= sizes[:, None]
        order = np.lexsort((-self.archive.ranks[niches], unwanted))
        parent_groups = self.archive.candidate_ids[np.take_along_axis(niches, order, 1)].tolist()
        born = [
            (id_, seed, parent_group[:size])
            for id_, seed, parent_group, size in zip(ids, seeds, parent_groups, sizes, strict=True)
        ]
        return chain.from_iterable(map(self._breed, _pieces(born)))

    def _breed(self, born: Sequence[tuple[int, int, list[int]]]) -> list[Candidate]:
        held = self.archive.candidates
        genomes = self._encoding.in_generation(self._generation).breed(
            [[held[parent].genome for parent in parent_group] for *_, parent_group in born],
            [seed for _, seed, _ in born],
        )
        return [
            Candidate(id_, genome, tuple(dict.fromkeys(parent_group)), self._generation)
            for (id_, _, parent_group), genome in zip(born, genomes, strict=True)
        ]

    def _learn(self, learner: Learner, filled: np.ndarray) -> Iterator[Candidate]:
        """Learn on some elites that are not certain and were not refined yet."""
        holders, certain = self.archive.candidate_ids, self.archive.scores >= self._certain
        open_ = [
            number
            for number in filled.tolist()
            if not certain[number] and self._learnt_on.get(number) != holders[number]
        ]
        count = learner.due(self.batch, len(open_))
        if not count:
            return iter(())
        # Classes that were refined least often come first, as they have the most to gain.
        draw = np.random.default_rng(derive_seed(self._seed, "learn", self._generation))
        mixed = draw.permutation(open_)
        chosen = mixed[self._refined[mixed].argsort(kind="stable")][:count].tolist()
        self._refined[chosen] += 1
        self._learnt_on |= {number: int(holders[number]) for number in chosen}
        held, ids = self.archive.candidates, self._new_ids(count)
        return learner.learn(
            [(held[int(holders[number])], number) for number in chosen],
            first_id=ids.start,
            generation=self._generation,
        )

    def _new_ids(self, count: int) -> range:
        self._asked += count
        return range(self._asked - count, self._asked)


def _pieces(whole: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (whole[start : start + BRED_AT_ONCE] for start in range(0, len(whole), BRED_AT_ONCE))


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("map_elites", MapElites, options=Options)
