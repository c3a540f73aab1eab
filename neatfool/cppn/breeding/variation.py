"""Makes a batch of children, in compiled code.

Each way of variation is compiled when a run first needs it.

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
from typing import Final, NamedTuple

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
    mutate_attributes,
)
from neatfool.cppn.breeding.attributes import strength_step as _strength_step
from neatfool.cppn.breeding.crossover import cross, graft
from neatfool.cppn.compiling import inner, outer
from neatfool.cppn.genome import genes

TRIES: Final = 20
"""The most random pairs of nodes to try for a new connection, as in a full genome none may fit."""

strength_step = inner(_strength_step)


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
        rates = _at_step(plan, strength_step(strength) - refining.lowest)
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
