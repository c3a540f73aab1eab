"""The colour maps, compiled: loops over pixels, made of the formulas of the table.

:mod:`neatfool.cppn.functions.colour` has the formulas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.compiling import inlined, inlined_formula, inner, make_switch
from neatfool.cppn.compiled import elementary
from neatfool.cppn.compiled.lanes import LANES, bits_of, load, spread, store
from neatfool.cppn.functions.colour import COLOUR_MAPS
from neatfool.cppn.functions.rules import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool.cppn.functions.colour import ColourMap

F = np.float32
_MAPS: Final = tuple(COLOUR_MAPS.values())
_LIMIT: Final = F(LIMIT)
# Adding this rounds to an integer, and the lowest bits hold that integer.
_ROUND: Final = F(1.5 * 2**23)


@inlined
def _load_means(table: np.ndarray, rows: np.ndarray, start: int) -> tuple[F, F, F]:
    """Read three outputs; of one, three times the same."""
    last = len(rows) - 1
    return (
        load(table, rows[0], start),
        load(table, rows[min(1, last)], start),
        load(table, rows[last], start),
    )


@inlined
def _load_variances(
    table: np.ndarray, rows: np.ndarray, start: int, limited: bool | None
) -> tuple[F, F, F]:
    if limited is None:
        return spread(F(0.0)), spread(F(0.0)), spread(F(0.0))
    a, b, c = _load_means(table, rows, start)
    return (
        elementary.clip(a, F(0.0), _LIMIT),
        elementary.clip(b, F(0.0), _LIMIT),
        elementary.clip(c, F(0.0), _LIMIT),
    )


def _compile_three(name: str, colours: ColourMap) -> Callable[..., Any]:
    """Compile a colour map to give three channels; a grey one three times the same."""
    convert = inlined_formula(colours.convert, f"{name}_channels")
    if colours.channels == 3:
        return inlined(lambda o, v: convert(elementary, o, v), f"{name}_three")

    def three(o: tuple[F, F, F], v: tuple[F, F, F]) -> tuple[F, F, F]:
        (grey,) = convert(elementary, o, v)
        return grey, grey, grey

    return inlined(three, f"{name}_three")


def _compile_paint(name: str, three: Callable[..., Any]) -> Callable[..., None]:
    """Compile the loop that :func:`paint` runs for a colour map."""

    def loop(
        values: np.ndarray,
        variances: np.ndarray,
        rows: np.ndarray,
        channels: np.ndarray,
        width: int,
        limited: bool | None,
    ) -> None:
        for start in range(0, width, LANES):
            means = _load_means(values, rows, start)
            red, green, blue = three(means, _load_variances(variances, rows, start, limited))
            store(channels, 0, start, red)
            store(channels, 1, start, green)
            store(channels, 2, start, blue)

    return inner(loop, f"{name}_paint")


def _compile_return(name: str, colours: ColourMap) -> Callable[..., None]:
    """Compile the loop that :func:`return_colour` runs for a colour map."""
    formula = inlined_formula(colours.back, f"{name}_back")
    many = colours.outputs

    def loop(
        values: np.ndarray,
        variances: np.ndarray,
        rows: np.ndarray,
        slopes: np.ndarray,
        flows: np.ndarray,
        width: int,
    ) -> None:
        for start in range(0, width, LANES):
            means = _load_means(values, rows, start)
            spreads = _load_variances(variances, rows, start, True)
            given = load(slopes, 0, start), load(slopes, 1, start), load(slopes, 2, start)
            back = formula(elementary, means, spreads, given)
            for output in range(many):
                store(flows, rows[output], start, load(flows, rows[output], start) + back[output])

    return inner(loop, f"{name}_return")


_run_paint = make_switch(
    {
        code: _compile_paint(each.name, _compile_three(each.name, each))
        for code, each in enumerate(_MAPS)
    }
)
_run_return = make_switch(
    {code: _compile_return(each.name, each) for code, each in enumerate(_MAPS)}
)


@inner
def _write(channel: np.ndarray, pixels: np.ndarray) -> None:
    for i in range(len(pixels)):
        pixels[i] = np.uint8(bits_of(channel[i] * F(255.0) + _ROUND))


@inner
def paint(
    colour: int,
    values: np.ndarray,
    variances: np.ndarray,
    rows: np.ndarray,
    channels: np.ndarray,
    image: np.ndarray,
    start: int,
    count: int,
    limited: bool | None,
) -> None:
    """Write the bytes of an image.

    Args:
        colour: The place of the colour map in ``COLOUR_MAPS``.
        values: float32 [R, P], the rows of the outputs and others.
        variances: float32 [R, P], their variances.
        rows: int32 [O], the row of each output.
        channels: float32 [3, P], scratch.
        image: uint8 [C, Q], to write to.
        start: The first pixel to write of the Q.
        count: The number of pixels.
        limited: None if all variances are 0, which are not read then.
    """
    width = (count + LANES - 1) // LANES * LANES
    _run_paint(colour, (values, variances, rows, channels, width, limited))
    for channel in range(len(image)):
        _write(channels[channel], image[channel][start : start + count])


@inner
def return_colour(
    colour: int,
    values: np.ndarray,
    variances: np.ndarray,
    rows: np.ndarray,
    slopes: np.ndarray,
    flows: np.ndarray,
    width: int,
) -> None:
    """Turn slopes by the channels into slopes by the outputs.

    Args:
        colour: The place of the colour map in ``COLOUR_MAPS``.
        values: float32 [R, P], the rows of the outputs and others.
        variances: float32 [R, P], their variances.
        rows: int64 [O], the row of each output.
        slopes: float32 [3, P], by the channels in [0, 1]; those of a grey map in the first row.
        flows: float32 [R, P]; those by the outputs are added to the outputs' rows.
        width: The number of pixels, a multiple of ``LANES``.
    """
    _run_return(colour, (values, variances, rows, slopes, flows, width))
