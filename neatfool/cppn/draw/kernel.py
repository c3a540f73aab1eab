"""The compiled renderer: runs a tape of nodes over the pixels, a tile at a time.

A tile is a range of pixels, small enough for the values of a genome's nodes to stay in the
processor's cache. It is computed in blocks, with the same instructions for each pixel. So the bits
of an image do not depend on the tile, on other images, or on the number of threads.

A table has a row for each input and each node. The second and the third hold derivatives, by the
place to the right and downwards; see :meth:`Activation.within_reach
<neatfool.cppn.activations.Activation.within_reach>`.

Each set of custom activations has code of its own: it is an argument of compiled functions, whose
type names their formulas.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, cast
from zlib import crc32

import numpy as np
from numpy import ndarray as Array

from neatfool.compiling import Choice, ChoiceType, NoneType, inlined, inner, make_switch, outer
from neatfool.cppn.activations import BUILT_IN, BY_CODE, Activation
from neatfool.cppn.draw.colour import COLOUR_MAPS, ColourMap
from neatfool.cppn.draw.lanes import LANES, add_term, bits_of, emit, load, spread, store
from neatfool.cppn.genome.genes import COMMON

F = np.float32
# Adding this rounds to an integer, and the lowest bits hold that integer.
ROUND: Final = F(1.5 * 2**23)

TILE: Final = 1024
"""The most pixels of a tile, so that the values of some hundred nodes fit the cache."""


OWN: Final = range(len(BUILT_IN))


def find_others(codes: Array) -> Choice | bool:
    """Say which activations code needs for nodes that have others than the common ones.

    True stands for neatfool's own. With custom ones among them, it is all of this process, so that
    code is compiled once.
    """
    if codes.max(initial=0) < len(OWN):
        return True
    custom = sorted(BY_CODE.keys() - OWN)
    return Choice(tuple((code, _hash_of(BY_CODE[code])) for code in custom))


@cache
def _hash_of(made: Activation) -> int:
    return crc32(repr((made.at_points, made.within_reach, made.backwards)).encode())


def codes_of(choice: Any) -> list[int]:
    """Give the codes of the activations that a type of ``others`` stands for."""
    if isinstance(choice, NoneType):
        return [*COMMON]
    custom = choice.choice if isinstance(choice, ChoiceType) else ()
    return [*OWN, *(code for code, _ in custom)]


@inlined
def sum_inputs(
    tables: Array, sources: Array, factors: Array, bias: F, start: int, limited: bool | None
) -> tuple[F, F, F]:
    """Give a node's bias and weighted inputs, summed, for the ``LANES`` pixels from ``start`` on.

    ``sources`` are the rows of its inputs, and ``factors`` their weights. The sum's derivatives,
    from the second and the third table, follow; they are 0 if ``limited`` is None.
    """
    value, across, down = spread(bias), spread(F(0.0)), spread(F(0.0))
    for term in range(len(sources)):
        source, factor = sources[term], factors[term]
        value = add_term(value, load(tables[0], source, start), factor)
        if limited is not None:
            across = add_term(across, load(tables[1], source, start), factor)
            down = add_term(down, load(tables[2], source, start), factor)
    return value, across, down


def compile_activation(activation: Activation) -> Callable[..., None]:
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
        for start in range(0, width, LANES):
            given = sum_inputs(tables, sources, factors, bias, start, limited)
            if limited is None:
                store(tables[0], row, start, at_points(given[:1])[0])
            else:
                z, x, y = within_reach(given)
                store(tables[0], row, start, z)
                store(tables[1], row, start, x)
                store(tables[2], row, start, y)

    return inner(loop, f"{activation.code_name}_loop")


_loop_of = cache(lambda code: compile_activation(BY_CODE[code]))
activate = make_switch(lambda choice: {code: _loop_of(code) for code in codes_of(choice)})
"""Applies an activation: what ``codes_of`` takes the type of, a code, and a tuple of its loop's
arguments."""


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


_PAINTS = {code: _compile_paint(each) for code, each in enumerate(COLOUR_MAPS.values())}
paint = make_switch(lambda _: _PAINTS)
"""Writes channels: None, the place in ``COLOUR_MAPS``, and a tuple of the tables, the rows of the
outputs, the channels, the number of pixels, and None for points."""


@inner
def _load(
    inputs: Array, start: int, count: int, width: int, across: int, tables: Array, lines: Array
) -> None:
    """Read the inputs at a tile's pixels, and at the first pixel of each of its lines."""
    for table in range(len(inputs)):
        for row in range(inputs.shape[1]):
            for pixel in range(count):
                tables[table, row, pixel] = inputs[table, row, start + pixel]
            for pixel in range(count, width):
                tables[table, row, pixel] = F(0.0)
            for line in range(LANES):
                pixel = start + line * across
                known = inputs[table, row, pixel] if pixel < start + count else F(0.0)
                lines[table, row, line] = known


