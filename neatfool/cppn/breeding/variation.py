"""Variation in compiled code: the children of a batch, each from its parents and its seed.

The preset ``neat`` crosses and mutates as neat-python's ``configure_crossover`` and ``mutate``. The
other presets mutate as the paper's own code, in its order:

1. Each weight, with probability 0.1: polynomial mutation, eta 15, on [-10, 10].
2. Each node's activation, with probability 0.1: any of the options.
3. With probability 0.5: add a connection.
4. With probability 0.3: delete a connection.
5. With probability 0.5: replace a connection by a node and two connections of the same weight.
6. With probability 0.2: delete a hidden node and its connections.

Attributes that the paper's CPPNs do not have (bias, response, aggregation, disabled connections)
mutate with the activations as in neat-python, at rates that the preset sets to 0. The refinements
are those of :class:`neatfool.cppn.Refinements`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from neatfool.cppn.breeding.attributes import change_attribute
from neatfool.cppn.breeding.chance import draw, draw_place
from neatfool.cppn.breeding.compiling import inner, outer
from neatfool.cppn.breeding.crossover import cross
from neatfool.cppn.breeding.draft import (
    Draft,
    copy_genome,
    find_edge,
    is_copy,
    view_genome,
    write_genome,
)
from neatfool.cppn.breeding.grafting import graft
from neatfool.cppn.breeding.structure import (
    append_new_edge,
    closes_cycle,
    delete_connection,
    delete_node,
    find_hidden,
    shunt_edge,
    split_edge,
)
from neatfool.cppn.genome.flat import ENABLED

if TYPE_CHECKING:
    import numpy as np

    from neatfool.cppn.breeding.draft import Parent

TRIES: Final = 20
"""The most random pairs of nodes to try for a new connection, as in a full genome none may fit."""
COPIES: Final = 1000
"""The most mutations of a parent until a child differs from it; rates of 0 would need for ever."""
STEPS_AN_OCTAVE: Final = 4
"""Strengths are rounded to this many steps an octave, as each needs prepared probabilities."""

# Ways of variation.
GROW: Final = 0
PAPER: Final = 1
REFINED: Final = 2
NEAT: Final = 3

# The places of settings.
WAY: Final = 0
INPUTS: Final = 1
OUTPUTS: Final = 2
SINGLE: Final = 3
SURER: Final = 4
PARENTS: Final = 5
LOWEST: Final = 6
ROUNDS: Final = 7
SETTINGS: Final = 8

# The places of probabilities, which follow the plans of attributes.
NODE_ADD: Final = 0
NODE_DELETE: Final = 1
CONN_ADD: Final = 2
CONN_DELETE: Final = 3

# The places of refinements.
GRAFTED: Final = 0
STRENGTH: Final = 1
SPREAD: Final = 2


@inner
def _mutate_attributes(draft: Draft, first: int, end: int, plans: np.ndarray, options: np.ndarray) -> bool:
    """Change some attributes of all nodes, or of all connections; say if a number was drawn."""
    touched = False
    for attribute in range(first, end):
        names = options[1 if attribute == 3 else 0]
        names = names[1 : 1 + names[0]]
        if attribute < 5:
            words, numbers, count = draft.nodes, draft.node_numbers, draft.counts[0]
        else:
            words, numbers, count = draft.edges, draft.edge_numbers, draft.counts[1]
        touched |= change_attribute(
            words,
            numbers,
            count,
            plans[attribute],
            names,
            draft.stream,
            draft.scratch[0],
            draft.rolls,
        )
    return touched


@inner
def _mutate_as_the_paper(
    draft: Draft,
    settings: np.ndarray,
    plans: np.ndarray,
    chances: np.ndarray,
    options: np.ndarray,
) -> bool:
    """Mutate; say whether a number was drawn, even if it was the old one."""
    touched = _mutate_attributes(draft, 5, 7, plans, options)
    touched |= _mutate_attributes(draft, 0, 5, plans, options)
    if draw(draft.stream) < chances[CONN_ADD]:
        _add_absent_connection(draft, settings, plans, options)
    if draw(draft.stream) < chances[CONN_DELETE]:
        delete_connection(draft)
    if draw(draft.stream) < chances[NODE_ADD] and draft.counts[1]:
        split_edge(draft, draw_place(draft.counts[1], draft.stream), plans, options)
    if draw(draft.stream) < chances[NODE_DELETE]:
        delete_node(draft, settings[OUTPUTS])
    return touched


@inner
def _draw_source(draft: Draft, inputs: int, hidden: int) -> int:
    """Draw an input or a hidden node, as :func:`find_hidden` left them in scratch."""
    place = draw_place(inputs + hidden, draft.stream)
    return -1 - place if place < inputs else draft.scratch[0, place - inputs]


@inner
def _add_absent_connection(
    draft: Draft, settings: np.ndarray, plans: np.ndarray, options: np.ndarray
) -> None:
    """Add a random connection that is absent and closes no cycle; all are equally likely.

    If hardly any is left, ``TRIES`` draws may find none.
    """
    hidden = find_hidden(draft, settings[OUTPUTS])
    for _ in range(TRIES):
        source = _draw_source(draft, settings[INPUTS], hidden)
        target = draw_place(draft.counts[0], draft.stream)
        if find_edge(draft, source, target) < 0 and not closes_cycle(draft, source, target):
            append_new_edge(draft, source, target, plans, options)
            return


@inner
def _add_any_connection(
    draft: Draft, settings: np.ndarray, plans: np.ndarray, options: np.ndarray
) -> None:
    """Draw one pair of nodes, and join them if possible, as neat-python does."""
    target = draw_place(draft.counts[0], draft.stream)
    hidden = find_hidden(draft, settings[OUTPUTS])
    source = _draw_source(draft, settings[INPUTS], hidden)
    edge = find_edge(draft, source, target)
    if edge >= 0:
        if settings[SURER]:
            draft.edge_numbers[edge, ENABLED] = 1.0
    elif not closes_cycle(draft, source, target):
        append_new_edge(draft, source, target, plans, options)


@inner
def _mutate_structure(
    draft: Draft, which: int, settings: np.ndarray, plans: np.ndarray, options: np.ndarray
) -> None:
    """Make one of neat-python's changes of structure."""
    if which == NODE_ADD:
        if draft.counts[1]:
            shunt_edge(draft, draw_place(draft.counts[1], draft.stream), plans, options)
        elif settings[SURER]:
            _add_any_connection(draft, settings, plans, options)
    elif which == NODE_DELETE:
        delete_node(draft, settings[OUTPUTS])
    elif which == CONN_ADD:
        _add_any_connection(draft, settings, plans, options)
    else:
        delete_connection(draft)


