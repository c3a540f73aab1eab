"""Scheme ``map_elites``: one niche a class, and every candidate is offered to every niche.

MAP-Elites as in the paper's own code: the first generation is made at random; from then on
parents are drawn uniformly, with replacement, from the *niches* (an elite that holds three
classes is three times as likely), and a child takes every class in which it ranks strictly
higher than the elite, not only the class that it is most like.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import numpy as np
from pydantic import Field, PositiveInt

from neatfool import (
    Archive,
    Candidate,
    ClassNames,
    Learner,
    LearningOptions,
    derive_seed,
    derive_seeds,
    hookimpl,
    in_generation,
    inherit,
    litter_sizes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from neatfool import Encoding, ImageSpec, Inheritance, Replacement, Scores, Target


Item = TypeVar("Item")

LARGEST_GENERATION: Final = 100_000
"""Candidates: all of a generation's images are in memory at once."""
CERTAIN: Final = 0.9999
"""Confidence from which there is no need to learn."""
BRED_AT_ONCE: Final = 64
"""Candidates: a generation is bred in pieces, so that the first are being scored while the last
are bred."""


class Options(LearningOptions, extra="forbid"):
    """Options of the scheme ``map_elites``."""

    batch: PositiveInt = Field(
        200, le=LARGEST_GENERATION, description="candidates in each generation"
    )
    initial: PositiveInt | None = Field(
        None,
        le=LARGEST_GENERATION,
        description="candidates in the first, random generation. If left out, as many as `batch`",
    )
    classes: ClassNames = Field(
        [],
        description="the classes to search, by name or index; `@FILE` stands for the lines of a "
        "file. If left out, all",
    )
    parents_from: Literal["niches", "elites"] = Field(
        "niches",
        description="what parents are drawn from. `niches`: an elite that holds three classes is "
        "three times as likely. `elites`: all are equally likely, so that one image that fools "
        "many classes does not have most of the children (new in 0.2)",
    )
    seed_from: Path | None = Field(
        None,
        description="the folder of another run. Its elites begin the first generation, and "
        "random candidates fill it up to `initial`",
    )

    def absent(self, spec: ImageSpec | None) -> dict[str, Any]:
        """Say what keys that are left out stand for."""
        return {"initial": self.batch}


