"""Refinements of the paper's way of evolving CPPNs, which make its search need fewer images.

All are off by default, and a child is then the paper's, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

from neatfool.cppn.genome import Genome
from neatfool.cppn.grafting import graft
from neatfool.cppn.paper_mutation import PaperMutation
from neatfool.cppn.streams import one_of

if TYPE_CHECKING:
    from neatfool.cppn.genome import GenomeConfig
    from neatfool.cppn.streams import Draw

STRENGTHS: Final = 16
"""So many different strengths of mutation there are, where they are spread."""


@dataclass(frozen=True)
class Refinements:
    """What the paper's way of evolving CPPNs does not have.

    Attributes:
        initial_rounds: A random CPPN is grown by a number of rounds drawn from 0 to this one, each
            of which splits a connection by a node and adds a connection.
        graft: How often a child takes one of its outputs from a second parent.
        mutation_strength: What the probabilities of all mutations are multiplied by; none gets
            larger than 1.
        mutation_spread: Each child's strength is that times a factor of its own, whose logarithm
            is uniform between minus this and this.
    """

    initial_rounds: int = 0
    graft: float = 0.0
    mutation_strength: float = 1.0
    mutation_spread: float = 0.0


class PaperVariation:
    """Breeds children by the paper's mutation and its refinements."""

    def __init__(self, config: GenomeConfig, refinements: Refinements) -> None:
        self._outputs: list[int] = list(config.output_keys)
        self._rounds = refinements.initial_rounds
        self._graft = refinements.graft
        self._mutations = [
            PaperMutation(_with_strength(config, strength)) for strength in _strengths(refinements)
        ]
        self.parents = 2 if self._graft else 1
        # Three for a graft, one for a strength.
        self._own_draws = 3 * bool(self._graft) + 1

    def litter_size(self, draw: Draw) -> int:
        """Say how many parents a child has; the first thing that is drawn for it."""
        return 2 if self._graft and draw() < self._graft else 1

    def expected_draws(self, nodes: float, connections: float) -> int:
        """Say how many random numbers a child of such a parent rarely exceeds."""
        mutation = max(each.expected_draws(nodes, connections) for each in self._mutations)
        return mutation + self._own_draws

    def grow(self, genome: Genome, draw: Draw) -> None:
        """Grow a random genome, in place."""
        for _ in range(int(draw() * (self._rounds + 1))):
            self._mutations[0].grow(genome, draw)

    def __call__(self, draw: Draw, parent: Genome, other: Genome | None = None) -> Genome:
        """Breed a child of one parent, or of two, of which either may be the one that gives most.

        Args:
            draw: The child's random numbers.
            parent: A parent.
            other: Another one, if :meth:`litter_size` wants it.
        """
        size = self.litter_size(draw)
        if size > 1 and other is not None:
            first, second = (parent, other) if draw() < 0.5 else (other, parent)
            child = graft(first, second, one_of(self._outputs, draw), self._outputs)
        else:
            child = Genome.born(parent.nodes.copy(), parent.connections.copy())
        mutations = self._mutations
        mutation = mutations[0] if len(mutations) == 1 else one_of(mutations, draw)
        mutation.mutate(child, draw)
        return child


def _strengths(refinements: Refinements) -> list[float]:
    strength, spread = refinements.mutation_strength, refinements.mutation_spread
    if not spread:
        return [strength]
    steps = [(2 * step + 1) / STRENGTHS - 1 for step in range(STRENGTHS)]
    return [strength * exp(spread * step) for step in steps]


def _with_strength(config: GenomeConfig, strength: float) -> GenomeConfig:
    if strength == 1.0:
        return config
    values = vars(config)
    rates = {
        key: min(value * strength, 1.0)
        for key, value in values.items()
        if key.endswith(("_mutate_rate", "_add_prob", "_delete_prob"))
    }
    return cast("GenomeConfig", SimpleNamespace(**{**values, **rates}))
