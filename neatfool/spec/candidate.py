"""Candidates, elites, and replacements of one by another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """A genome that has been bred and not yet scored.

    Attributes:
        id: Its number in the run; the n-th candidate ever asked for is n, from 0.
        genome: The genome; treat it as immutable.
        parents: The ids of its parents, fittest first; empty for a genome made at random.
        generation: The generation it was bred in, from 0.
        evaluations: How many images it counts for: itself, and those that the target was shown
            to make it, and others with it. Not a part of what it is, and not stored with it.
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
        rank: What selection compares: log-odds in float64 if the target has logits, else the
            confidence.
    """

    class_index: int
    candidate: Candidate
    confidence: float
    rank: float


@dataclass(frozen=True)
class Replacement:
    """An elite that gives its niche up to a better candidate.

    Attributes:
        elite: The new elite.
        previous: The id of the candidate that held the niche, or None if it was empty.
        goal_switch: Whether a parent of the new elite held niches at the time, and none held
            this one.
    """

    elite: Elite
    previous: int | None = None
    goal_switch: bool = False


@dataclass(frozen=True)
class GenomeSize:
    """How large a genome is: its nodes and its (enabled) connections, or its numbers."""

    nodes: int
    connections: int
