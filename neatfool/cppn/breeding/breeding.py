"""Breeding: a batch of genomes, each from its own seed.

A child depends only on its parents and its seed. Children draw from streams of their own. Random
genomes are made by neat-python's code, which draws from Python's global random generator. That
generator is seeded for each genome, and restored after the batch.

Genomes are bred as flat bytes, a batch at a time, in compiled code
(:mod:`neatfool.cppn.breeding.variation`).
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from copy import copy
from itertools import chain, pairwise
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from neatfool.cppn.breeding import variation
from neatfool.cppn.breeding.chance import first_numbers, seed_array
from neatfool.cppn.breeding.draft import make_draft
from neatfool.cppn.breeding.plan import Plan, make_plan, read_options
from neatfool.cppn.breeding.refinements import STEPS_AN_OCTAVE, Refinements, strength_step
from neatfool.cppn.genome.flat import EDGE, HEAD, NODE, join
from neatfool.cppn.genome.genome import Genome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from neatfool.cppn.genome.genome import GenomeConfig
    from neatfool.cppn.genome.presets import Preset


class Breeder:
    """Makes and breeds genomes according to a preset.

    Attributes:
        parents: The most parents of a child.
    """

    def __init__(
        self, preset: Preset, config: GenomeConfig, refinements: Refinements | None = None
    ) -> None:
        """Prepare to breed.

        Args:
            preset: How genomes evolve.
            config: The genomes' configuration.
            refinements: Refinements of the paper's mutation, if the preset has it; by default the
                preset's own.
        """
        self._config = config
        self._is_paper = preset.refinements is not None
        self._refinements = refinements or Refinements(**(preset.refinements or {}))
        self._options = read_options(config)
        self._plans: dict[int, Plan] = {}
        self._way = self._choose_way()
        self._settings = self._make_settings()
        self.parents = int(self._settings[variation.PARENTS])
        self._set_warmth(1.0)

    def _choose_way(self) -> str:
        """Choose the module that varies genomes."""
        if not self._is_paper:
            return "neat"
        refinements = self._refinements
        only_grows = refinements == Refinements(initial_rounds=refinements.initial_rounds)
        return "paper" if only_grows else "refined"

    def _make_settings(self) -> np.ndarray:
        config = self._config
        settings = np.zeros(variation.SETTINGS, np.int64)
        settings[variation.INPUTS] = config.num_inputs
        settings[variation.OUTPUTS] = config.num_outputs
        settings[variation.SINGLE] = config.single_structural_mutation
        settings[variation.SURER] = config.check_structural_mutation_surer()
        has_one = self._is_paper and not self._refinements.graft
        settings[variation.PARENTS] = 1 if has_one else 2
        return settings

    def _set_warmth(self, warmth: float) -> None:
        """Prepare for a factor of all probabilities."""
        refinements = self._refinements
        self._graft = refinements.graft * warmth
        strength, spread = refinements.mutation_strength * warmth, refinements.mutation_spread
        self._chances = np.array([self._graft, strength, spread])
        lowest, highest = (strength_step(strength * exp(s)) for s in (-spread, spread))
        # The logarithm may be rounded differently in compiled code.
        steps = range(lowest - 1, highest + 2) if self._way == "refined" else [0]
        self._plan = Plan.stack([self._plan_of(step) for step in steps])
        self._settings = self._settings.copy()
        self._settings[variation.LOWEST] = steps[0]

    def _plan_of(self, step: int) -> Plan:
        if step not in self._plans:
            strength = 2.0 ** (step / STEPS_AN_OCTAVE)
            self._plans[step] = make_plan(
                self._config, polynomial=self._is_paper, strength=strength
            )
        return self._plans[step]

    def in_generation(self, generation: int) -> Breeder:
        """Give the breeder for a generation of a run."""
        if not self._refinements.mutation_cooling:
            return self
        then = copy(self)
        then._set_warmth(self._refinements.warmth(generation))
        return then

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make a random genome from each seed."""
        genomes = [Genome() for _ in seeds]
        with _restore_global_generator():
            for genome, seed in zip(genomes, seeds, strict=True):
                random.seed(seed)
                genome.configure_new(self._config)
        rounds = self._refinements.initial_rounds if self._is_paper else 0
        if not rounds:
            return [genome.flattened() for genome in genomes]
        settings = self._settings.copy()
        settings[variation.ROUNDS] = rounds
        litters = [[genome] for genome in genomes]
        return self._vary(litters, seeds, "refined", settings, Plan.stack([self._plan_of(0)]))

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
        return self._vary(litters, seeds, self._way, self._settings, self._plan)

    def _vary(
        self,
        litters: Sequence[Sequence[Genome]],
        seeds: Sequence[int],
        way: str,
        settings: np.ndarray,
        plan: Plan,
    ) -> list[Genome]:
        """Let compiled code make a child of each litter."""
        if len(litters) != len(seeds):
            raise ValueError(f"{len(litters)} litters, but {len(seeds)} seeds")
        words, starts, sizes = _lay_out(litters, self.parents)
        rounds = int(settings[variation.ROUNDS])
        # A child has at most the genes of both parents, and those of two new nodes and connections.
        nodes, edges = (sizes.sum(1) + np.array([1 + rounds, 4 + 2 * rounds])).T
        written = np.empty(int((HEAD + NODE * nodes + EDGE * edges).sum()), np.int64)
        bounds = np.empty(len(starts) + 1, np.int64)
        room = [int(each.max(initial=0)) for each in (nodes, edges)]
        with np.errstate(over="ignore"):  # for uncompiled code, whose hashes wrap around
            _load(way)(
                words,
                words.view(np.float64),
                starts,
                seed_array(seeds),
                settings,
                self._chances,
                plan.attributes,
                plan.structure,
                self._options,
                bounds,
                written,
                *make_draft(room[0], room[1]),
            )
        text, ends = written[: bounds[-1]].tobytes(), (8 * bounds).tolist()
        return list(map(Genome.read, [text[start:end] for start, end in pairwise(ends)]))


def _load(way: str) -> Callable[..., None]:
    """Load a way of variation. It is compiled when it is first needed on a machine."""
    if way == "paper":
        from neatfool.cppn.breeding.paper import vary
    elif way == "neat":
        from neatfool.cppn.breeding.neat import vary
    else:
        from neatfool.cppn.breeding.refined import vary
    return vary


def _lay_out(
    litters: Sequence[Sequence[Genome]], parents: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put the parents of a batch one after another, each once.

    Returns:
        int64 [W], the words of the flat genomes; int64 [N, 2], where the parents of each child
        begin, -1 for none; and int64 [N, 2, 2], their numbers of nodes and connections.
    """
    firsts = [litter[0] for litter in litters]
    others = [litter[1] if len(litter) > 1 else None for litter in litters] if parents > 1 else []
    known = {id(genome): genome for genome in chain(firsts, others) if genome is not None}
    places = dict(zip(known, range(len(known)), strict=True))
    rows = np.full((len(litters), 2), -1)
    rows[:, 0] = [places[id(genome)] for genome in firsts]
    if others:
        rows[:, 1] = [places.get(id(genome), -1) for genome in others]
    words, bounds = join([genome.flat for genome in known.values()])
    # The last row stands for no parent, whose place is -1.
    bounds[-1] = -1
    heads = np.zeros((len(bounds), 2), np.int64)
    for column in range(2):
        heads[:-1, column] = words[bounds[:-1] + column]
    return words, bounds[rows], heads[rows]


@contextmanager
def _restore_global_generator() -> Iterator[None]:
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
