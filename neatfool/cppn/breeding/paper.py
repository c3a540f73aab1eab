"""The preset ``paper`` without refinements, in compiled code: a child of one parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.cppn.breeding.compiling import outer
from neatfool.cppn.breeding.draft import Draft, copy_genome, view_genome, write_genome
from neatfool.cppn.breeding.paper_mutation import mutate_as_the_paper
from neatfool.cppn.breeding.variation import SIGNATURE

if TYPE_CHECKING:
    import numpy as np


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
        mutate_as_the_paper(draft, settings, plans[0], chances[0], options)
        bounds[child + 1] = write_genome(draft, bounds[child], written)
