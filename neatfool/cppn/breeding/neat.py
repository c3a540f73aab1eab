"""The preset ``neat``, in compiled code: neat-python's crossover and mutation.

Children change in the same ways and as often as by neat-python's ``configure_crossover`` and
``mutate``; the tests compare the two. But cycles are searched only where they can be, and random
numbers are drawn only for genes that change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.cppn.breeding.chance import draw, draw_place
from neatfool.cppn.breeding.compiling import inner, outer
from neatfool.cppn.breeding.crossover import cross
from neatfool.cppn.breeding.draft import (
    Draft,
    copy_genome,
    find_edge,
    view_genome,
    write_genome,
)
from neatfool.cppn.breeding.structure import (
    append_new_edge,
    closes_cycle,
    delete_connection,
    delete_node,
    find_hidden,
    shunt_edge,
)
from neatfool.cppn.breeding.variation import (
    CONN_ADD,
    INPUTS,
    NODE_ADD,
    NODE_DELETE,
    OUTPUTS,
    SIGNATURE,
    SINGLE,
    SURER,
    draw_source,
    mutate_attributes,
)
from neatfool.cppn.genome.flat import ENABLED

if TYPE_CHECKING:
    import numpy as np


@inner
def _add_any_connection(
    draft: Draft, settings: np.ndarray, plans: np.ndarray, options: np.ndarray
) -> None:
    """Draw one pair of nodes, and join them if possible, as neat-python does."""
    target = draw_place(draft.counts[0], draft.stream)
    hidden = find_hidden(draft, settings[OUTPUTS])
    source = draw_source(draft, settings[INPUTS], hidden)
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
    mutate_attributes(draft, 5, 7, plans, options)
    mutate_attributes(draft, 0, 5, plans, options)


@outer(SIGNATURE)
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
) -> None:
    """Make a child of each litter; see :mod:`neatfool.cppn.breeding.variation`."""
    draft = Draft(counts, nodes, node_numbers, edges, edge_numbers, scratch, rolls, stream)
    bounds[0] = 0
    for child in range(len(litters)):
        stream[0] = seeds[child]
        parent = view_genome(words, numbers, litters[child, 0])
        copy_genome(parent, draft)
        if litters[child, 1] >= 0:
            cross(draft, view_genome(words, numbers, litters[child, 1]))
        _mutate_as_neat(draft, settings, plans[0], chances[0], options)
        bounds[child + 1] = write_genome(draft, bounds[child], written)
