"""The members of a population, and what a selection decides about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neatfool import Candidate


@dataclass(frozen=True)
class Member:
    """A scored candidate of the population; neat-python takes it for one of its genomes.

    Attributes:
        candidate: The candidate.
        fitness: What selection compares, finite.
    """

    candidate: Candidate
    fitness: float

    @property
    def key(self) -> int:
        """The candidate's id."""
        return self.candidate.id

    def distance(self, other: Member, config: Any) -> float:
        """Measure how unlike two members are; neat-python hands the stand-in of its config on."""
        return float(config.encoding.distance(self.candidate.genome, other.candidate.genome))


def fittest_first(members: Iterable[Member]) -> list[Member]:
    """Sort members by falling fitness, the younger first where it is equal."""
    return sorted(members, key=lambda member: (member.fitness, member.key), reverse=True)


@dataclass(frozen=True)
class Choice:
    """Who lives on, and who breeds.

    Attributes:
        survivors: The members that stay.
        litters: For each child to be bred its distinct parents, fittest first.
    """

    survivors: list[Member]
    litters: list[tuple[Member, ...]]


class Selection(Protocol):
    """Decides who lives on and who breeds.

    Attributes:
        batch: How many children a generation has at most.
    """

    batch: int

    def begin(self) -> None:
        """Forget all: the search for a class begins."""
        ...

    def choose(
        self, population: Sequence[Member], *, generation: int, first_id: int, seed: int
    ) -> Choice:
        """Choose the next generation.

        Args:
            population: The members, of which the last call of ``settle`` was told.
            generation: The number of the generation to breed.
            first_id: The id that the first child will have; the others follow on.
            seed: What all randomness comes from.

        Returns:
            Who lives on and who breeds; nobody at all if the population has died out.
        """
        ...

    def settle(self, population: Sequence[Member], generation: int) -> None:
        """Take note of a population whose members are all scored."""
        ...

    def state(self) -> Any:
        """Give what ``restore`` needs beside the population, as JSON; members by their keys."""
        ...

    def restore(self, state: Any, members: Mapping[int, Member]) -> None:
        """Go on from a state."""
        ...