class MapElites:
    """The scheme."""

    def __init__(
        self,
        options: Options,
        *,
        encoding: Encoding[Any],
        spec: ImageSpec,
        seed: int,
        target: Target | None = None,
    ) -> None:
        """Begin a search.

        Args:
            options: The options.
            encoding: Makes and breeds the genomes.
            spec: Names the classes.
            seed: The run's seed.
            target: Gives gradients, if there is to be learning.

        Raises:
            ExperimentError: ``classes`` names what the target does not have, or the target or the
                encoding is not such that there could be learning.
        """
        self.batch = options.batch
        self.archive = Archive(
            len(spec.classes), [spec.class_index(name) for name in options.classes] or None
        )
        self._initial = options.initial or options.absent(spec)["initial"]
        self._seed_from = options.seed_from
        self._parents_from = options.parents_from
        self._inherited: dict[str, Any] | None = None
        self._learner = Learner(
            options, encoding=encoding, target=target, classes=len(self.archive.classes)
        )
        self._learnt_on: dict[int, int] = {}
        self._lessons = np.zeros(len(spec.classes), np.int64)
        self._encoding = encoding
        self._seed = seed
        self._generation = 0
        self._asked = 0

    def self_check(self) -> None:
        """See that there is a run to start from, if there is to be one.

        Raises:
            ExperimentError: There is none, or its elites are no genomes of this encoding.
        """
        self._inheritance()

    def ask(self) -> Iterator[Candidate]:
        """Breed a generation, as it is taken: random genomes at first, then children of elites.

        What is learnt comes last, so that the others are being scored in the meantime.
        """
        holders = self.archive.candidate_ids[self.archive.classes]
        filled = self.archive.classes[holders >= 0]
        if not len(filled):
            return self._first()
        children = self._children(filled)
        return chain(children, self._learnt(filled)) if self._learner.on else children

    def bar(self) -> np.ndarray:
        """Give the ranks of the elites: a candidate below all of them changes nothing."""
        return self.archive.bar()

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Offer every candidate to every niche."""
        self._generation += 1
        return self.archive.offer(candidates, scores)

    def members(self) -> Sequence[Candidate]:
        """There are none but the elites."""
        return ()

    def state(self) -> dict[str, Any]:
        """Give the generation to breed next, the number of candidates so far, and what was learnt.

        Of each class it is the elite that was last learnt on, and how often there was learning.
        """
        state: dict[str, Any] = {"generation": self._generation, "asked": self._asked}
        if self._inherited is not None:
            state["inherited"] = self._inherited
        if self._learner.on:
            state["learner"] = self._learner.state()
            state["learnt_on"] = [
                [number, id_, int(self._lessons[number])]
                for number, id_ in sorted(self._learnt_on.items())
            ]
        return state

    def restore(self, state: dict[str, Any], candidates: Mapping[int, Candidate]) -> None:
        """Go on from a state; the archive holds the candidates."""
        self._generation, self._asked = state["generation"], state["asked"]
        self._inherited = state.get("inherited")
        if self._learner.on:
            self._learner.restore(state["learner"])
            for number, id_, lessons in state["learnt_on"]:
                self._learnt_on[number], self._lessons[number] = id_, lessons

    def _inheritance(self) -> Inheritance | None:
        return None if self._seed_from is None else inherit(self._seed_from, self._encoding)

    def _first(self) -> Iterator[Candidate]:
        """Give what another run has found, and then random genomes."""
        inheritance = self._inheritance()
        genomes = inheritance.genomes if inheritance else []
        self._inherited = inheritance.record if inheritance else None
        ids = self._new_ids(max(self._initial, len(genomes)))
        self._learner.due(len(ids), 0)
        elders = [
            Candidate(id_, genome, generation=self._generation)
            for id_, genome in zip(ids, genomes, strict=False)
        ]
        others = map(self._made_at_random, _pieces(ids[len(genomes) :]))
        return chain(elders, chain.from_iterable(others))

    def _made_at_random(self, ids: Sequence[int]) -> list[Candidate]:
        genomes = self._encoding.create(derive_seeds(self._seed, "create", ids=ids))
        return [
            Candidate(id_, genome, generation=self._generation)
            for id_, genome in zip(ids, genomes, strict=True)
        ]

    def _children(self, filled: np.ndarray) -> Iterator[Candidate]:
        if self._parents_from == "elites":
            _, first = np.unique(self.archive.candidate_ids[filled], return_index=True)
            filled = filled[first]
        ids = self._new_ids(self.batch)
        draw = np.random.default_rng(derive_seed(self._seed, "parents", self._generation))
        niches = filled[draw.integers(len(filled), size=(self.batch, self._encoding.parents))]
        seeds = derive_seeds(self._seed, "breed", ids=ids)
        # What a child does not want ranks last, and is left out.
        sizes = np.array(litter_sizes(in_generation(self._encoding, self._generation), seeds))
        unwanted = np.arange(self._encoding.parents) >= sizes[:, None]
        order = np.lexsort((-self.archive.ranks[niches], unwanted))
        litters = self.archive.candidate_ids[np.take_along_axis(niches, order, 1)].tolist()
        born = [
            (id_, seed, litter[:size])
            for id_, seed, litter, size in zip(ids, seeds, litters, sizes, strict=True)
        ]
        return chain.from_iterable(map(self._bred, _pieces(born)))

    def _bred(self, born: Sequence[tuple[int, int, list[int]]]) -> list[Candidate]:
        held = self.archive.candidates
        genomes = in_generation(self._encoding, self._generation).breed(
            [[held[parent].genome for parent in litter] for *_, litter in born],
            [seed for _, seed, _ in born],
        )
        return [
            Candidate(id_, genome, tuple(dict.fromkeys(litter)), self._generation)
            for (id_, _, litter), genome in zip(born, genomes, strict=True)
        ]

    def _learnt(self, filled: np.ndarray) -> Iterator[Candidate]:
        """Learn on some elites that there was no learning on yet and that are not certain."""
        holders, certain = self.archive.candidate_ids, self.archive.confidences >= CERTAIN
        open_ = [
            number
            for number in filled.tolist()
            if not certain[number] and self._learnt_on.get(number) != holders[number]
        ]
        count = self._learner.due(self.batch, len(open_))
        if not count:
            return iter(())
        # Where there was least learning is the most to gain; else it is chance.
        draw = np.random.default_rng(derive_seed(self._seed, "learn", self._generation))
        mixed = draw.permutation(open_)
        chosen = mixed[self._lessons[mixed].argsort(kind="stable")][:count].tolist()
        self._lessons[chosen] += 1
        self._learnt_on |= {number: int(holders[number]) for number in chosen}
        held, ids = self.archive.candidates, self._new_ids(count)
        return self._learner.learn(
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
    """Offer the scheme."""
    register("map_elites", MapElites, options=Options)
