"""The compiled way back: from gradients by the outputs of a CPPN to those by its terms' factors.

As in drawing (:mod:`neatfool.cppn.compiled.kernel`), pixels are done a tile at a time. All that a
tile needs stays in the processor's cache: the values of all nodes, the slopes of their
activations, and how what is differentiated flows back through them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.cppn.compiled.activations import IDENTITY, activate, differentiate
from neatfool.cppn.compiled.jit import inner, outer
from neatfool.cppn.compiled.lanes import LANES

F = np.float32

TILE: Final = 1024
"""The pixels of a tile, but for the last."""


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
def _product(a: np.ndarray, b: np.ndarray, sums: np.ndarray) -> float:
    """Add up products: in single precision within a tile, as many sums side by side as lanes."""
    for k in range(LANES):
        sums[k] = F(0.0)
    for start in range(0, len(a), LANES):
        for k in range(LANES):
            sums[k] += a[start + k] * b[start + k]
    total = 0.0
    for k in range(LANES):
        total += sums[k]
    return total


@inner
def _scale(values: np.ndarray, factors: np.ndarray) -> None:
    for i in range(len(values)):
        values[i] *= factors[i]


@inner
def _add_scaled(values: np.ndarray, other: np.ndarray, factor: F) -> None:
    for i in range(len(values)):
        values[i] += other[i] * factor


@inner
def _compute(
    nodes: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    first: int,
    values: np.ndarray,
    slopes: np.ndarray,
    width: int,
    wanted: bool,
) -> None:
    """Compute the values of all nodes, and the slopes of their activations if these are wanted."""
    one = values[first - 1][:1]
    for node in range(len(nodes)):
        row, own = nodes[node, 3], slice(nodes[node, 1], nodes[node, 2])
        terms = sources[own], factors[own]
        activate(IDENTITY, values, *terms, F(0.0), slopes, row, width)
        activate(nodes[node, 0], slopes, nodes[node, 3:4], one, F(0.0), values, row, width)
        if wanted:
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
    """Follow what flows back into the nodes on to their terms, the last node first."""
    for node in range(len(nodes) - 1, -1, -1):
        flow = flows[first + node][:width]
        _scale(flow, slopes[first + node][:width])
        for term in range(nodes[node, 1], nodes[node, 2]):
            source = sources[term]
            totals[term] += _product(values[source][:width], flow, sums)
            if source >= first:
                _add_scaled(flows[source][:width], flow, factors[term])


@outer(
    "void(int32[:, ::1], int32[::1], float32[::1], int64[::1], float32[:, ::1], "
    "float32[:, :, ::1], float32[:, ::1], float64[:, ::1], float32[:, ::1], float32[:, ::1], "
    "float32[:, ::1], float32[::1])"
)
def flow_back(
    nodes: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    outputs: np.ndarray,
    inputs: np.ndarray,
    gradients: np.ndarray,
    raw: np.ndarray,
    totals: np.ndarray,
    values: np.ndarray,
    slopes: np.ndarray,
    flows: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Compute the outputs of a genome, or follow gradients by them back.

    Args:
        nodes: int32 [M, 4], of each node its activation, where its terms begin and end, and its
            row; each after what it needs itself. All are weighted sums.
        sources: int32 [T], the row of each term: of an input, of the ones, which come next, or of
            a node.
        factors: float32 [T], what that is multiplied by.
        outputs: int64 [O], the row of each output.
        inputs: float32 [I, P].
        gradients: float32 [G, O, P], by the outputs; of what, G times. If G is 0, the outputs
            themselves are wanted.
        raw: float32 [O, P], to write these to.
        totals: float64 [G, T], to which the gradients by the factors are added.
        values: float32 [I + 1 + M, TILE], to write over.
        slopes: As ``values``.
        flows: As ``values``.
        sums: float32 [LANES], to write over.
    """
    given, pixels = len(inputs), inputs.shape[1]
    first = given + 1
    for start in range(0, pixels, TILE):
        count = min(TILE, pixels - start)
        width = (count + LANES - 1) // LANES * LANES
        for row in range(given):
            _load(inputs[row], start, count, values[row][:width], F(0.0))
        _fill(values[given][:width], F(1.0))
        _compute(nodes, sources, factors, first, values, slopes, width, len(gradients) > 0)
        if not len(gradients):
            for output in range(len(outputs)):
                for i in range(count):
                    raw[output, start + i] = values[outputs[output], i]
        for which in range(len(gradients)):
            for row in range(first, first + len(nodes)):
                _fill(flows[row][:width], F(0.0))
            for output in range(len(outputs)):
                flow = flows[outputs[output]]
                for i in range(count):
                    flow[i] += gradients[which, output, start + i]
            _return(
                nodes, sources, factors, first, values, slopes, flows, width, totals[which], sums
            )
