"""Breeding: a batch of genomes, each from its own seed, as flat bytes in compiled code.

A child depends only on its parents and its seed. Children draw from streams of their own. Random
genomes are made by neat-python's code, which draws from Python's global random generator. That
generator is seeded for each genome, and restored after the batch. Each way of variation is compiled
when a run first needs it.

:func:`vary_as_neat` breeds as neat-python: crossover of two parents, and mutation. Children change
in the same ways and as often as by neat-python's ``configure_crossover`` and ``mutate``; the tests
compare the two. But cycles are searched only where they can be, and random numbers are drawn only
for genes that change.

:func:`vary_as_the_paper` mutates in the steps of the paper's own code, with the refinements of
:class:`neatfool.cppn.Refinements`, which may all be off:

1. Each weight, with probability 0.1: polynomial mutation, eta 15, on [-10, 10].
2. Each node's activation, with probability 0.1: any of the options.
3. With probability 0.5: add a connection.
4. With probability 0.3: delete a connection.
5. With probability 0.5: replace a connection by a node and two connections of the same weight.
6. With probability 0.2: delete a hidden node and its connections.

Attributes that the paper's CPPNs do not have (bias, response, aggregation, disabled connections)
mutate with the activations as in neat-python, at rates that the preset sets to 0.
"""

import math
import random
from collections.abc import Sequence
from copy import copy
from functools import cache, partial
from itertools import chain, pairwise
from typing import Final, NamedTuple, Self

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.breeding import draft as drafts
from neatfool.cppn.breeding.attributes import (
    CONN_ADD,
    CONN_DELETE,
    NODE_ADD,
    NODE_DELETE,
    Draft,
    Plan,
    draw,
    draw_place,
    first_numbers,
    make_plan,
    mutate_attributes,
    seed_array,
    strength_step,
)
from neatfool.cppn.breeding.crossover import cross, graft
from neatfool.cppn.compiling import await_compiled, compile_beside, inner, outer
from neatfool.cppn.genome import genes
from neatfool.cppn.genome.genome import Genome, GenomeConfig
from neatfool.cppn.genome.options import GenomeOptions, genome_config, resolve
from neatfool.cppn.genome.presets import PRESETS, Preset, Refinements

TRIES: Final = 20
"""The most random pairs of nodes to try for a new connection, as in a full genome none may fit."""

_step_of = inner(strength_step)


class Batch(NamedTuple):
    """Litters, and room for their children."""

    words: Array  # int64 [W], flat genomes, one after another
    numbers: Array  # float64 [W], the same memory
    litters: Array  # int64 [N, 2], the words where the parents begin; -1 for none
    seeds: Array  # uint64 [N]
    bounds: Array  # int64 [N + 1]; receives the words where the children begin and end
    written: Array  # int64 [≥ all children]; receives the children


class Refining(NamedTuple):
    """The refinements of the paper's mutation, but for grafts."""

    strength: float  # the factor for the probabilities of all mutations
    spread: float  # the spread of the strength's logarithm
    lowest: int  # the step of strength of the plan's first row
    copies: int  # how many copies of the parent are thrown away until one may be the child


@outer
def vary_as_the_paper(
    batch: Batch, plan: Plan, refining: Refining, grafted: float | None, draft: Draft
) -> None:
    """Make a child of each litter by the paper's mutation and its refinements.

    ``grafted`` is the probability of a graft. Where it is None, code for grafts is not compiled.
    """
    stream, batch.bounds[0] = draft.stream, 0
    for child in range(len(batch.litters)):
        stream[0] = batch.seeds[child]
        parent = _parent(batch, child, 0)
        is_graft = False
        if grafted is not None:
            is_graft = draw(stream) < grafted and batch.litters[child, 1] >= 0
            if is_graft:  # of one parent on the other
                genome, donor = parent, _parent(batch, child, 1)
                if draw(stream) >= 0.5:
                    genome, donor = donor, genome
                graft(genome, donor, draw_place(plan.outputs, stream), plan.outputs, draft)
        strength = refining.strength
        if refining.spread:
            strength *= math.exp(refining.spread * (2.0 * draw(stream) - 1.0))
        rates = _at_step(plan, _step_of(strength) - refining.lowest)
        # Weak mutation often changes nothing, and scoring a copy would waste an image.
        for left in range(0 if is_graft else refining.copies, -1, -1):
            if not is_graft:
                drafts.copy_genome(parent, draft)
            touched = _mutate_as_the_paper(draft, rates)
            if touched or left == 0 or not drafts.is_copy(parent, draft):
                break
        batch.bounds[child + 1] = drafts.write_genome(draft, batch.bounds[child], batch.written)


@outer
def vary_as_neat(batch: Batch, plan: Plan, draft: Draft) -> None:
    """Make a child of each litter by neat-python's crossover and mutation."""
    batch.bounds[0] = 0
    rates = _at_step(plan, 0)
    for child in range(len(batch.litters)):
        draft.stream[0] = batch.seeds[child]
        drafts.copy_genome(_parent(batch, child, 0), draft)
        if batch.litters[child, 1] >= 0:
            cross(draft, _parent(batch, child, 1))
        _mutate_structure(draft, rates)
        mutate_attributes(draft, rates)
        batch.bounds[child + 1] = drafts.write_genome(draft, batch.bounds[child], batch.written)


