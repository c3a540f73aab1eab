"""neat-python's selection: species, fitness sharing, stagnation and elites.

neat-python itself decides who lives on and who breeds. It is given the members of the population
for its genomes, and for a child makes a :class:`PendingChild`, which does nothing but note its
parents; the encoding breeds it later.
"""

from __future__ import annotations

import logging
import random
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from neat.reporting import ReporterSet
from neat.reproduction import DefaultReproduction
from neat.species import DefaultSpeciesSet, Species
from neat.stagnation import DefaultStagnation

from .population import Choice, Member, fittest_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from neatfool import Encoding

    from .options import Options

logger = logging.getLogger(__name__)


class PendingChild:
    """What neat-python takes for a new genome: the parents it chose for a child."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.parents: tuple[Member, ...] = ()

    def configure_crossover(self, first: Member, second: Member, config: Any) -> None:
        """Note the parents; one that was drawn twice is a single parent."""
        self.parents = tuple(fittest_first({first.key: first, second.key: second}.values()))

    def mutate(self, config: Any) -> None:
        """Leave that to the encoding."""


class Reproduction(DefaultReproduction):  # type: ignore[misc]
    """neat-python's reproduction, less a failure of its 2.0.0."""

    def _adjust_spawn_exact(
        self, spawn_amounts: list[int], pop_size: int, min_species_size: int
    ) -> list[int]:
        """Bring the children of all species to the population's size.

        Where there are too many, neat-python takes at most one from each species and raises
        RuntimeError if that is not enough, as it is when many species are small.
        """
        amounts = list(spawn_amounts)
        for _ in range(sum(amounts) - pop_size):
            amounts[amounts.index(max(amounts))] -= 1
        adjusted: list[int] = super()._adjust_spawn_exact(amounts, pop_size, min_species_size)
        return adjusted


@contextmanager
def global_random(seed: int) -> Iterator[None]:
    """Seed the generator that neat-python draws from, and put it back afterwards."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


class NeatSelection:
    """The selection ``neat``."""

    def __init__(self, options: Options, encoding: Encoding[Any]) -> None:
        """Begin.

        Args:
            options: The scheme's options.
            encoding: Measures the distance of two genomes.
        """
        self.batch = options.population
        self._options = options
        # One child at least must fit in, or there would be nothing to score.
        self._most_species = (options.population - 1) // options.smallest_species
        self._reporters = ReporterSet()
        self._stagnation = DefaultStagnation(options.stagnation, self._reporters)
        self._config = SimpleNamespace(
            genome_type=PendingChild, genome_config=SimpleNamespace(encoding=encoding)
        )
        self._warned = False
        self.begin()

    @property
    def species(self) -> dict[int, list[Member]]:
        """The members of each species, by its number."""
        return {key: list(one.members.values()) for key, one in self._set.species.items()}

    def begin(self) -> None:
        """Forget all species."""
        self._set = DefaultSpeciesSet(self._options.species_set, self._reporters)
        self._next_species = 1

    def choose(
        self,
        population: Sequence[Member],
        *,
        generation: int,
        first_id: int,
        seed: int,
    ) -> Choice:
        """Let neat-python choose."""
        self._make_room()
        # A new one each time, because it would remember the parents of all that ever lived.
        reproduction = Reproduction(self._options.reproduction, self._reporters, self._stagnation)
        reproduction.genome_indexer = count(first_id)
        with global_random(seed):
            chosen = reproduction.reproduce(self._config, self._set, self.batch, generation)
        for one in self._set.species.values():
            one.fitness_history = [max(one.fitness_history)]
        return Choice(
            [member for member in chosen.values() if isinstance(member, Member)],
            [child.parents for child in chosen.values() if isinstance(child, PendingChild)],
        )

    def settle(self, population: Sequence[Member], generation: int) -> None:
        """Divide a population into species."""
        # neat-python gives each species that it has a member first, and fails where there are
        # too few, as in a last generation that was cut short.
        self._keep_fittest(len(population), lambda one: one.fitness)
        self._set.indexer = count(self._next_species)
        self._set.speciate(self._config, {member.key: member for member in population}, generation)
        self._next_species = max(self._next_species, *(key + 1 for key in self._set.species), 1)

    def _make_room(self) -> None:
        """Let the species of the least fit die out where the population cannot hold them all."""
        if len(self._set.species) <= self._most_species:
            return
        if not self._warned:
            logger.warning(
                "%d species, and a population of %d holds %d; raise compatibility_threshold in "
                "[DefaultSpeciesSet]",
                len(self._set.species),
                self._options.population,
                self._most_species,
            )
            self._warned = True
        self._keep_fittest(
            self._most_species, lambda one: max(member.fitness for member in one.members.values())
        )

    def _keep_fittest(self, most: int, fitness: Callable[[Any], float]) -> None:
        if len(self._set.species) > most:
            ranked = sorted(self._set.species.values(), key=lambda one: (-fitness(one), one.key))
            self._set.species = {one.key: one for one in ranked[:most]}

    def state(self) -> dict[str, Any]:
        """Give the species; members by their keys."""
        return {
            "next": self._next_species,
            "species": [
                {
                    "key": one.key,
                    "created": one.created,
                    "improved": one.last_improved,
                    "history": one.fitness_history,
                    "representative": one.representative.key,
                    "members": list(one.members),
                }
                for one in self._set.species.values()
            ],
        }

    def restore(self, state: dict[str, Any], members: Mapping[int, Member]) -> None:
        """Make the species anew."""
        self.begin()
        self._next_species = state["next"]
        for saved in state["species"]:
            one = Species(saved["key"], saved["created"])
            one.last_improved = saved["improved"]
            one.fitness_history = list(saved["history"])
            one.update(
                members[saved["representative"]], {key: members[key] for key in saved["members"]}
            )
            self._set.species[one.key] = one