@inner
def _complete(
    row: int, lines: Array, tables: Array, same_across: bool, across: int, count: int
) -> None:
    """Fill the rest of a row that is the same along each line, or in all; and a bit beyond."""
    for table in range(len(tables)):
        for line in range((count + across - 1) // across):
            if same_across:
                value = spread(lines[table, row, line])
                for column in range(0, across, LANES):
                    store(tables[table], row, line * across + column, value)
            elif line:
                for column in range(0, across, LANES):
                    value = load(tables[table], row, column)
                    store(tables[table], row, line * across + column, value)


@inner
def _write(levels: Array, pixels: Array) -> None:
    for i in range(len(pixels)):
        pixels[i] = np.uint8(bits_of(levels[i] * F(255.0) + ROUND))


_SIGNATURE: Final = (
    "void(Tuple((int64[::1], int32[:, ::1], float32[::1], int32[::1], float32[::1], "
    "int32[:, ::1])), float32[:, :, ::1], UniTuple(int64, 2), UniTuple(int64, 4), int64, "
    "uint8[:, :, ::1], int64, Tuple((float32[:, :, ::1], float32[:, :, ::1], "
    "float32[:, ::1])), none, {})"
)


@outer()
def draw(
    tape: tuple[Array, ...],
    inputs: Array,
    part: tuple[int, int],
    tiling: tuple[int, int, int, int],
    colour: int,
    images: Array,
    offset: int,
    scratch: tuple[Array, ...],
    others: Choice | bool | None,
    limited: bool | None,
) -> None:
    """Draw some genomes at some pixels, from the first of ``part`` to the one after its last.

    The tape is bounds, nodes, biases, sources, factors and outputs of a
    :class:`~neatfool.cppn.Tape`; the inputs are float32 [1 or 3, I, P], with derivatives if nodes
    fade. The tiling is the pixels of a tile (up to ``TILE``, and up to ``LANES`` whole lines if any
    input is the same in all rows or columns), those of a line of the image, and the inputs that
    vary between columns, and between rows: bit i % 31 for input i. The images to write are uint8
    [N, C, Q], of which ``offset`` is the first pixel. The scratch is float32 [3, R, TILE + LANES],
    [3, R, LANES] and [3, TILE + LANES]. ``others`` is what ``find_others`` gives, and ``limited``
    None for points: then less is compiled.
    """
    bounds, nodes, biases, sources, factors, outputs = tape
    tables, lines, channels = scratch
    tile, across, by_column, by_row = tiling
    # The last block of a line may extend beyond it.
    line = (across + LANES - 1) // LANES * LANES
    for start in range(part[0], part[1], tile):
        count = min(tile, part[1] - start)
        width = (count + LANES - 1) // LANES * LANES
        _load(inputs, start, count, width, across, tables, lines)
        for genome in range(len(outputs)):
            for place in range(bounds[genome], bounds[genome + 1]):
                node, row = nodes[place], nodes[place, 3]
                needs_all, needs_line = node[4] & by_column, node[4] & by_row
                here = tables if needs_all else lines
                columns = LANES if not needs_all else width if needs_line else line
                own, weights = sources[node[1] : node[2]], factors[node[1] : node[2]]
                given = here, own, weights, biases[place], row, columns, limited
                activate(others, node[0], given)
                if not needs_all and node[5] & by_column:
                    _complete(row, lines, tables[: len(inputs)], True, across, count)
                elif needs_all and not needs_line and node[5] & by_row:
                    _complete(row, lines, tables[: len(inputs)], False, across, count)
            paint(None, colour, (tables, outputs[genome], channels, width, limited))
            for channel in range(images.shape[1]):
                row = images[genome][channel]
                _write(channels[channel], row[offset + start : offset + start + count])


def compile_draw(*, limited: bool) -> None:
    """Compile ``draw``, or read its code, for genomes whose nodes are all common.

    Any other code takes three times as long to compile, and is compiled when it is called.
    """
    cast("Any", draw).compile(_SIGNATURE.format("boolean" if limited else "none"))
