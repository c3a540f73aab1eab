"""Charts: lines with a name at their end, matrices, flows between groups, and maps of courses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from neatfool.present.charts import figure
from neatfool.wording import level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STROKES: Final = (
    *("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6))),
    *((0, (9, 2)), (0, (4, 1.4, 1.2, 1.4, 1.2, 1.4))),
)
"""Each line has its own, too, for print and for those who see no colours."""


def key_of(place: int) -> str:
    """Give the letter of one of several things: A to Z, then A2 and so on."""
    letter = chr(ord("A") + place % 26)
    return letter if place < 26 else f"{letter}{place // 26 + 1}"


def short(name: str, longest: int = 24) -> str:
    """Shorten a name, and show its control characters."""
    name = name if name.isprintable() else name.encode("unicode_escape").decode()
    return f"{name[: longest - 1]}…" if len(name) > longest else name


def colour_of(place: int) -> str:
    """Give its colour."""
    return figure.LINE_COLOURS[place % len(figure.LINE_COLOURS)]


def stroke_of(place: int) -> object:
    """Give the stroke of its line."""
    return STROKES[(place + place // len(figure.LINE_COLOURS)) % len(STROKES)]


class ChartLine(NamedTuple):
    """A line: its values, what stands at its end, and how it looks."""

    values: Sequence[float]
    end: str
    place: int
    thin: bool = False


def lines_of_shares(
    lines: Sequence[ChartLine], ticks: Sequence[str], *, right: float, wide: bool = False
) -> Figure:
    """Draw shares from 0 to 1 at some named places, evenly spaced.

    Args:
        lines: The lines; without a text at its end a line has no label.
        ticks: The names of the places.
        right: CSS pixels for the texts at the ends.
        wide: Whether it goes across the page, with room above and below for more texts.
    """
    size: Any = {"bottom": 50, "top": 58} if wide else {"bottom": 38}
    drawn, axes = figure.new_axes(
        *(1080, 390) if wide else (520, 250), right=right, left=52, **size
    )
    for line in lines:
        width, dot = (0.8, 2.5) if line.thin else (1.95, 4)
        look: Any = {"color": colour_of(line.place), "linestyle": stroke_of(line.place)}
        look |= {"linewidth": width, "markersize": dot, "clip_on": False}
        look["marker"] = "o" if len(line.values) <= 20 else ""
        axes.plot(range(len(line.values)), line.values, **look)
    axes.set_ylim(-0.02, 1.02)
    levels = (0, 0.25, 0.5, 0.75, 1)
    axes.set_yticks(levels, [level(part) for part in levels])
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_xlim(-0.1, len(ticks) - 0.9)
    figure.label_ends(
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
    look: dict[str, Any] = {"cell": (92, 54), "is_light": lambda part: part > 0.55}
    return draw_cells(shares, texts, rows, columns, **look, vmin=0, vmax=1)


def draw_cells(
    values: np.ndarray,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    cell: tuple[int, int],
    is_light: Callable[[float], bool],
    size: float = 9.5,
    rotation: int = 0,
    **colours: Any,
) -> Figure:
    """Draw a matrix of coloured cells; the text in a light one is dark."""
    rows = [*map(short, rows)]
    left, across = 26 + 7.2 * max(map(len, rows)), cell[0] * len(columns)
    # As wide as other charts, so that a page does not enlarge a small matrix.
    right, top = max(16, 520 - left - across), left if rotation else 34
    height = top + 10 + cell[1] * len(rows)
    drawn, axes = figure.new_axes(
        left + across + right, height, left=left, right=right, top=top, bottom=10
    )
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
    return drawn


WIDE, NARROW = 1080, 520
"""CSS pixels across the page, and across one of two columns."""
THIN, USUAL, THICK = 0.675, 1.5, 1.95
"""Widths of lines, in points."""
MOST_NAMES: Final = 40
"""A heat map names its rows up to this number; there is no room for more names."""
SHARPNESS: Final = 2
"""Pixels of a heat map for a CSS pixel, so that it is sharp on screens with fine pixels."""
SHADES: Final = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
"""The confidences at the scale of colours. The first and the last are its ends."""


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
    scale: Literal["confidences", "decimal odds", "counts"],
    counts: Sequence[float] | np.ndarray,
    *,
    wide: bool = False,
    most: float | None = None,
) -> Figure:
    """Draw lines over images scored.

    Args:
        lines: The lines.
        scale: What their values are: confidences, which are drawn in log-odds, decimal log-odds,
            which may lie above those of any confidence, or counts.
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
    look: dict[str, Any]
    for line in lines:
        colour, x, values = colour_of(line.place), line.counts, scaled(line.values)
        if line.band is not None:
            lower, upper = band = scaled(line.band)
            axes.fill_between(x, lower, upper, step="post", color=colour, alpha=0.2, linewidth=0)
            shown.append(band.ravel())
        if line.single is not None:
            single = scaled(line.single)
            look = {"color": colour, "alpha": 0.45, "linewidth": THIN}
            axes.step(x, single.T, where="post", clip_on=False, **look)
            shown.append(single.ravel())
        look = {"color": colour, "linestyle": stroke_of(line.place)}
        look["linewidth"] = THICK if wide or line.single is None else USUAL
        look["marker"] = "o" if len(x) < 3 else ""  # too short to be seen as a line
        axes.step(x, values, where="post", clip_on=False, **look)
        shown.append(values)
        ends.append((float(values[-1]), line.end, colour))
    # All values are in sight.
    known = np.concatenate(shown)
    known = known[np.isfinite(known)]
    if scale != "counts" and len(known):
        figure.label_confidences(axes, float(known.min()), float(known.max()))
    else:
        figure.mark_counts(axes, most or max(1.0, *known), whole=most is not None)
    figure.label_counts(axes, np.asarray(counts).tolist())
    figure.label_ends(axes, ends)
    return drawn


