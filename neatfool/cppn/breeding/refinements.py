"""Refinements of the paper's way of evolving CPPNs, which make its search need fewer images.

All are off by default, and a child is then the paper's, to the bit.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from math import exp, log2
from operator import is_
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

from neatfool.cppn.breeding.grafting import graft
from neatfool.cppn.breeding.paper_mutation import PaperMutation
from neatfool.cppn.breeding.streams import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neatfool.cppn.breeding.streams import Draw
    from neatfool.cppn.genome.genome import Genome, GenomeConfig

STEPS_AN_OCTAVE: Final = 4
"""Strengths of mutation are rounded to so many steps from one to its double."""
TRIES: Final = 1000
"""How often a child is mutated until it is no copy of its parent."""


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
        mutation_cooling: After so many generations mutations and grafts are half as likely as at
            the beginning, after twice as many a third; 0: they stay as they are.
    """

    initial_rounds: int = 0
    graft: float = 0.0
    mutation_strength: float = 1.0
    mutation_spread: float = 0.0
    mutation_cooling: int = 0

    def warmth(self, generation: int) -> float:
        """Say how likely mutations and grafts still are: 1 in generation 0, never more."""
        cooling = self.mutation_cooling
        return cooling / (cooling + generation) if cooling else 1.0


class PaperVariation:
    """Breeds children by the paper's mutation and its refinements.

    Attributes:
        parents: How many parents a child has at most.
    """

    def __init__(self, config: GenomeConfig, refinements: Refinements) -> None:
        self._config = config
        self._refinements = refinements
        self._outputs: list[int] = list(config.output_keys)
        self._plain = PaperMutation(config)
        self._mutations: dict[int, PaperMutation] = {0: self._plain}
        self._refined = refinements != Refinements(initial_rounds=refinements.initial_rounds)
        self._strength, self._graft = refinements.mutation_strength, refinements.graft
        self.parents = 2 if refinements.graft else 1

    def in_generation(self, generation: int) -> PaperVariation:
        """Give the variation as it is in a generation of a run."""
        refinements = self._refinements
        if not refinements.mutation_cooling:
            return self
        cooled = copy(self)
        warmth = refinements.warmth(generation)
        cooled._strength = refinements.mutation_strength * warmth
        cooled._graft = refinements.graft * warmth
        return cooled

    def litter_size(self, draw: Draw) -> int:
        """Say how many parents a child has; the first thing that is drawn for it."""
        return 2 if self.parents > 1 and draw() < self._graft else 1

    def expected_draws(self, nodes: float, connections: float) -> int:
        """Say how many random numbers a child of such a parent rarely exceeds."""
        if not self._refined:
            return self._plain.expected_draws(nodes, connections)
        strongest = self._strength * exp(self._refinements.mutation_spread)
        return 4 + self._with_strength(strongest).expected_draws(nodes, connections)

    def grow(self, genome: Genome, draw: Draw) -> None:
        """Grow a random genome, in place."""
        rounds = self._refinements.initial_rounds
        for _ in range(int(draw() * (rounds + 1)) if rounds else 0):
            self._plain.grow(genome, draw)

    def __call__(self, draw: Draw, parent: Genome, other: Genome | None = None) -> Genome:
        """Breed a child of one parent, or of two, of which either may be the one that gives most.

        Args:
            draw: The child's random numbers.
            parent: A parent.
            other: Another one, if :meth:`litter_size` wants it.
        """
        if not self._refined:
            return self._plain(draw, parent)
        grafted = None
        if self.litter_size(draw) > 1 and other is not None:
            first, second = (parent, other) if draw() < 0.5 else (other, parent)
            grafted = graft(first, second, one_of(self._outputs, draw), self._outputs)
        mutate = self._with_strength(self._draw_strength(draw))
        if grafted is not None:
            mutate.mutate(grafted, draw)
            return grafted
        # Weak mutation often changes nothing, and to score a copy would be a waste.
        for _ in range(TRIES):
            child = mutate(draw, parent)
            if not _is_copy(child, parent):
                break
        return child

    def _draw_strength(self, draw: Draw) -> float:
        spread = self._refinements.mutation_spread
        return self._strength * (exp(spread * (2.0 * draw() - 1.0)) if spread else 1.0)

    def _with_strength(self, strength: float) -> PaperMutation:
        step = round(STEPS_AN_OCTAVE * log2(strength))
        if step not in self._mutations:
            rounded = 2.0 ** (step / STEPS_AN_OCTAVE)
            self._mutations[step] = PaperMutation(_with_strength(self._config, rounded))
        return self._mutations[step]


def _is_copy(child: Genome, parent: Genome) -> bool:
    """Tell whether no gene changed: a child shares those that did not with its parent."""
    return _same(child.nodes, parent.nodes) and _same(child.connections, parent.connections)


def _same(genes: Mapping[Any, object], others: Mapping[Any, object]) -> bool:
    return genes.keys() == others.keys() and all(map(is_, genes.values(), others.values()))


def _with_strength(config: GenomeConfig, strength: float) -> GenomeConfig:
    values = vars(config)
    rates = {
        key: min(value * strength, 1.0)
        for key, value in values.items()
        if key.endswith(("_mutate_rate", "_add_prob", "_delete_prob"))
    }
    return cast("GenomeConfig", SimpleNamespace(**{**values, **rates}))
