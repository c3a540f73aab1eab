"""Charts of findings: lines with a name at their end, matrices, and flows between groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from neatfool.present.charts.axes import label_ends, new_axes
from neatfool.present.charts.figure import LINE_COLOURS
from neatfool.wording import level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STROKES: Final = (
    *("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6))),
    *((0, (9, 2)), (0, (4, 1.4, 1.2, 1.4, 1.2, 1.4))),
)
"""Each line has its own, too, for print and for those who see no colours."""
MOST_DOTS: Final = 20
"""A line of more values has no dot at each."""
CELL: Final = (92, 54)
"""CSS pixels of a matrix's cell: room for two lines of text."""
LONGEST_NAME: Final = 24
LIGHT_FROM: Final = 0.55
"""Above this share a cell is so light that its text must be dark."""
LONGEST_GROUP: Final = 20
FLOW_CELL: Final = 34
"""CSS pixels of a cell of the matrix of flows."""


def key_of(place: int) -> str:
    """Give the letter of one of several things: A to Z, then A2 and so on."""
    letter = chr(ord("A") + place % 26)
    return letter if place < 26 else f"{letter}{place // 26 + 1}"


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """Shorten a name, and show its control characters."""
    name = name if name.isprintable() else name.encode("unicode_escape").decode()
    return f"{name[: longest - 1]}…" if len(name) > longest else name


def colour_of(place: int) -> str:
    """Give its colour."""
    return LINE_COLOURS[place % len(LINE_COLOURS)]


def stroke_of(place: int) -> object:
    """Give the stroke of its line."""
    return STROKES[(place + place // len(LINE_COLOURS)) % len(STROKES)]


class Line(NamedTuple):
    """A line: its values, what stands at its end, and how it looks."""

    values: Sequence[float]
    end: str
    place: int
    thin: bool = False


def lines_of_shares(
    lines: Sequence[Line], ticks: Sequence[str], *, right: float, wide: bool = False
) -> Figure:
    """Draw shares from 0 to 1 at some named places, evenly spaced.

    Args:
        lines: The lines; without a text at its end a line has no label.
        ticks: The names of the places.
        right: CSS pixels for the texts at the ends.
        wide: Whether it goes across the page, with room above and below for more texts.
    """
    size: Any = {"bottom": 50, "top": 58} if wide else {"bottom": 38}
    drawn, axes = new_axes(*(1080, 390) if wide else (520, 250), right=right, left=52, **size)
    for line in lines:
        width, dot = (0.8, 2.5) if line.thin else (1.95, 4)
        look: Any = {"color": colour_of(line.place), "linestyle": stroke_of(line.place)}
        look |= {"linewidth": width, "markersize": dot, "clip_on": False}
        look["marker"] = "o" if len(line.values) <= MOST_DOTS else ""
        axes.plot(range(len(line.values)), line.values, **look)
    axes.set_ylim(-0.02, 1.02)
    levels = (0, 0.25, 0.5, 0.75, 1)
    axes.set_yticks(levels, [level(part) for part in levels])
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_xlim(-0.1, len(ticks) - 0.9)
    label_ends(
        axes, [(line.values[-1], line.end, colour_of(line.place)) for line in lines if line.end]
    )
    return drawn


def matrix_of_shares(
    shares: np.ndarray, texts: Sequence[Sequence[str]], rows: Sequence[str], columns: Sequence[str]
) -> Figure:
    """Draw shares as a matrix of coloured cells.

    Args:
        shares: float64 [R, C] from 0 to 1, NaN for a cell that stays empty.
        texts: What each cell says; lines are parted by line breaks.
        rows: The names of the rows.
        columns: The names of the columns, short.
    """
    names = [*map(short, rows)]
    left, height = 26 + 7.2 * max(map(len, names)), 44 + CELL[1] * len(rows)
    # As wide as other charts, so that a page does not enlarge a small matrix.
    right = max(16, 520 - left - CELL[0] * len(columns))
    width = left + right + CELL[0] * len(columns)
    drawn, axes = new_axes(width, height, left=left, right=right, top=34, bottom=10)
    draw_cells(
        axes, shares, texts, names, columns, is_light=lambda part: part > LIGHT_FROM, vmin=0, vmax=1
    )
    return drawn


def draw_cells(
    axes: Axes,
    values: np.ndarray,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    is_light: Callable[[float], bool],
    size: float = 9.5,
    rotation: int = 0,
    **colours: Any,
) -> None:
    """Draw a matrix of coloured cells, as :func:`matrix_of_shares` does, on axes of its own.

    The text in a light cell is dark. ``rotation`` turns the names of columns, and ``colours`` are
    arguments of matplotlib's ``pcolormesh``.
    """
    cells = np.ma.masked_invalid(values)
    axes.pcolormesh(cells, edgecolors=axes.get_facecolor(), linewidth=2, **colours)
    look: Any = {"ha": "center", "va": "center", "linespacing": 1.25, "parse_math": False}
    look["fontsize"] = size
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            look["color"] = "black" if is_light(value) else "white"
            axes.text(column + 0.5, row + 0.5, texts[row][column], **look)
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    at = np.arange(len(columns)) + 0.5
    axes.set_xticks(at, columns, rotation=rotation, parse_math=False)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, parse_math=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def draw_flows(names: Sequence[str], counts: np.ndarray, expected: np.ndarray) -> Figure:
    """Draw flows as a matrix: a cell's number is the flow, its colour how far from chance it is."""
    names = [short(name, LONGEST_GROUP) for name in names]
    room = 26 + 7.0 * max(map(len, names))
    side = FLOW_CELL * len(names)
    # As wide as other charts, so that a page does not enlarge a small matrix.
    right = max(8, 520 - room - side)
    drawn, axes = new_axes(
        room + side + right, room + side + 8, left=room, right=right, top=room, bottom=8
    )
    # One switch more on either side, so that few say little.
    ratio = np.log2((counts + 1) / (expected + 1))
    texts = [[f"{count:,.0f}" if count >= 0.5 else "" for count in row] for row in counts]
    look: Any = {"size": 8, "rotation": 90, "cmap": "RdBu_r", "vmin": -3, "vmax": 3}
    draw_cells(axes, ratio, texts, names, names, is_light=lambda value: abs(value) <= 2, **look)
    return drawn
