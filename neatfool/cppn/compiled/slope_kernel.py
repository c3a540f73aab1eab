"""Compiled back-propagation: from gradients by channels to gradients by the terms' factors.

As in drawing (:mod:`neatfool.cppn.compiled.kernel`), pixels are processed a tile at a time. All
data of a tile stay in the processor's cache: the values of all nodes, the slopes of their
activations, and the gradients that flow back through them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.compiling import inner, outer
from neatfool.cppn.compiled.activations import IDENTITY, activate, differentiate
from neatfool.cppn.compiled.colour import return_colour
from neatfool.cppn.compiled.lanes import LANES, add_product, load, spread, store

F = np.float32

TILE: Final = 1024
"""The pixels of a tile (the last may have fewer), so that its data stay in the cache."""


@inner
def _fill(out: np.ndarray, number: F) -> None:
    for i in range(len(out)):
        out[i] = number


@inner
def _load(source: np.ndarray, start: int, count: int, out: np.ndarray, beyond: F) -> None:
    for i in range(count):
        out[i] = source[start + i]
    for i in range(count, len(out)):
        out[i] = beyond


@inner
def _multiply(values: np.ndarray, factors: np.ndarray, row: int, width: int) -> None:
    for start in range(0, width, LANES):
        store(values, row, start, load(values, row, start) * load(factors, row, start))


@inner
def _product(
    values: np.ndarray, source: int, flows: np.ndarray, row: int, width: int, sums: np.ndarray
) -> float:
    """Add up the products of two rows in single precision, in one sum for each lane."""
    products = spread(F(0.0))
    for start in range(0, width, LANES):
        products = add_product(products, load(values, source, start), load(flows, row, start))
    store(sums, 0, 0, products)
    total = 0.0
    for k in range(LANES):
        total += sums[0, k]
    return total


@inner
def _add_scaled(flows: np.ndarray, source: int, row: int, factor: F, width: int) -> None:
    for start in range(0, width, LANES):
        sum_ = add_product(load(flows, source, start), load(flows, row, start), factor)
        store(flows, source, start, sum_)


@inner
def _compute(
    nodes: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    first: int,
    values: np.ndarray,
    slopes: np.ndarray,
    width: int,
) -> None:
    """Compute the values of all nodes, and the slopes of their activations."""
    one = values[first - 1][:1]
    for node in range(len(nodes)):
        row, own = nodes[node, 3], slice(nodes[node, 1], nodes[node, 2])
        terms = sources[own], factors[own]
        activate(IDENTITY, values, *terms, F(0.0), slopes, row, width)
        activate(nodes[node, 0], slopes, nodes[node, 3:4], one, F(0.0), values, row, width)
        differentiate(nodes[node, 0], slopes[row][:width], values[row][:width])


@inner
def _return(
    nodes: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    first: int,
    values: np.ndarray,
    slopes: np.ndarray,
    flows: np.ndarray,
    width: int,
    totals: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Pass the gradients of the nodes on to their terms, the last node first."""
    for node in range(len(nodes) - 1, -1, -1):
        row = first + node
        _multiply(flows, slopes, row, width)
        for term in range(nodes[node, 1], nodes[node, 2]):
            source = sources[term]
            totals[term] += _product(values, source, flows, row, width, sums)
            if source >= first:
                _add_scaled(flows, source, row, factors[term], width)


@outer(
    "void(int32[:, ::1], int32[::1], float32[::1], int64[::1], float32[:, ::1], int64, "
    "float32[:, :, ::1], float64[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], "
    "float32[:, ::1])"
)
def flow_back(
    nodes: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    outputs: np.ndarray,
    inputs: np.ndarray,
    colour: int,
    gradients: np.ndarray,
    totals: np.ndarray,
    values: np.ndarray,
    slopes: np.ndarray,
    flows: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Pass gradients by the channels back to the factors of a genome.

    Args:
        nodes: int32 [M, 4], for each node: activation, begin and end of its terms, row; each after
            the nodes that it needs. All are weighted sums.
        sources: int32 [T], the row of each term: of an input, of the ones, which come next, or of
            a node.
        factors: float32 [T], the factor of each term.
        outputs: int64 [O], the row of each output.
        inputs: float32 [I, P].
        colour: The place of the colour map in ``COLOUR_MAPS``.
        gradients: float32 [G, C, P], gradients of G functions by the channels.
        totals: float64 [G, T]; the gradients by the factors are added to it.
        values: float32 [I + 1 + M, TILE], scratch.
        slopes: As ``values``.
        flows: As ``values``.
        sums: float32 [1, LANES], scratch.
    """
    given, pixels = len(inputs), inputs.shape[1]
    first = given + 1
    for start in range(0, pixels, TILE):
        count = min(TILE, pixels - start)
        width = (count + LANES - 1) // LANES * LANES
        for row in range(given):
            _load(inputs[row], start, count, values[row][:width], F(0.0))
        _fill(values[given][:width], F(1.0))
        _compute(nodes, sources, factors, first, values, slopes, width)
        for which in range(len(gradients)):
            for row in range(first, first + len(nodes)):
                _fill(flows[row][:width], F(0.0))
            return_colour(colour, values, outputs, gradients[which], start, flows, count)
            _return(
                nodes, sources, factors, first, values, slopes, flows, width, totals[which], sums
            )
