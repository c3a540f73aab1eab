"""A genome in the making, in compiled code: its arrays have room to grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.compiling import COMPILED, inner
from neatfool.cppn.genome import flat

if TYPE_CHECKING:
    Parent = tuple[Array, Array, Array, Array]


class Draft(NamedTuple):
    """A genome in the making, and scratch."""

    counts: Array
    """int64 [2], the numbers of nodes and connections."""
    nodes: Array
    """int64 [≥ nodes, NODE]."""
    node_numbers: Array
    """float64, the same memory."""
    edges: Array
    """int64 [≥ connections, EDGE]."""
    edge_numbers: Array
    """float64, the same memory."""
    scratch: Array
    """int64 [5, S]: S is more than the nodes, and more than the connections."""
    rolls: Array
    """float64 [S], scratch."""
    stream: Array
    """uint64 [1], the stream of random numbers."""


@inner
def view_genome(words: Array, numbers: Array, start: int) -> Parent:
    """Give the genes of a flat genome that begins at a word: as ``divide`` gives them."""
    middle = start + flat.HEAD + flat.NODE * words[start]
    end = middle + flat.EDGE * words[start + 1]
    nodes, edges = (words[start], flat.NODE), (words[start + 1], flat.EDGE)
    return (
        words[start + flat.HEAD : middle].reshape(nodes),
        numbers[start + flat.HEAD : middle].reshape(nodes),
        words[middle:end].reshape(edges),
        numbers[middle:end].reshape(edges),
    )


@inner
def _copy_each(source: Array, target: Array) -> None:
    for row in range(len(source)):
        for column in range(source.shape[1]):
            target[row, column] = source[row, column]


def _copy_all(source: Array, target: Array) -> None:
    target[: len(source)] = source


copy_rows = _copy_each if COMPILED else _copy_all
"""Copies the rows of a matrix to the beginning of another. (Compiled code may not allocate.)"""


@inner
def copy_genome(parent: Parent, draft: Draft) -> None:
    """Begin with a copy of a genome."""
    nodes, _, edges, _ = parent
    draft.counts[0], draft.counts[1] = len(nodes), len(edges)
    copy_rows(nodes, draft.nodes)
    copy_rows(edges, draft.edges)


@inner
def is_copy(parent: Parent, draft: Draft) -> bool:
    """Tell whether a draft has the genes of a genome."""
    nodes, _, edges, _ = parent
    if draft.counts[0] != len(nodes) or draft.counts[1] != len(edges):
        return False
    for place in range(len(nodes)):
        for column in range(flat.NODE):
            if draft.nodes[place, column] != nodes[place, column]:
                return False
    for place in range(len(edges)):
        for column in range(flat.EDGE):
            if draft.edges[place, column] != edges[place, column]:
                return False
    return True


@inner
def append_edge(draft: Draft, source: int, target: int, weight: float, enabled: float) -> None:
    """Append a connection."""
    place = draft.counts[1]
    draft.edges[place, flat.SOURCE], draft.edges[place, flat.TARGET] = source, target
    draft.edge_numbers[place, flat.WEIGHT], draft.edge_numbers[place, flat.ENABLED] = (
        weight,
        enabled,
    )
    draft.counts[1] = place + 1


@inner
def remove_edge(draft: Draft, gone: int) -> None:
    """Remove the connection at a place; the later ones move up."""
    draft.counts[1] -= 1
    for place in range(gone, draft.counts[1]):
        for column in range(flat.EDGE):
            draft.edges[place, column] = draft.edges[place + 1, column]


@inner
def find_edge(draft: Draft, source: int, target: int) -> int:
    """Give the place of a connection; -1 if it is not there."""
    for place in range(draft.counts[1]):
        if draft.edges[place, flat.SOURCE] == source and draft.edges[place, flat.TARGET] == target:
            return place
    return -1


@inner
def write_genome(draft: Draft, start: int, words: Array) -> int:
    """Write a draft as a flat genome that begins at a word; give where it ends."""
    nodes, edges = draft.counts[0], draft.counts[1]
    middle = start + flat.HEAD + flat.NODE * nodes
    end: int = middle + flat.EDGE * edges
    words[start], words[start + 1] = nodes, edges
    copy_rows(draft.nodes[:nodes], words[start + flat.HEAD : middle].reshape((nodes, flat.NODE)))
    copy_rows(draft.edges[:edges], words[middle:end].reshape((edges, flat.EDGE)))
    return end


def make_draft(nodes: int, edges: int) -> Draft:
    """Make a draft with room for so many nodes and connections."""
    node_words = np.empty((nodes, flat.NODE), np.int64)
    edge_words = np.empty((edges, flat.EDGE), np.int64)
    size = max(nodes, edges) + 2
    return Draft(
        np.zeros(2, np.int64),
        node_words,
        node_words.view(np.float64),
        edge_words,
        edge_words.view(np.float64),
        np.empty((5, size), np.int64),
        np.empty(size),
        np.zeros(1, np.uint64),
    )