@inner
def _mutate_as_neat(
    draft: Draft,
    settings: np.ndarray,
    plans: np.ndarray,
    chances: np.ndarray,
    options: np.ndarray,
) -> None:
    if settings[SINGLE]:
        place = draw(draft.stream) * max(1.0, chances[0] + chances[1] + chances[2] + chances[3])
        for which in range(4):
            if place < chances[which]:
                _mutate_structure(draft, which, settings, plans, options)
                break
            place -= chances[which]
    else:
        for which in range(4):
            if draw(draft.stream) < chances[which]:
                _mutate_structure(draft, which, settings, plans, options)
    _mutate_attributes(draft, 5, 7, plans, options)
    _mutate_attributes(draft, 0, 5, plans, options)


@inner
def _refine(
    parent: Parent,
    other: Parent,
    has_other: bool,
    draft: Draft,
    settings: np.ndarray,
    refinements: np.ndarray,
    plans: np.ndarray,
    chances: np.ndarray,
    options: np.ndarray,
) -> None:
    """Make a child by the paper's mutation and its refinements."""
    stream, grafted = draft.stream, False
    if settings[PARENTS] > 1 and draw(stream) < refinements[GRAFTED] and has_other:
        is_first, grafted = draw(stream) < 0.5, True
        output = draw_place(settings[OUTPUTS], stream)
        if is_first:
            graft(parent, other, output, settings[OUTPUTS], draft)
        else:
            graft(other, parent, output, settings[OUTPUTS], draft)
    strength, spread = refinements[STRENGTH], refinements[SPREAD]
    if spread:
        strength *= math.exp(spread * (2.0 * draw(stream) - 1.0))
    step = int(round(STEPS_AN_OCTAVE * math.log2(strength))) - settings[LOWEST]
    if grafted:
        _mutate_as_the_paper(draft, settings, plans[step], chances[step], options)
        return
    # Weak mutation often changes nothing, and scoring a copy would waste an image.
    for _ in range(COPIES):
        copy_genome(parent, draft)
        touched = _mutate_as_the_paper(draft, settings, plans[step], chances[step], options)
        if touched or not is_copy(parent, draft):
            return


