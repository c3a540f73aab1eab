"""Charts: lines with a name at their end, and matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from neatfool.present import figure
from neatfool.wording import level

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE, NARROW = 1080, 520
"""CSS pixels across the page, and across one of two columns."""
THIN, THICK = 0.675, 1.95
"""Widths of lines, in points."""
_STROKES: Final = (
    *("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6))),
    *((0, (9, 2)), (0, (4, 1.4, 1.2, 1.4, 1.2, 1.4))),
)
_COLOURS: Final = figure.LINE_COLOURS
LOOKS: Final = [
    (_COLOURS[place % len(_COLOURS)], _STROKES[(place + place // len(_COLOURS)) % len(_STROKES)])
    for place in range(3 * len(_COLOURS))
]
"""The colours and strokes of lines, by their places; strokes are for those who see no colours."""


def key_of(place: int) -> str:
    """Give the letter of one of several things: A to Z, then A2 and so on."""
    letter = chr(ord("A") + place % 26)
    return letter if place < 26 else f"{letter}{place // 26 + 1}"


def short(name: str, longest: int = 24) -> str:
    """Shorten a name, and show its control characters."""
    name = name if name.isprintable() else name.encode("unicode_escape").decode()
    return f"{name[: longest - 1]}…" if len(name) > longest else name


class ChartLine(NamedTuple):
    """A line: its values, what stands at its end, and which of :data:`LOOKS` it has."""

    values: Sequence[float]
    end: str
    place: int


def lines_of_shares(lines: Sequence[ChartLine], ticks: Sequence[str]) -> Figure:
    """Draw shares from 0 to 1 at some named places, evenly spaced.

    Args:
        lines: The lines.
        ticks: The names of the places.
    """
    drawn, axes = figure.new_axes(NARROW, 250, right=148, left=52, bottom=38)
    ends = []
    for line in lines:
        colour, stroke = LOOKS[line.place % len(LOOKS)]
        look: Any = {"color": colour, "linestyle": stroke, "linewidth": THICK, "clip_on": False}
        marker = "o" if len(line.values) <= 20 else ""
        axes.plot(range(len(line.values)), line.values, marker=marker, markersize=4, **look)
        ends.append((line.values[-1], line.end, colour))
    axes.set_ylim(-0.02, 1.02)
    levels = (0, 0.25, 0.5, 0.75, 1)
    axes.set_yticks(levels, [level(part) for part in levels])
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_xlim(-0.1, len(ticks) - 0.9)
    figure.label_ends(axes, ends)
    return drawn


def draw_cells(
    values: np.ndarray,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    cell: tuple[int, int],
    upright: bool = False,
    **colours: Any,
) -> Figure:
    """Draw a matrix of coloured cells.

    Args:
        values: float64 [R, C], NaN for a cell that stays empty.
        texts: What each cell says; lines are parted by line breaks.
        rows: The names of the rows.
        columns: The names of the columns.
        cell: CSS pixels of a cell's width and height.
        upright: Whether the names of the columns are turned.
        colours: matplotlib's ``cmap``, ``vmin`` and ``vmax``.
    """
    rows = [*map(short, rows)]
    left, across = 26 + 7.2 * max(map(len, rows)), cell[0] * len(columns)
    # As wide as other charts, so that a page does not enlarge a small matrix.
    right, top = max(16, NARROW - left - across), left if upright else 34
    height = top + 10 + cell[1] * len(rows)
    drawn, axes = figure.new_axes(
        left + across + right, height, left=left, right=right, top=top, bottom=10
    )
    cells = np.ma.masked_invalid(values)
    mesh = axes.pcolormesh(cells, edgecolors=figure.SURFACE, linewidth=2, **colours)
    look: Any = {"ha": "center", "va": "center", "linespacing": 1.25, "parse_math": False}
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            light = np.dot(mesh.cmap(mesh.norm(value))[:3], (0.3, 0.59, 0.11)) > 0.5
            look |= {"color": "black" if light else "white", "fontsize": 8 if upright else 9.5}
            axes.text(column + 0.5, row + 0.5, texts[row][column], **look)
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    at = np.arange(len(columns)) + 0.5
    axes.set_xticks(at, columns, rotation=90 if upright else 0, parse_math=False)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, parse_math=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return drawn


class StepCurve(NamedTuple):
    """A line that keeps each value until the next."""

    counts: np.ndarray
    values: np.ndarray
    end: str
    place: int
    """Chooses its colour and stroke."""
    band: np.ndarray | None = None
    """A lower and an upper value at each of N counts, [2, N]."""
    single: np.ndarray | None = None
    """The lines of which it is the median, [M, N]."""


def steps(
    lines: Sequence[StepCurve],
    scale: Literal["confidences", "decimal odds", "counts", "numbers"],
    counts: Sequence[float] | np.ndarray,
    *,
    wide: bool = False,
    most: float | None = None,
) -> Figure:
    """Draw lines over images scored.

    Args:
        lines: The lines.
        scale: What their values are: confidences, which are drawn in log-odds, decimal log-odds,
            which may lie above those of any confidence, counts, or any real numbers.
        counts: The numbers of images that the axis covers.
        wide: Whether it goes across the page.
        most: The whole number that counts may reach, if that is known.
    """
    width, height = (WIDE, 440) if wide else (NARROW, 300)
    right = 26 + 7.4 * max((len(line.end) for line in lines), default=0)
    left = 62 if scale == "counts" else 92
    drawn, axes = figure.new_axes(width, height, right=right, left=left)
    scaled = figure.decimal_odds if scale == "confidences" else np.asarray
    ends, shown = [], [np.zeros(0)]
    for line in lines:
        colour, stroke = LOOKS[line.place % len(LOOKS)]
        look: Any = {"where": "post", "color": colour, "clip_on": False}
        x, values = line.counts, scaled(line.values)
        if line.band is not None:
            lower, upper = band = scaled(line.band)
            axes.fill_between(x, lower, upper, step="post", color=colour, alpha=0.2, linewidth=0)
            shown.append(band.ravel())
        if line.single is not None:
            single = scaled(line.single)
            axes.step(x, single.T, alpha=0.45, linewidth=THIN, **look)
            shown.append(single.ravel())
        marker = "o" if len(x) < 3 else ""  # too short to be seen as a line
        axes.step(x, values, linestyle=stroke, linewidth=THICK, marker=marker, **look)
        shown.append(values)
        ends.append((float(values[-1]), line.end, colour))
    # All values are in sight.
    known = np.concatenate(shown)
    known = known[np.isfinite(known)]
    if scale == "numbers" and len(known):
        figure.mark_numbers(axes, float(known.min()), float(known.max()))
    elif scale != "counts" and len(known):
        figure.label_confidences(axes, float(known.min()), float(known.max()))
    else:
        figure.mark_counts(axes, most or max(1.0, *known), whole=most is not None)
    figure.label_counts(axes, np.asarray(counts).tolist())
    figure.label_ends(axes, ends)
    return drawn
