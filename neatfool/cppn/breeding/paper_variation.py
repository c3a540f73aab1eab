"""Refinements of the paper's way of evolving CPPNs. With them a search needs fewer images.

All are off by default; then a child is the paper's, to the bit.
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
"""Strengths are rounded to this many steps an octave, as each needs a prepared mutation."""
TRIES: Final = 1000
"""The most mutations of a parent until a child differs from it; rates of 0 would need for ever."""


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


class PaperVariation:
    """Breeds children by the paper's mutation and its refinements.

    Attributes:
        parents: The most parents of a child.
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
        """Give the variation for a generation of a run."""
        refinements = self._refinements
        if not refinements.mutation_cooling:
            return self
        cooled = copy(self)
        warmth = refinements.warmth(generation)
        cooled._strength = refinements.mutation_strength * warmth
        cooled._graft = refinements.graft * warmth
        return cooled

    def litter_size(self, draw: Draw) -> int:
        """Draw the number of parents of a child, before anything else."""
        return 2 if self.parents > 1 and draw() < self._graft else 1

    def expected_draws(self, nodes: float, connections: float) -> int:
        """Give a number of random numbers that a child rarely exceeds."""
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
        """Breed a child of one parent, or of two if :meth:`litter_size` draws two.

        Either parent may be the one that gives most.
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
        # Weak mutation often changes nothing, and scoring a copy would waste an image.
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
    """Tell whether no gene changed: a child shares unchanged genes with its parent."""
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
