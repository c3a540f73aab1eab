"""Candidates, elites, and replacements of one by another."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """A genome that was bred and is not scored yet.

    Attributes:
        id: Its number in the run: candidates are counted from 0 as they are bred.
        genome: The genome; treat it as immutable.
        parents: The ids of its parents, fittest first; empty for a random genome.
        generation: The generation it was bred in, from 0.
        evaluations: How many images it counts for: 1 for itself, however many views of it are
            shown, and those shown to the target to make it (or a group of candidates whose first
            it is). It is not stored.
    """

    id: int
    genome: Any
    parents: tuple[int, ...] = ()
    generation: int = 0
    evaluations: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Elite:
    """The best candidate found so far for a class.

    Attributes:
        class_index: The class whose niche it holds.
        candidate: The candidate.
        confidence: The probability that the target gives the class, in [0, 1].
        rank: The number that selection compares: the log-odds in float64 if the target has
            logits, else the confidence.
    """

    class_index: int
    candidate: Candidate
    confidence: float
    rank: float


@dataclass(frozen=True)
class Replacement:
    """A niche that a better candidate took.

    Attributes:
        elite: The new elite.
        previous: The id of the candidate that held the niche, or None if it was empty.
        goal_switch: Whether a parent of the new elite was an elite, and none held this niche.
    """

    elite: Elite
    previous: int | None = None
    goal_switch: bool = False


@dataclass(frozen=True)
class GenomeSize:
    """How large a genome is: its nodes and enabled connections, or its numbers."""

    nodes: int
    connections: int