@outer
def grow(batch: Batch, plan: Plan, rounds: int, draft: Draft) -> None:
    """Grow the first parent of each litter by some rounds, as an initial genome grows."""
    batch.bounds[0] = 0
    rates = _at_step(plan, 0)
    for child in range(len(batch.litters)):
        draft.stream[0] = batch.seeds[child]
        drafts.copy_genome(_parent(batch, child, 0), draft)
        for _ in range(int(draw(draft.stream) * (rounds + 1))):
            if draft.counts[1]:
                drafts.split_edge(draft, draw_place(draft.counts[1], draft.stream), rates)
            _add_absent_connection(draft, rates)
        batch.bounds[child + 1] = drafts.write_genome(draft, batch.bounds[child], batch.written)


@inner
def _parent(batch: Batch, child: int, place: int) -> drafts.Parent:
    return drafts.view_genome(batch.words, batch.numbers, batch.litters[child, place])


@inner
def _at_step(plan: Plan, step: int) -> Plan:
    """Give the plan of one step of strength."""
    attributes, structure = plan.attributes[step], plan.structure[step]
    inputs, outputs, single = plan.inputs, plan.outputs, plan.single
    return Plan(attributes, structure, plan.options, inputs, outputs, single, plan.surer)


@inner
def _mutate_structure(draft: Draft, plan: Plan) -> None:
    """Change the structure as neat-python does."""
    chances, stream, place = plan.structure, draft.stream, 0.0
    if plan.single:
        place = draw(stream) * max(1.0, chances[0] + chances[1] + chances[2] + chances[3])
    for which in range(4):
        if not plan.single:
            place = draw(stream)
        if place >= chances[which]:
            place -= chances[which]
            continue
        if which == NODE_ADD and draft.counts[1]:
            drafts.shunt_edge(draft, draw_place(draft.counts[1], stream), plan)
        elif which == CONN_ADD or (which == NODE_ADD and plan.surer):
            target = draw_place(draft.counts[0], stream)
            source = drafts.draw_source(draft, drafts.find_hidden(draft, plan.outputs), plan)
            edge = drafts.find_edge(draft, source, target)
            if edge < 0 and not drafts.closes_cycle(draft, source, target):
                drafts.append_new_edge(draft, source, target, plan)
            elif edge >= 0 and plan.surer:
                draft.edge_numbers[edge, genes.ENABLED] = 1.0
        elif which == NODE_DELETE:
            drafts.delete_node(draft, plan.outputs)
        elif which == CONN_DELETE:
            drafts.delete_connection(draft)
        if plan.single:
            break


@inner
def _mutate_as_the_paper(draft: Draft, plan: Plan) -> bool:
    """Mutate; say whether a number was drawn, even if it was the old one."""
    stream, chances = draft.stream, plan.structure
    touched = mutate_attributes(draft, plan)
    if draw(stream) < chances[CONN_ADD]:
        _add_absent_connection(draft, plan)
    if draw(stream) < chances[CONN_DELETE]:
        drafts.delete_connection(draft)
    if draw(stream) < chances[NODE_ADD] and draft.counts[1]:
        drafts.split_edge(draft, draw_place(draft.counts[1], stream), plan)
    if draw(stream) < chances[NODE_DELETE]:
        drafts.delete_node(draft, plan.outputs)
    return touched


@inner
def _add_absent_connection(draft: Draft, plan: Plan) -> None:
    """Add a random connection that is absent and closes no cycle; all are equally likely."""
    hidden = drafts.find_hidden(draft, plan.outputs)
    for _ in range(TRIES):
        source = drafts.draw_source(draft, hidden, plan)
        target = draw_place(draft.counts[0], draft.stream)
        if drafts.find_edge(draft, source, target) < 0 and not drafts.closes_cycle(
            draft, source, target
        ):
            drafts.append_new_edge(draft, source, target, plan)
            return


COPIES: Final = 999
"""The most copies of a parent that are thrown away; rates of 0 would need for ever."""


