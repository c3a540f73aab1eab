"""Breeding: a batch of genomes, each from its own seed.

neat-python draws from Python's global random generator. Here that generator is seeded for each
genome, so that a child depends on its parents and its seed alone, and put back after the batch as
it was before.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neatfool.cppn.genome import Genome
from neatfool.cppn.paper_mutation import PaperMutation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from neatfool.cppn.genome import GenomeConfig
    from neatfool.cppn.presets import Preset


class NeatVariation:
    """neat-python's crossover, where there are two parents that differ, and its mutation."""

    def __init__(self, config: GenomeConfig) -> None:
        self._config = config

    def __call__(self, fitter: Genome, other: Genome | None = None) -> Genome:
        """Draw a child, by the global random generator."""
        if other is None or fitter == other:
            child = fitter.clone()
        else:
            child = Genome()
            child.configure_crossover(
                _with_fitness(fitter, 1.0), _with_fitness(other, 0.0), self._config
            )
        child.mutate(self._config)
        return child


class Breeder:
    """Makes and breeds genomes as a preset has it."""

    def __init__(self, preset: Preset, config: GenomeConfig) -> None:
        self._config = config
        self._parents = preset.parents
        variation = PaperMutation if preset.name == "paper" else NeatVariation
        self._vary: Callable[..., Genome] = variation(config)

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make random genomes.

        Args:
            seeds: For each genome the seed that all its randomness comes from.
        """
        genomes = [Genome() for _ in seeds]
        with _global_generator_restored():
            for genome, seed in zip(genomes, seeds, strict=True):
                random.seed(seed)
                genome.configure_new(self._config)
        return genomes

    def breed(self, litters: Sequence[Sequence[Genome]], seeds: Sequence[int]) -> list[Genome]:
        """Breed children.

        Args:
            litters: For each child its parents, fittest first; at least one, and none beyond the
                preset's number is looked at.
            seeds: For each child the seed that all its randomness comes from.
        """
        children = []
        with _global_generator_restored():
            for parents, seed in zip(litters, seeds, strict=True):
                random.seed(seed)
                children.append(self._vary(*parents[: self._parents]))
        return children


@contextmanager
def _global_generator_restored() -> Iterator[None]:
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def _with_fitness(genome: Genome, fitness: float) -> Genome:
    """Wrap a genome in one that has a fitness, which crossover compares."""
    wrapper = Genome()
    wrapper.nodes, wrapper.connections = genome.nodes, genome.connections
    wrapper.fitness = fitness
    return wrapper
