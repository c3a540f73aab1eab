"""Refinements of the paper's way of evolving CPPNs. With them a search needs fewer images.

All are off by default; then a child is the paper's, to the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

STEPS_AN_OCTAVE: Final = 4
"""Strengths are rounded to this many steps an octave, as each needs prepared probabilities."""


@dataclass(frozen=True)
class Refinements:
    """Additions to the paper's way of evolving CPPNs.

    Attributes:
        initial_rounds: A random CPPN grows by a random number of rounds, from 0 to this. Each round
            splits a connection by a node and adds a connection.
        graft: The probability that a child takes one output from a second parent.
        mutation_strength: A factor for the probabilities of all mutations; none exceeds 1.
        mutation_spread: Each child's strength is multiplied by a random factor between e^-s and
            e^s, with this s; its logarithm is uniform.
        mutation_cooling: After this many generations mutations and grafts are half as likely as at
            the beginning, after twice as many a third as likely. 0: no cooling.
    """

    initial_rounds: int = 0
    graft: float = 0.0
    mutation_strength: float = 1.0
    mutation_spread: float = 0.0
    mutation_cooling: int = 0

    def warmth(self, generation: int) -> float:
        """Give the factor for the probabilities in a generation: 1 in generation 0, then less."""
        cooling = self.mutation_cooling
        return cooling / (cooling + generation) if cooling else 1.0


def strength_step(strength: float) -> int:
    """Round a strength of mutation: give its step, 0 for the strength 1."""
    return round(STEPS_AN_OCTAVE * math.log2(strength))