class Breeder:
    """Makes and breeds genomes according to a preset.

    Attributes:
        parents: The most parents of a child.
    """

    def __init__(
        self, preset: Preset, config: GenomeConfig, refinements: Refinements | None = None
    ) -> None:
        """Prepare to breed by a preset, and refinements of the paper's mutation if it has that.

        By default the refinements are the preset's own.
        """
        self._config = config
        self._is_paper = preset.refinements is not None
        self._refinements = refinements or Refinements(**(preset.refinements or {}))
        self._plan_of = cache(partial(make_plan, config, polynomial=self._is_paper))
        self.parents = 1 if self._is_paper and not self._refinements.graft else 2
        self._set_warmth(1.0)

    @staticmethod
    def prepare(preset: Preset) -> None:
        """Have another process compile how a preset breeds, if no code is kept on this machine.

        Breeding waits for it.
        """
        is_paper = preset.refinements is not None
        compile_beside(preset.name, vary_as_the_paper if is_paper else vary_as_neat)

    def _set_warmth(self, warmth: float) -> None:
        """Prepare for a factor of all probabilities."""
        refinements, steps = self._refinements, range(1)
        self._graft = refinements.graft * warmth
        self._refining: Refining | None = None
        if self._is_paper:
            strength, spread = refinements.mutation_strength * warmth, refinements.mutation_spread
            lowest, highest = (strength_step(strength * math.exp(s)) for s in (-spread, spread))
            # The logarithm may be rounded differently in compiled code.
            steps = range(lowest - 1, highest + 2)
            only_grows = refinements == Refinements(initial_rounds=refinements.initial_rounds)
            self._refining = Refining(
                strength, float(spread), steps.start, 0 if only_grows else COPIES
            )
        self._plan = self._plan_of(steps)

    def in_generation(self, generation: int) -> Self:
        """Give the breeder for a generation of a run."""
        cooling = self._refinements.mutation_cooling
        if not cooling:
            return self
        then = copy(self)
        then._set_warmth(cooling / (cooling + generation))
        return then

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make a random genome from each seed."""
        genomes = [Genome() for _ in seeds]
        state = random.getstate()
        try:
            for genome, seed in zip(genomes, seeds, strict=True):
                random.seed(seed)
                genome.configure_new(self._config)
        finally:
            random.setstate(state)
        rounds = self._refinements.initial_rounds if self._is_paper else 0
        if not rounds:
            return [Genome.read(genome.flat) for genome in genomes]
        batch, draft = _lay_out([[genome] for genome in genomes], seeds, 1, rounds)
        grow(batch, self._plan_of(range(1)), rounds, draft)
        return _read_children(batch)

    def litter_sizes(self, seeds: Sequence[int]) -> list[int]:
        """Give the number of parents for the child of each seed."""
        if not self._is_paper or self.parents == 1:
            return [self.parents] * len(seeds)
        # Whether a child is grafted is drawn before anything else.
        grafted: list[int] = (1 + (first_numbers(seed_array(seeds)) < self._graft)).tolist()
        return grafted

    def breed(self, litters: Sequence[Sequence[Genome]], seeds: Sequence[int]) -> list[Genome]:
        """Breed children.

        Args:
            litters: For each child its parents, fittest first; at least one. Those beyond
                ``parents`` are ignored.
            seeds: For each child the seed of all its randomness.
        """
        batch, draft = _lay_out(litters, seeds, self.parents)
        if self._refining is None:
            vary_as_neat(batch, self._plan, draft)
        else:
            grafted = self._graft if self.parents > 1 else None
            vary_as_the_paper(batch, self._plan, self._refining, grafted, draft)
        return _read_children(batch)


def breed_a_child(preset: str) -> None:
    """Breed, so that the code for it is compiled and kept."""
    chosen = PRESETS[preset]
    breeder = Breeder(chosen, genome_config(resolve(GenomeOptions(), chosen), 1))
    breeder.breed([breeder.create([0, 1])], [2])


def _lay_out(
    litters: Sequence[Sequence[Genome]], seeds: Sequence[int], parents: int, rounds: int = 0
) -> tuple[Batch, Draft]:
    """Put the parents of a batch one after another, each once, and make room for the children."""
    await_compiled()
    if len(litters) != len(seeds):
        raise ValueError(f"{len(litters)} litters, but {len(seeds)} seeds")
    firsts = [litter[0] for litter in litters]
    others = [litter[1] if len(litter) > 1 else None for litter in litters] if parents > 1 else []
    known = {id(genome): genome for genome in chain(firsts, others) if genome is not None}
    places = dict(zip(known, range(len(known)), strict=True))
    rows = np.full((len(litters), 2), -1)
    rows[:, 0] = [places[id(genome)] for genome in firsts]
    if others:
        rows[:, 1] = [places.get(id(genome), -1) for genome in others]
    words, begins = genes.join([genome.flat for genome in known.values()])
    # The last row stands for no parent, whose place is -1.
    begins[-1] = -1
    heads = np.zeros((len(begins), 2), np.int64)
    for column in range(2):
        heads[:-1, column] = words[begins[:-1] + column]
    # A child has at most the genes of both parents, of a new node and of the connections that come
    # with it, and what it grows in each round.
    nodes, edges = (heads[rows].sum(1) + np.array([1 + rounds, 4 + 2 * rounds])).T
    written = np.empty(int((genes.HEAD + genes.NODE * nodes + genes.EDGE * edges).sum()), np.int64)
    bounds = np.empty(len(litters) + 1, np.int64)
    batch = Batch(words, words.view(np.float64), begins[rows], seed_array(seeds), bounds, written)
    return batch, drafts.make_draft(int(nodes.max(initial=0)), int(edges.max(initial=0)))


def _read_children(batch: Batch) -> list[Genome]:
    """Make genomes of the children that compiled code wrote."""
    text, ends = batch.written[: batch.bounds[-1]].tobytes(), (8 * batch.bounds).tolist()
    return list(map(Genome.read, [text[start:end] for start, end in pairwise(ends)]))
