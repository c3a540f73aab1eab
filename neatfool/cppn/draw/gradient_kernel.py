"""Compiled back-propagation: from gradients by channels to gradients by the terms' factors.

As in drawing (:mod:`neatfool.cppn.draw.kernel`), pixels are processed a tile at a time. All
data of a tile stay in the processor's cache: the values and derivatives of all nodes, and the
gradients that flow back through them.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, cast

import numpy as np
from numpy import ndarray as Array

from neatfool.compiling import Choice, inlined, inner, make_switch, outer
from neatfool.cppn.activations import BY_CODE, Activation
from neatfool.cppn.draw.colour import COLOUR_MAPS, ColourMap
from neatfool.cppn.draw.kernel import activate, codes_of, compile_load, sum_inputs
from neatfool.cppn.draw.lanes import LANES, add_fused, add_term, emit, load, spread, store

F = np.float32

TILE: Final = 512
"""The pixels of a tile (the last may have fewer), so that its data stay in the cache."""


@inlined
def _add(table: Array, row: int, start: int, lanes: F, factor: F) -> None:
    store(table, row, start, add_term(load(table, row, start), lanes, factor))


def _compile_node(activation: Activation) -> Callable[..., None]:
    """Compile the loop that turns gradients by a node into those by its argument, in place."""
    formula = emit(activation.backwards)

    def loop(
        tables: Array, sources: Array, factors: Array, flows: Array, row: int, width: int
    ) -> None:
        for start in range(0, width, LANES):
            s, x, y = sum_inputs(tables, sources, factors, F(0.0), start, True)
            a, b = load(flows[0], row, start), load(flows[1], row, start)
            s, x, y = formula((s, x, y, a, b, load(flows[2], row, start)))
            store(flows[0], row, start, s)
            store(flows[1], row, start, x)
            store(flows[2], row, start, y)

    return inner(loop, f"{activation.code_name}_backwards")


def _compile_colour(colours: ColourMap) -> Callable[..., None]:
    """Compile the loop that turns gradients by the channels into those by the outputs."""
    formula, read = emit(colours.backwards), compile_load(colours.outputs)
    read_channels, own = compile_load(colours.channels), colours.outputs
    channels = np.arange(3)

    def loop(tables: Array, rows: Array, slopes: Array, flows: Array, width: int) -> None:
        for start in range(0, width, LANES):
            outputs = read(tables[0], rows, start)
            around = read(tables[1], rows, start) + read(tables[2], rows, start)
            found = formula(outputs + around + read_channels(slopes, channels, start))
            for output in range(own):
                for table in range(3):
                    _add(flows[table], rows[output], start, found[own * table + output], F(1.0))

    return inner(loop, f"{colours.name}_backwards")


_node_of = cache(lambda code: _compile_node(BY_CODE[code]))
_run_node = make_switch(lambda choice: {code: _node_of(code) for code in codes_of(choice)})
_COLOURS = {code: _compile_colour(each) for code, each in enumerate(COLOUR_MAPS.values())}
_run_colour = make_switch(lambda _: _COLOURS)


@inner
def _load(source: Array, start: int, count: int, out: Array) -> None:
    for i in range(count):
        out[i] = source[start + i]
    for i in range(count, len(out)):
        out[i] = F(0.0)


@inner
def _return(
    genome: tuple[Array, ...],
    tables: Array,
    flows: Array,
    width: int,
    totals: Array,
    sums: Array,
    others: Choice | bool,
) -> None:
    """Pass the gradients of the nodes on to their terms, the last node first."""
    nodes, sources, factors, _ = genome
    first = tables.shape[1] - len(nodes)
    for node in range(len(nodes) - 1, -1, -1):
        row, own = nodes[node, 3], slice(nodes[node, 1], nodes[node, 2])
        _run_node(others, nodes[node, 0], (tables, sources[own], factors[own], flows, row, width))
        for term in range(nodes[node, 1], nodes[node, 2]):
            source = sources[term]
            # In single precision, in one sum for each lane.
            products = spread(F(0.0))
            for start in range(0, width, LANES):
                for table in range(3):
                    flow = load(flows[table], row, start)
                    products = add_fused(products, load(tables[table], source, start), flow)
            store(sums, 0, 0, products)
            total = 0.0
            for k in range(LANES):
                total += sums[0, k]
            totals[term] += total
            if source >= first:
                for table in flows:
                    for start in range(0, width, LANES):
                        _add(table, source, start, load(table, row, start), factors[term])


_SIGNATURE: Final = (
    "void(Tuple((int32[:, ::1], int32[::1], float32[::1], int64[::1])), float32[:, :, ::1], int64, "
    "float32[:, :, ::1], float64[:, ::1], Tuple((float32[:, :, ::1], float32[:, :, ::1], "
    "float32[:, ::1], float32[:, ::1])), boolean)"
)


@outer()
def flow_back(
    genome: tuple[Array, ...],
    inputs: Array,
    colour: int,
    gradients: Array,
    totals: Array,
    scratch: tuple[Array, ...],
    others: Choice | bool,
) -> None:
    """Add gradients by the factors to ``totals``, [G, T], from those by the channels, [G, C, P].

    A genome is int32 [M, 4], for each node (a weighted sum, after those that it needs): activation,
    begin and end of its terms, row; int32 and float32 [T], the row (the ones come after the inputs)
    and the factor of each term; int64 [O], the outputs' rows. The inputs are float32 [3, I, P], the
    scratch float32 [3, I + 1 + M, TILE] twice, [3, TILE] and [1, LANES]. ``others`` is what
    ``find_others`` gives.
    """
    nodes, sources, factors, outputs = genome
    tables, flows, channels, sums = scratch
    given, pixels = inputs.shape[1:]
    first = given + 1
    for start in range(0, pixels, TILE):
        count = min(TILE, pixels - start)
        width = (count + LANES - 1) // LANES * LANES
        for table in range(3):
            for row in range(given):
                _load(inputs[table, row], start, count, tables[table, row, :width])
            tables[table, given, :width] = F(1.0 if table == 0 else 0.0)
        for node in range(len(nodes)):
            row, own = nodes[node, 3], slice(nodes[node, 1], nodes[node, 2])
            call = tables, sources[own], factors[own], F(0.0), row, width, True
            activate(others, nodes[node, 0], call)
        for which in range(len(gradients)):
            flows[:, first : first + len(nodes), :width] = F(0.0)
            for channel in range(gradients.shape[1]):
                _load(gradients[which, channel], start, count, channels[channel, :width])
            _run_colour(None, colour, (tables, outputs, channels, flows, width))
            _return(genome, tables, flows, width, totals[which], sums, others)


# Code for neatfool's own activations; any other is compiled when it is called.
cast("Any", flow_back).compile(_SIGNATURE)
