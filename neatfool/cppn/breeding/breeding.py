"""Breeding: a batch of genomes, each from its own seed.

A child depends only on its parents and its seed. Children draw from streams of their own. Random
genomes are made by neat-python's code, which draws from Python's global random generator. That
generator is seeded for each genome, and restored after the batch.
"""

from __future__ import annotations

import gc
import random
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from neatfool.cppn.breeding.neat_variation import NeatVariation
from neatfool.cppn.breeding.paper_variation import PaperVariation, Refinements
from neatfool.cppn.breeding.streams import streams
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
        self._vary: PaperVariation | NeatVariation = (
            NeatVariation(config)
            if preset.refinements is None
            else PaperVariation(config, refinements or Refinements(**preset.refinements))
        )
        self.parents = self._vary.parents

    def in_generation(self, generation: int) -> Breeder:
        """Give the breeder for a generation of a run."""
        then = copy(self)
        then._vary = self._vary.in_generation(generation)
        return then

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make a random genome from each seed."""
        genomes = [Genome() for _ in seeds]
        with _restore_global_generator():
            for genome, seed in zip(genomes, seeds, strict=True):
                random.seed(seed)
                genome.configure_new(self._config)
        for genome, draw in zip(genomes, streams(seeds, 256), strict=True):
            self._vary.grow(genome, draw)
        return genomes

    def litter_sizes(self, seeds: Sequence[int]) -> list[int]:
        """Give the number of parents for the child of each seed."""
        return [self._vary.litter_size(draw) for draw in streams(seeds, 1)]

    def breed(self, litters: Sequence[Sequence[Genome]], seeds: Sequence[int]) -> list[Genome]:
        """Breed children.

        Args:
            litters: For each child its parents, fittest first; at least one. Those beyond
                ``parents`` are ignored.
            seeds: For each child the seed of all its randomness.
        """
        count = max(len(litters), 1)
        expected = self._vary.expected_draws(
            sum(len(parents[0].nodes) for parents in litters) / count,
            sum(len(parents[0].connections) for parents in litters) / count,
        )
        vary, used = self._vary, self.parents
        with _pause_garbage_collection():
            return [
                vary(draw, *parents[:used])
                for parents, draw in zip(litters, streams(seeds, expected), strict=True)
            ]


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Pause Python's garbage collection: it would search thousands of new genes, which all stay."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


@contextmanager
def _restore_global_generator() -> Iterator[None]:
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