def heat_map(
    confidences: np.ndarray, grid: np.ndarray, names: Sequence[str], *, wide: bool = False
) -> bytes:
    """Draw a row for each course, confidences, float64 [C, N], over an even grid, as an SVG."""
    named = len(names) <= MOST_NAMES
    height = 66 + (max(22 * len(names), 110) if named else 560)
    texts = [*map(short, names)]
    left = min(30 + 7.2 * max(map(len, texts)), 205) if named else 62
    drawn, axes = figure.new_axes(WIDE if wide else NARROW, height, right=34, left=left)
    # A value holds from its number of images on, so a cell is what was known at its left edge.
    known = confidences[:, :-1] if len(grid) > 1 else confidences
    _paint(axes, figure.decimal_odds(known), (0, float(grid[-1]), len(names), 0))
    axes.grid(visible=False)
    figure.label_counts(axes, grid.tolist())
    if named:
        axes.set_yticks([row + 0.5 for row in range(len(names))], texts, parse_math=False)
    else:
        ranks = sorted({1, *(round(len(names) * part / 5) for part in range(1, 6))})
        axes.set_yticks([rank - 0.5 for rank in ranks], [f"{rank:,}" for rank in ranks])
    return figure.draw_figure(drawn, zoom=SHARPNESS)


def heat_scale() -> bytes:
    """Draw what the colours mean, as an SVG."""
    drawn, axes = figure.new_axes(WIDE, 58, right=31.2, left=31.2, top=8.7, bottom=31.9)
    ticks = figure.decimal_odds(SHADES)
    low, high = float(ticks[0]), float(ticks[-1])
    _paint(axes, np.linspace(low, high, 512)[None], (low, high, 0, 1))
    axes.set_yticks([])
    axes.set_xticks(ticks, [level(p) for p in SHADES])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure.draw_figure(drawn, zoom=SHARPNESS)


def _paint(axes: Axes, odds: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    """Paint decimal log-odds; what is NaN stays transparent."""
    low, high = figure.decimal_odds([SHADES[0], SHADES[-1]])
    axes.imshow(odds, cmap="viridis", vmin=low, vmax=high, extent=extent, aspect="auto")
