"""Who stays and who breeds: by neat-python's selection, or by rank; and the scheme's options.

Under :class:`NeatSelection` neat-python itself decides, with species, fitness sharing, stagnation
and elites. It gets the population's members in place of its genomes, and makes a
:class:`PendingChild` for each child. That only notes its parents; the encoding breeds it later.
"""

from __future__ import annotations

import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from neat.reporting import ReporterSet
from neat.reproduction import DefaultReproduction
from neat.species import DefaultSpeciesSet, Species
from neat.stagnation import DefaultStagnation
from pydantic import BaseModel, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from neatfool import Candidate, ClassNames, Encoding, ImageSpec

logger = logging.getLogger(__name__)

GENERATIONS_FOR_EACH_OF_SEVERAL = 50
KEPT: Final = 0.6
"""The share of the population that stays under rank selection, as in the paper's code."""
PRESSURE: Final = 1.1
"""How many times likelier each rank is to be a parent than the next."""


class SpeciesSetOptions(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """neat-python's section ``[DefaultSpeciesSet]``."""

    compatibility_threshold: PositiveFloat = 3.0
    """genomes at less than this distance are of one species"""


class ReproductionOptions(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """neat-python's section ``[DefaultReproduction]``."""

    elitism: NonNegativeInt = 1
    """how many of a species' fittest stay from one generation to the next"""
    survival_threshold: float = Field(0.2, ge=0, le=1)
    """the share of a species that may become parents"""
    min_species_size: PositiveInt = 2
    """the fewest members of a species"""


class StagnationOptions(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """neat-python's section ``[DefaultStagnation]``."""

    species_fitness_func: Literal["max", "min", "mean", "median", "median2"] = "max"
    """how a species' fitness follows from its members'"""
    max_stagnation: PositiveInt = 15
    """a species dies out after this many generations without improvement"""
    species_elitism: NonNegativeInt = 2
    """how many species, the fittest, never die out. 0: all may, and the population then starts
    anew"""


class Options(BaseModel, extra="forbid", populate_by_name=True, use_attribute_docstrings=True):
    """Options of the scheme ``single_class``."""

    classes: ClassNames = Field([])
    """the classes to search one after another, by name or index; `@FILE` stands for the lines of a
    file. If left out, all"""
    selection: Literal["neat", "rank"] = "neat"
    """`neat`: neat-python's species and fitness sharing. `rank`: the paper's control"""
    population: int = Field(100, ge=2, le=100_000)
    """candidates that live at a time"""
    generations_per_class: PositiveInt | None = Field(
        None,
        description="generations after which to go on to the next class. If left out, "
        f"{GENERATIONS_FOR_EACH_OF_SEVERAL} for each of several classes; a single class is "
        "searched for as long as the run goes on",
    )
    stop_at: float = Field(0.9999, gt=0, le=1)
    """go on to the next class at this confidence. 1: never. The niches of an objective have none"""
    batch: PositiveInt | None = None
    """for `rank`: children in each generation, which replace the worst. Few make use of what was
    found sooner, which saves images where each costs something. If left out, 40 % of the
    population"""
    species_set: SpeciesSetOptions = Field(SpeciesSetOptions(), alias="DefaultSpeciesSet")
    """neat-python's keys of its species"""
    reproduction: ReproductionOptions = Field(ReproductionOptions(), alias="DefaultReproduction")
    """neat-python's keys of how species reproduce"""
    stagnation: StagnationOptions = Field(StagnationOptions(), alias="DefaultStagnation")
    """neat-python's keys of when a species dies out"""

    @model_validator(mode="after")
    def _room_for_parents_and_children(self) -> Options:
        if self.selection == "neat" and self.population <= self.smallest_species:
            fault = (
                f"population = {self.population}: must be more than min_species_size and elitism"
            )
            raise ValueError(f"{fault} of [DefaultReproduction], here {self.smallest_species}")
        if self.batch is not None and (self.selection == "neat" or self.batch >= self.population):
            fault = f"must be less than population, here {self.population}"
            if self.selection == "neat":
                fault = "neat-python replaces all; give a smaller population, or selection = rank"
            raise ValueError(f"batch = {self.batch}: {fault}")
        return self

    def absent(self, spec: ImageSpec | None) -> dict[str, Any]:
        """Say what keys that are left out stand for, as far as they stand for anything."""
        known: dict[str, Any] = {}
        if len({*self.classes} or (spec.classes if spec else ())) > 1:
            known["generations_per_class"] = GENERATIONS_FOR_EACH_OF_SEVERAL
        if self.selection == "rank":
            known["batch"] = self.population - self.kept
        return known

    @property
    def smallest_species(self) -> int:
        """The fewest members that neat-python gives a species."""
        return max(self.reproduction.min_species_size, self.reproduction.elitism)

    @property
    def kept(self) -> int:
        """How many of the population stay under rank selection."""
        if self.batch is not None:
            return self.population - self.batch
        return max(1, round(self.population * KEPT))


@dataclass(frozen=True)
class Member:
    """A scored candidate with a finite fitness, which neat-python uses like a genome."""

    candidate: Candidate
    fitness: float

    @property
    def key(self) -> int:
        """The candidate's id."""
        return self.candidate.id

    def distance(self, other: Member, config: Any) -> float:
        """Give the encoding's distance; ``config`` holds the encoding."""
        return float(config.encoding.distance(self.candidate.genome, other.candidate.genome))


def fittest_first(members: Iterable[Member]) -> list[Member]:
    """Sort members by falling fitness; of equal ones the younger comes first."""
    return sorted(members, key=lambda member: (member.fitness, member.key), reverse=True)


Choice: TypeAlias = tuple[list[Member], list[tuple[Member, ...]]]
"""The members that stay, and each child's distinct parents, fittest first."""


class PendingChild:
    """The parents that neat-python chose for a child, in place of a new genome."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.parents: tuple[Member, ...] = ()

    def configure_crossover(self, first: Member, second: Member, config: Any) -> None:
        """Note the parents; a parent that was drawn twice counts once."""
        self.parents = tuple(fittest_first({first.key: first, second.key: second}.values()))

    def mutate(self, config: Any) -> None:
        """Do nothing: the encoding mutates."""


class Reproduction(DefaultReproduction):  # type: ignore[misc]
    """neat-python's reproduction without an error of version 2.0.0."""

    def _adjust_spawn_exact(
        self, spawn_amounts: list[int], pop_size: int, min_species_size: int
    ) -> list[int]:
        """Make the species' children add up to the population's size.

        Too many make neat-python take one from each species, and raise if that does not suffice.
        """
        amounts = list(spawn_amounts)
        for _ in range(sum(amounts) - pop_size):
            amounts[amounts.index(max(amounts))] -= 1
        adjusted: list[int] = super()._adjust_spawn_exact(amounts, pop_size, min_species_size)
        return adjusted


class Selection(ABC):
    """How the members that live on, and the parents, are chosen.

    A selection that keeps something beside the population overrides the last four methods.
    """

    batch: int
    """The most children of a generation."""

    @abstractmethod
    def choose(
        self, population: Sequence[Member], *, generation: int, first_id: int, seed: int
    ) -> Choice:
        """Choose the members that live on, and the parents of each child."""

    def begin(self) -> None:  # noqa: B027 - there may be nothing to forget
        """Forget what was kept."""

    def speciate(  # noqa: B027 - there may be no species
        self, population: Sequence[Member], generation: int
    ) -> None:
        """Divide a population whose members are all scored into species."""

    def state(self) -> dict[str, Any] | None:
        """Give what is kept, to be recorded."""
        return None

    def restore(  # noqa: B027 - there may be nothing to restore
        self, state: Any, members: Mapping[int, Member]
    ) -> None:
        """Restore what :meth:`state` gave."""


class NeatSelection(Selection):
    """The selection ``neat``; a generation has at most ``batch`` children."""

    def __init__(self, options: Options, encoding: Encoding[Any]) -> None:
        self.batch = options.population
        self._options = options
        # At least one child must fit in, so that there is something to score.
        self._most_species = (options.population - 1) // options.smallest_species
        self._reporters = ReporterSet()
        self._stagnation = DefaultStagnation(options.stagnation, self._reporters)
        self._config = SimpleNamespace(
            genome_type=PendingChild, genome_config=SimpleNamespace(encoding=encoding)
        )
        self._warned = False
        self.begin()

    def begin(self) -> None:
        """Forget all species."""
        self._set = DefaultSpeciesSet(self._options.species_set, self._reporters)
        self._next_species = 1

    def choose(
        self, population: Sequence[Member], *, generation: int, first_id: int, seed: int
    ) -> Choice:
        """Let neat-python choose who lives on and who breeds; nobody if all have died out."""
        if len(self._set.species) > self._most_species:
            if not self._warned:
                logger.warning(
                    "%d species, but a population of %d holds only %d; raise "
                    "compatibility_threshold in [DefaultSpeciesSet]",
                    *(len(self._set.species), self.batch, self._most_species),
                )
                self._warned = True
            self._keep_fittest(
                self._most_species,
                lambda species: max(each.fitness for each in species.members.values()),
            )
        # A new one each time: it would remember the parents of all genomes that ever lived.
        reproduction = Reproduction(self._options.reproduction, self._reporters, self._stagnation)
        reproduction.genome_indexer = count(first_id)
        before = random.getstate()  # neat-python uses the global generator
        random.seed(seed)
        try:
            chosen = reproduction.reproduce(self._config, self._set, self.batch, generation)
        finally:
            random.setstate(before)
        for species in self._set.species.values():
            species.fitness_history = [max(species.fitness_history)]
        survivors = [member for member in chosen.values() if isinstance(member, Member)]
        children = [child for child in chosen.values() if isinstance(child, PendingChild)]
        return survivors, [child.parents for child in children]

    def speciate(self, population: Sequence[Member], generation: int) -> None:
        """Divide a population whose members are all scored into species."""
        # neat-python first gives each species a member. It fails if there are too few, as in a last
        # generation that was cut short.
        self._keep_fittest(len(population), lambda species: species.fitness)
        self._set.indexer = count(self._next_species)
        self._set.speciate(self._config, {member.key: member for member in population}, generation)
        self._next_species = max(self._next_species, *(key + 1 for key in self._set.species), 1)

    def _keep_fittest(self, most: int, fitness: Callable[[Any], float]) -> None:
        """Drop the least fit species if there are more."""
        if len(self._set.species) > most:
            ranked = sorted(
                self._set.species.values(), key=lambda species: (-fitness(species), species.key)
            )
            self._set.species = {species.key: species for species in ranked[:most]}

    def state(self) -> dict[str, Any]:
        """Give the species, with members by their keys, which the population tells."""
        kept = [
            {
                "key": species.key,
                "created": species.created,
                "improved": species.last_improved,
                "history": species.fitness_history,
                "representative": species.representative.key,
                "members": list(species.members),
            }
            for species in self._set.species.values()
        ]
        return {"next": self._next_species, "species": kept}

    def restore(self, state: dict[str, Any], members: Mapping[int, Member]) -> None:
        """Restore the species."""
        self.begin()
        self._next_species = state["next"]
        for saved in state["species"]:
            species = Species(saved["key"], saved["created"])
            species.last_improved, species.fitness_history = saved["improved"], [*saved["history"]]
            representative = members[saved["representative"]]
            species.update(representative, {key: members[key] for key in saved["members"]})
            self._set.species[species.key] = species


class RankSelection(Selection):
    """The best ``kept`` members stay and are drawn as parents by their rank.

    Each rank is ``PRESSURE`` times as likely as the next. (The original's library counts ranks from
    the wrong end, so that the best members are never parents. This does what was meant.)
    """

    def __init__(self, options: Options, *, parents: int) -> None:
        self.batch = options.population - options.kept
        self._options = options
        self._parents = parents

    def choose(
        self, population: Sequence[Member], *, generation: int, first_id: int, seed: int
    ) -> Choice:
        """Keep the best, and draw parents for as many children as the population has room for."""
        kept = fittest_first(population)[: self._options.kept]
        likelihood = PRESSURE ** -np.arange(len(kept), dtype=np.float64)
        children = self._options.population - len(kept)
        ranks = np.random.default_rng(seed).choice(
            len(kept), size=(children, self._parents), p=likelihood / likelihood.sum()
        )
        parent_groups = [
            tuple(kept[i] for i in sorted(set(parent_group))) for parent_group in ranks.tolist()
        ]
        return kept, parent_groups
