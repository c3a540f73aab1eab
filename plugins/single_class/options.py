"""The options of the scheme ``single_class``, under neat-python's names where it has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from neatfool import ClassNames, LearningOptions

if TYPE_CHECKING:
    from neatfool import ImageSpec

GENERATIONS_FOR_EACH_OF_SEVERAL = 50


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


class Options(
    LearningOptions, extra="forbid", populate_by_name=True, use_attribute_docstrings=True
):
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
    """go on to the next class at this confidence. 1: never"""
    keep: float = Field(0.6, gt=0, lt=1)
    """for `rank`: the share of the population that stays"""
    batch: PositiveInt | None = None
    """for `rank`: children in each generation, in place of the share that does not stay. Few make
    use of what was found sooner, which saves images where each costs something"""
    pressure: float = Field(1.1, ge=1)
    """for `rank`: how many times likelier each rank is to be a parent than the next"""
    species_set: SpeciesSetOptions = Field(SpeciesSetOptions(), alias="DefaultSpeciesSet")
    """neat-python's keys of its species"""
    reproduction: ReproductionOptions = Field(ReproductionOptions(), alias="DefaultReproduction")
    """neat-python's keys of how species reproduce"""
    stagnation: StagnationOptions = Field(StagnationOptions(), alias="DefaultStagnation")
    """neat-python's keys of when a species dies out"""

    @model_validator(mode="after")
    def _room_for_parents_and_children(self) -> Options:
        if self.selection == "neat" and self.population <= self.smallest_species:
            raise ValueError(
                f"population = {self.population}: must be more than min_species_size and elitism "
                f"of [DefaultReproduction], here {self.smallest_species}"
            )
        if self.batch is not None and self.selection == "neat":
            raise ValueError(
                f"batch = {self.batch}: neat-python replaces its whole population; for smaller "
                "generations give a smaller population, or selection = rank"
            )
        if self.batch is not None and self.batch >= self.population:
            raise ValueError(
                f"batch = {self.batch}: must be less than population, here {self.population}"
            )
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
        return max(1, min(self.population - 1, round(self.population * self.keep)))
