"""Breeding: a batch of genomes, each from its own seed.

A child depends only on its parents and its seed. Children draw from streams of their own. Random
genomes are made by neat-python's code, which draws from Python's global random generator. That
generator is seeded for each genome, and restored after the batch.

Genomes are bred as flat bytes, a batch at a time, in compiled code
(:mod:`neatfool.cppn.breeding.variation`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from copy import copy
from functools import cache, partial
from itertools import chain, pairwise
from math import exp
from typing import Final

import numpy as np

from neatfool.cppn.breeding.attributes import (
    Draft,
    first_numbers,
    make_plan,
    seed_array,
    strength_step,
)
from neatfool.cppn.breeding.draft import make_draft
from neatfool.cppn.breeding.variation import Batch, Refining, grow, vary_as_neat, vary_as_the_paper
from neatfool.cppn.compiling import await_compiled, compile_beside
from neatfool.cppn.genome import genes
from neatfool.cppn.genome.genome import Genome, GenomeConfig
from neatfool.cppn.genome.options import GenomeOptions, genome_config, resolve
from neatfool.cppn.genome.presets import PRESETS, Preset, Refinements

COPIES: Final = 999
"""The most copies of a parent that are thrown away; rates of 0 would need for ever."""


class Breeder:
    """Makes and breeds genomes according to a preset.

    Attributes:
        parents: The most parents of a child.
    """

    def __init__(
        self, preset: Preset, config: GenomeConfig, refinements: Refinements | None = None
    ) -> None:
        """Prepare to breed by a preset, and refinements of the paper's mutation if it has that.

        By default the refinements are the preset's own.
        """
        self._config = config
        self._is_paper = preset.refinements is not None
        self._refinements = refinements or Refinements(**(preset.refinements or {}))
        self._plan_of = cache(partial(make_plan, config, polynomial=self._is_paper))
        self.parents = 1 if self._is_paper and not self._refinements.graft else 2
        self._set_warmth(1.0)

    @staticmethod
    def prepare(preset: Preset) -> None:
        """Have another process compile how a preset breeds, if no code is kept on this machine.

        Breeding waits for it.
        """
        is_paper = preset.refinements is not None
        compile_beside(preset.name, vary_as_the_paper if is_paper else vary_as_neat)

    def _set_warmth(self, warmth: float) -> None:
        """Prepare for a factor of all probabilities."""
        refinements, steps = self._refinements, range(1)
        self._graft = refinements.graft * warmth
        self._refining: Refining | None = None
        if self._is_paper:
            strength, spread = refinements.mutation_strength * warmth, refinements.mutation_spread
            lowest, highest = (strength_step(strength * exp(s)) for s in (-spread, spread))
            # The logarithm may be rounded differently in compiled code.
            steps = range(lowest - 1, highest + 2)
            only_grows = refinements == Refinements(initial_rounds=refinements.initial_rounds)
            self._refining = Refining(
                strength, float(spread), steps.start, 0 if only_grows else COPIES
            )
        self._plan = self._plan_of(steps)

    def in_generation(self, generation: int) -> Breeder:
        """Give the breeder for a generation of a run."""
        cooling = self._refinements.mutation_cooling
        if not cooling:
            return self
        then = copy(self)
        then._set_warmth(cooling / (cooling + generation))
        return then

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make a random genome from each seed."""
        genomes = [Genome() for _ in seeds]
        state = random.getstate()
        try:
            for genome, seed in zip(genomes, seeds, strict=True):
                random.seed(seed)
                genome.configure_new(self._config)
        finally:
            random.setstate(state)
        rounds = self._refinements.initial_rounds if self._is_paper else 0
        if not rounds:
            return [Genome.read(genome.flat) for genome in genomes]
        batch, draft = _lay_out([[genome] for genome in genomes], seeds, 1, rounds)
        grow(batch, self._plan_of(range(1)), rounds, draft)
        return _read_children(batch)

    def litter_sizes(self, seeds: Sequence[int]) -> list[int]:
        """Give the number of parents for the child of each seed."""
        if not self._is_paper or self.parents == 1:
            return [self.parents] * len(seeds)
        # Whether a child is grafted is drawn before anything else.
        grafted: list[int] = (1 + (first_numbers(seed_array(seeds)) < self._graft)).tolist()
        return grafted

    def breed(self, litters: Sequence[Sequence[Genome]], seeds: Sequence[int]) -> list[Genome]:
        """Breed children.

        Args:
            litters: For each child its parents, fittest first; at least one. Those beyond
                ``parents`` are ignored.
            seeds: For each child the seed of all its randomness.
        """
        batch, draft = _lay_out(litters, seeds, self.parents)
        if self._refining is None:
            vary_as_neat(batch, self._plan, draft)
        else:
            grafted = self._graft if self.parents > 1 else None
            vary_as_the_paper(batch, self._plan, self._refining, grafted, draft)
        return _read_children(batch)


def breed_a_child(preset: str) -> None:
    """Breed, so that the code for it is compiled and kept."""
    chosen = PRESETS[preset]
    breeder = Breeder(chosen, genome_config(resolve(GenomeOptions(), chosen), 1))
    breeder.breed([breeder.create([0, 1])], [2])


def _lay_out(
    litters: Sequence[Sequence[Genome]], seeds: Sequence[int], parents: int, rounds: int = 0
) -> tuple[Batch, Draft]:
    """Put the parents of a batch one after another, each once, and make room for the children."""
    await_compiled()
    if len(litters) != len(seeds):
        raise ValueError(f"{len(litters)} litters, but {len(seeds)} seeds")
    firsts = [litter[0] for litter in litters]
    others = [litter[1] if len(litter) > 1 else None for litter in litters] if parents > 1 else []
    known = {id(genome): genome for genome in chain(firsts, others) if genome is not None}
    places = dict(zip(known, range(len(known)), strict=True))
    rows = np.full((len(litters), 2), -1)
    rows[:, 0] = [places[id(genome)] for genome in firsts]
    if others:
        rows[:, 1] = [places.get(id(genome), -1) for genome in others]
    words, begins = genes.join([genome.flat for genome in known.values()])
    # The last row stands for no parent, whose place is -1.
    begins[-1] = -1
    heads = np.zeros((len(begins), 2), np.int64)
    for column in range(2):
        heads[:-1, column] = words[begins[:-1] + column]
    # A child has at most the genes of both parents, of a new node and of the connections that come
    # with it, and what it grows in each round.
    nodes, edges = (heads[rows].sum(1) + np.array([1 + rounds, 4 + 2 * rounds])).T
    written = np.empty(int((genes.HEAD + genes.NODE * nodes + genes.EDGE * edges).sum()), np.int64)
    bounds = np.empty(len(litters) + 1, np.int64)
    batch = Batch(words, words.view(np.float64), begins[rows], seed_array(seeds), bounds, written)
    return batch, make_draft(int(nodes.max(initial=0)), int(edges.max(initial=0)))


def _read_children(batch: Batch) -> list[Genome]:
    """Make genomes of the children that compiled code wrote."""
    text, ends = batch.written[: batch.bounds[-1]].tobytes(), (8 * batch.bounds).tolist()
    return list(map(Genome.read, [text[start:end] for start, end in pairwise(ends)]))
