"""Crossover of two genomes as in neat-python, in compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool.cppn.breeding.chance import draw
from neatfool.cppn.breeding.structure import sort_edges
from neatfool.cppn.compiling import inner
from neatfool.cppn.genome.flat import (
    ACTIVATION,
    ENABLED,
    KEY,
    NODE,
    SOURCE,
    TARGET,
    WEIGHT,
)

if TYPE_CHECKING:
    import numpy as np

    from neatfool.cppn.breeding.draft import Draft, Parent

DISABLED_STAYS: Final = 0.75
"""The probability that a connection disabled in a parent stays so (Stanley & Miikkulainen 2002)."""


@inner
def cross(draft: Draft, other: Parent) -> None:
    """Cross a copy of the fitter parent with the other.

    A gene that both have takes each attribute from either; other genes are the fitter's.
    """
    nodes, _, edges, edge_numbers = other
    starts, order, matches = draft.scratch[0], draft.scratch[1], draft.scratch[2]
    sort_edges(edges, len(nodes), TARGET, starts, order)
    _match_nodes(draft, nodes, matches)
    for edge in range(draft.counts[1]):
        source, target = draft.edges[edge, SOURCE], draft.edges[edge, TARGET]
        source = matches[source] if source >= 0 else source
        node = matches[target]
        if node < 0 or (source < 0 and draft.edges[edge, SOURCE] >= 0):
            continue
        for place in range(starts[node], starts[node + 1]):
            if edges[order[place], SOURCE] == source:
                _cross_edge(draft.edge_numbers[edge], edge_numbers[order[place]], draft.stream)
                break
    for node in range(draft.counts[0]):
        if matches[node] >= 0:
            bits = int(32.0 * draw(draft.stream))
            for bit in range(NODE - ACTIVATION):
                if bits >> bit & 1:
                    column = ACTIVATION + bit
                    draft.nodes[node, column] = nodes[matches[node], column]


@inner
def _match_nodes(draft: Draft, others: np.ndarray, matches: np.ndarray) -> None:
    """Find for each node the other parent's node of its key: its place, or -1.

    Relatives have most nodes in the same order, so the next one is looked at first.
    """
    following, count = 0, len(others)
    for node in range(draft.counts[0]):
        matches[node] = -1
        for step in range(count):
            place = following + step
            place = place - count if place >= count else place
            if others[place, KEY] == draft.nodes[node, KEY]:
                matches[node], following = place, place + 1
                break


@inner
def _cross_edge(mine: np.ndarray, yours: np.ndarray, stream: np.ndarray) -> None:
    """Let a connection take attributes of the same connection of the other parent."""
    if mine[ENABLED] and yours[ENABLED]:
        if draw(stream) < 0.5:
            mine[WEIGHT] = yours[WEIGHT]
        return
    weight = mine[WEIGHT] if draw(stream) < 0.5 else yours[WEIGHT]
    enabled = mine[ENABLED] if draw(stream) < 0.5 else yours[ENABLED]
    mine[WEIGHT] = weight
    mine[ENABLED] = 1.0 if enabled and draw(stream) >= DISABLED_STAYS else 0.0
