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
from itertools import pairwise
from math import exp, log2
from typing import TYPE_CHECKING

import numpy as np

from neatfool.cppn.breeding import variation
from neatfool.cppn.breeding.chance import first_numbers, seed_array
from neatfool.cppn.breeding.draft import make_draft
from neatfool.cppn.breeding.hashing import BLOCK
from neatfool.cppn.breeding.plan import Plan, make_plan, read_options
from neatfool.cppn.breeding.refinements import Refinements
from neatfool.cppn.genome.flat import EDGE, HEAD, NODE, join
from neatfool.cppn.genome.genome import Genome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
        self._settings = self._make_settings()
        self.parents = int(self._settings[variation.PARENTS])
        self._set_warmth(1.0)

    def _make_settings(self) -> np.ndarray:
        config, refinements = self._config, self._refinements
        only_grown = Refinements(initial_rounds=refinements.initial_rounds)
        refined = variation.PAPER if refinements == only_grown else variation.REFINED
        settings = np.zeros(variation.SETTINGS, np.int64)
        settings[variation.WAY] = refined if self._is_paper else variation.NEAT
        settings[variation.INPUTS] = config.num_inputs
        settings[variation.OUTPUTS] = config.num_outputs
        settings[variation.SINGLE] = config.single_structural_mutation
        settings[variation.SURER] = config.check_structural_mutation_surer()
        settings[variation.PARENTS] = 1 if self._is_paper and not refinements.graft else 2
        settings[variation.ROUNDS] = refinements.initial_rounds
        return settings

    def _set_warmth(self, warmth: float) -> None:
        """Prepare for a factor of all probabilities."""
        refinements = self._refinements
        self._graft = refinements.graft * warmth
        strength = refinements.mutation_strength * warmth
        self._chances = np.array([self._graft, strength, refinements.mutation_spread])
        steps = [0]
        if self._settings[variation.WAY] == variation.REFINED:
            spread = exp(refinements.mutation_spread)
            ends = [
                round(variation.STEPS_AN_OCTAVE * log2(strength * factor))
                for factor in (1 / spread, spread)
            ]
            # Rounding may lead a step further.
            steps = list(range(ends[0] - 1, ends[1] + 2))
        plans = [self._plan(step) for step in steps]
        self._settings = self._settings.copy()
        self._settings[variation.LOWEST] = steps[0]
        self._attributes = np.stack([plan.attributes for plan in plans])
        self._structure = np.stack([plan.structure for plan in plans])

    def _plan(self, step: int) -> Plan:
        if step not in self._plans:
            strength = 2.0 ** (step / variation.STEPS_AN_OCTAVE)
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
        settings = self._settings.copy()
        settings[variation.WAY] = variation.GROW
        rounds = self._refinements.initial_rounds if self._is_paper else 0
        settings[variation.ROUNDS] = rounds
        plan = self._plan(0)
        return self._vary(
            [[genome] for genome in genomes],
            seeds,
            settings,
            plan.attributes[None],
            plan.structure[None],
        )

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
        return self._vary(litters, seeds, self._settings, self._attributes, self._structure)

    def _vary(
        self,
        litters: Sequence[Sequence[Genome]],
        seeds: Sequence[int],
        settings: np.ndarray,
        attributes: np.ndarray,
        structure: np.ndarray,
    ) -> list[Genome]:
        """Let compiled code make a child of each litter."""
        litters = [litter for litter, _ in zip(litters, seeds, strict=True)]
        words, starts, sizes = _lay_out(litters, self.parents)
        rounds = int(settings[variation.ROUNDS])
        # A child has at most the genes of both parents, and those of two new nodes and connections.
        nodes, edges = (sizes.sum(1) + [1 + rounds, 4 + 2 * rounds]).T
        written = np.empty(int((HEAD + NODE * nodes + EDGE * edges).sum()), np.int64)
        bounds = np.empty(len(starts) + 1, np.int64)
        room = [int(each.max(initial=0)) for each in (nodes, edges)]
        with np.errstate(over="ignore"):  # for uncompiled code, whose hashes wrap around
            variation.vary(
                words,
                words.view(np.float64),
                starts,
                seed_array(seeds),
                settings,
                self._chances,
                attributes,
                structure,
                self._options,
                bounds,
                written,
                *make_draft(*room, BLOCK),
            )
        text, ends = written[: bounds[-1]].tobytes(), (8 * bounds).tolist()
        return [Genome.read(text[start:end]) for start, end in pairwise(ends)]


def _lay_out(
    litters: Sequence[Sequence[Genome]], parents: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put the parents of a batch one after another, each once.

    Returns:
        int64 [W], the words of the flat genomes; int64 [N, 2], where the parents of each child
        begin, -1 for none; and int64 [N, 2, 2], their numbers of nodes and connections.
    """
    places: dict[int, int] = {}
    flats: list[bytes] = []
    chosen: list[int] = []
    for litter in litters:
        used = litter[:parents]
        for genome in used:
            place = places.setdefault(id(genome), len(flats))
            if place == len(flats):
                flats.append(genome.flat)
            chosen.append(place)
        if len(used) < 2:
            chosen.append(-1)
    words, bounds = join(flats)
    # The last row stands for no parent, whose place is -1.
    bounds[-1] = -1
    heads = np.zeros((len(bounds), 2), np.int64)
    for column in range(2):
        heads[:-1, column] = words[bounds[:-1] + column]
    rows = np.array(chosen, np.int64).reshape(-1, 2)
    return words, bounds[rows], heads[rows]


@contextmanager
def _restore_global_generator() -> Iterator[None]:
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
