"""The paper's mutation with its refinements, in compiled code.

The refinements are those of :class:`neatfool.cppn.Refinements`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from neatfool.cppn.breeding.chance import draw, draw_place
from neatfool.cppn.breeding.compiling import inner, outer
from neatfool.cppn.breeding.draft import Draft, copy_genome, is_copy, view_genome, write_genome
from neatfool.cppn.breeding.grafting import graft
from neatfool.cppn.breeding.paper_mutation import add_absent_connection, mutate_as_the_paper
from neatfool.cppn.breeding.refinements import strength_step as _strength_step
from neatfool.cppn.breeding.structure import split_edge
from neatfool.cppn.breeding.variation import (
    GRAFTED,
    LOWEST,
    OUTPUTS,
    PARENTS,
    ROUNDS,
    SIGNATURE,
    SPREAD,
    STRENGTH,
)

if TYPE_CHECKING:
    import numpy as np

    from neatfool.cppn.breeding.draft import Parent

strength_step = inner(_strength_step)

COPIES: Final = 1000
"""The most mutations of a parent until a child differs from it; rates of 0 would need for ever."""


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
    step = strength_step(strength) - settings[LOWEST]
    if grafted:
        mutate_as_the_paper(draft, settings, plans[step], chances[step], options)
        return
    # Weak mutation often changes nothing, and scoring a copy would waste an image.
    for _ in range(COPIES):
        copy_genome(parent, draft)
        touched = mutate_as_the_paper(draft, settings, plans[step], chances[step], options)
        if touched or not is_copy(parent, draft):
            return


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
    """Make a child of each litter; see :mod:`neatfool.cppn.breeding.variation`.

    With ``ROUNDS`` above 0 it is the parent, grown: by a random number of rounds, up to this. Each
    splits a connection by a node and adds a connection.
    """
    draft = Draft(counts, nodes, node_numbers, edges, edge_numbers, scratch, rolls, stream)
    bounds[0] = 0
    for child in range(len(litters)):
        stream[0] = seeds[child]
        parent = view_genome(words, numbers, litters[child, 0])
        if settings[ROUNDS]:
            copy_genome(parent, draft)
            for _ in range(int(draw(stream) * (settings[ROUNDS] + 1))):
                if draft.counts[1]:
                    edge = draw_place(draft.counts[1], stream)
                    split_edge(draft, edge, plans[0], options)
                add_absent_connection(draft, settings, plans[0], options)
        else:
            has_other = litters[child, 1] >= 0
            other = view_genome(words, numbers, max(litters[child, 1], 0))
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
        bounds[child + 1] = write_genome(draft, bounds[child], written)
