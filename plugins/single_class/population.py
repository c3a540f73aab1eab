"""The members of a population, and what a selection decides about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neatfool import Candidate


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


@dataclass(frozen=True)
class Choice:
    """The members that stay, and each child's distinct parents, fittest first."""

    survivors: list[Member]
    litters: list[tuple[Member, ...]]


class Selection(Protocol):
    """Decides who lives on and who breeds; a generation has at most ``batch`` children."""

    batch: int

    def begin(self) -> None:
        """Forget everything: the search for another class starts."""
        ...

    def choose(
        self, population: Sequence[Member], *, generation: int, first_id: int, seed: int
    ) -> Choice:
        """Choose who lives on and who breeds; nobody if the population has died out.

        Args:
            population: The members that ``settle`` got last.
            generation: The number of the generation to breed.
            first_id: The first child's id; the others follow.
            seed: The seed of all randomness.
        """
        ...

    def settle(self, population: Sequence[Member], generation: int) -> None:
        """Take a population whose members are all scored."""
        ...

    def state(self) -> Any:
        """Give what ``restore`` needs in addition to the population, as JSON, members by keys."""
        ...

    def restore(self, state: Any, members: Mapping[int, Member]) -> None:
        """Restore what :meth:`state` gave."""
        ...