@outer(
    "void(int64[::1], float64[::1], int64[:, ::1], uint64[::1], int64[::1], float64[::1], "
    "float64[:, :, ::1], float64[:, ::1], int64[:, ::1], int64[::1], int64[::1], int64[::1], "
    "int64[:, ::1], float64[:, ::1], int64[:, ::1], float64[:, ::1], int64[:, ::1], "
    "float64[::1], uint64[::1], uint64[::1])"
)
def vary(
    words: np.ndarray,
    numbers: np.ndarray,
    litters: np.ndarray,
    seeds: np.ndarray,
    settings: np.ndarray,
    refinements: np.ndarray,
    plans: np.ndarray,
    chances: np.ndarray,
    options: np.ndarray,
    bounds: np.ndarray,
    written: np.ndarray,
    counts: np.ndarray,
    nodes: np.ndarray,
    node_numbers: np.ndarray,
    edges: np.ndarray,
    edge_numbers: np.ndarray,
    scratch: np.ndarray,
    rolls: np.ndarray,
    stream: np.ndarray,
    block: np.ndarray,
) -> None:
    """Make a child of each litter, or let a random genome grow.

    Args:
        words: int64 [W], flat genomes, one after another.
        numbers: float64 [W], the same memory.
        litters: int64 [N, 2], the words where the parents begin; -1 for none.
        seeds: uint64 [N].
        settings: int64 [SETTINGS].
        refinements: float64 [3].
        plans: float64 [S, attributes, PLAN], for each step of strength. The attributes are those of
            nodes (bias, response, activation, aggregation, time constant), and then of connections
            (weight, enabled).
        chances: float64 [S, 4], how likely changes of structure are.
        options: int64 [2, 1 + options], how many activations and aggregations there are, and
            their codes.
        bounds: int64 [N + 1]; receives the words where the children begin and end.
        written: int64 [≥ all children]; receives the children.
        counts: The first array of a :class:`~neatfool.cppn.breeding.draft.Draft`; the others follow.
    """
    draft = Draft(
        counts, nodes, node_numbers, edges, edge_numbers, scratch, rolls, stream, block
    )
    bounds[0] = 0
    for child in range(len(litters)):
        stream[0] = seeds[child]
        parent = view_genome(words, numbers, litters[child, 0])
        has_other = litters[child, 1] >= 0
        other = view_genome(words, numbers, max(litters[child, 1], 0))
        if settings[WAY] == REFINED:
            _refine(
                parent,
                other,
                has_other,
                draft,
                settings,
                refinements,
                plans,
                chances,
                options,
            )
        else:
            copy_genome(parent, draft)
            if settings[WAY] == PAPER:
                _mutate_as_the_paper(draft, settings, plans[0], chances[0], options)
            elif settings[WAY] == NEAT:
                if has_other:
                    cross(draft, other)
                _mutate_as_neat(draft, settings, plans[0], chances[0], options)
            elif settings[ROUNDS]:
                for _ in range(int(draw(stream) * (settings[ROUNDS] + 1))):
                    if draft.counts[1]:
                        edge = draw_place(draft.counts[1], stream)
                        split_edge(draft, edge, plans[0], options)
                    _add_absent_connection(draft, settings, plans[0], options)
        bounds[child + 1] = write_genome(draft, bounds[child], written)
