"""Activations, aggregations and colour maps, compiled: loops over pixels.

A table has a row for each input and each node. The second and the third hold derivatives, by the
place to the right and downwards; see :meth:`Activation.within_reach
<neatfool.cppn.functions.activations.Activation.within_reach>`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray as Array

from neatfool.compiling import inlined, inner, make_switch
from neatfool.cppn.compiled.lanes import LANES, emit, load, spread, store
from neatfool.cppn.functions.activations import ACTIVATIONS, Activation
from neatfool.cppn.functions.aggregations import AGGREGATIONS, JOINS, MEDIAN, record_join
from neatfool.cppn.functions.colour import COLOUR_MAPS, ColourMap
from neatfool.cppn.genome.flat import COMMON

F = np.float32


@inlined
def _add_up(values: Array, sources: Array, factors: Array, bias: F, start: int) -> F:
    total = spread(bias)
    for term in range(len(sources)):
        total = total + load(values, sources[term], start) * factors[term]
    return total


@inlined
def add_up(tables: Array, sources: Array, factors: Array, bias: F, start: int) -> tuple[F, F, F]:
    """Give the weighted sum of some rows, and its derivatives."""
    value, across, down = spread(bias), spread(F(0.0)), spread(F(0.0))
    for term in range(len(sources)):
        source, factor = sources[term], factors[term]
        value = value + load(tables[0], source, start) * factor
        across = across + load(tables[1], source, start) * factor
        down = down + load(tables[2], source, start) * factor
    return value, across, down


def _compile_activation(activation: Activation) -> Callable[..., None]:
    """Compile the loop that applies an activation to weighted sums of rows, and writes a row.

    ``limited`` is None for points, whose derivatives are neither read nor written.
    """
    at_points, within_reach = emit(activation.at_points), emit(activation.within_reach)

    def loop(
        tables: Array,
        sources: Array,
        factors: Array,
        bias: F,
        row: int,
        width: int,
        limited: bool | None,
    ) -> None:
        values, across, down = tables[0], tables[1], tables[2]
        for start in range(0, width, LANES):
            if limited is None:
                s = _add_up(values, sources, factors, bias, start)
                store(values, row, start, at_points((s,))[0])
            else:
                z, x, y = within_reach(add_up(tables, sources, factors, bias, start))
                store(values, row, start, z)
                store(across, row, start, x)
                store(down, row, start, y)

    return inner(loop, f"{activation.name}_loop")


_LOOPS = {code: _compile_activation(each) for code, each in enumerate(ACTIVATIONS.values())}
activate = make_switch(_LOOPS)
"""Applies an activation: its place in ``ACTIVATIONS``, and a tuple of its loop's arguments."""
activate_common = make_switch({code: _LOOPS[code] for code in COMMON})
"""Does so for the ``COMMON`` activations."""


def _compile_join(name: str) -> Callable[..., None]:
    """Compile the loop that joins weighted inputs, term by term."""
    join, of_nothing = emit(record_join(name)), name == "product"

    def loop(
        tables: Array, row: int, sources: Array, factors: Array, width: int, _: Array, __: Array
    ) -> None:
        for start in range(0, width, LANES):
            joined = spread(F(1.0)), spread(F(0.0)), spread(F(0.0))
            for term in range(len(sources)):
                source, factor = sources[term], factors[term]
                z = load(tables[0], source, start) * factor
                x = load(tables[1], source, start) * factor
                y = load(tables[2], source, start) * factor
                own = z, x, y
                joined = join(joined + own) if term or of_nothing else own
            value, across, down = joined
            store(tables[0], row, start, value)
            store(tables[1], row, start, across)
            store(tables[2], row, start, down)

    return inner(loop, f"{name}_loop")


@inner
def _take_middle(
    tables: Array, row: int, sources: Array, factors: Array, width: int, terms: Array, order: Array
) -> None:
    """Take the median, or the mean of the middle two."""
    count = len(sources)
    for i in range(width):
        for term in range(count):
            z = tables[0, sources[term], i] * factors[term]
            place = term
            while place > 0 and terms[place - 1] > z:
                terms[place], order[place] = terms[place - 1], order[place - 1]
                place -= 1
            terms[place], order[place] = z, term
        low, high = order[(count - 1) // 2], order[count // 2]
        for table in tables:
            below = table[sources[low], i] * factors[low]
            above = table[sources[high], i] * factors[high]
            table[row, i] = (below + above) * F(0.5)


aggregate = make_switch(
    {**{AGGREGATIONS.index(name): _compile_join(name) for name in JOINS}, MEDIAN: _take_middle}
)
"""Joins weighted inputs: the aggregation's place in ``AGGREGATIONS``, and a tuple of the tables,
the row to write, the row and the factor of each input, the number of pixels, and for each input a
float32 and an int32 to write over. There is at least one input, except for a product."""


@cache
def compile_load(outputs: int) -> Callable[..., Any]:
    """Compile what reads the rows of so many outputs."""

    def one(table: Array, rows: Array, start: int) -> tuple[F, ...]:
        return (load(table, rows[0], start),)

    def three(table: Array, rows: Array, start: int) -> tuple[F, ...]:
        a, b = load(table, rows[0], start), load(table, rows[1], start)
        return a, b, load(table, rows[2], start)

    return inlined(one if outputs == 1 else three, f"load_{outputs}")


def _compile_paint(colours: ColourMap) -> Callable[..., None]:
    """Compile the loop that writes the channels of a colour map, float32 [3, P]."""
    at_points, within_reach = emit(colours.at_points), emit(colours.within_reach)
    read, many = compile_load(colours.outputs), colours.channels

    def loop(tables: Array, rows: Array, channels: Array, width: int, limited: bool | None) -> None:
        for start in range(0, width, LANES):
            outputs = read(tables[0], rows, start)
            if limited is None:
                found = at_points(outputs)
            else:
                across, down = read(tables[1], rows, start), read(tables[2], rows, start)
                found = within_reach(outputs + across + down)
            for channel in range(many):
                store(channels, channel, start, found[channel])

    return inner(loop, f"{colours.name}_paint")


paint = make_switch({code: _compile_paint(each) for code, each in enumerate(COLOUR_MAPS.values())})
"""Writes channels: the place in ``COLOUR_MAPS``, and a tuple of the tables, the rows of the
outputs, the channels, the number of pixels, and None for points."""
