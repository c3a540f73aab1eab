"""Flows as a chord picture and as a matrix, chance as a histogram, and fracture along a line."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.present import LINE_COLOURS, draw_figure, new_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from .chance import Finding
    from .flows import Flows
    from .sweeping import Line

LONGEST_NAME: Final = 20
GAP: Final = 0.03
"""Radians between two groups on the circle."""
CELL: Final = 34
"""CSS pixels of a cell of the matrix."""
FAINTEST: Final = 0.002
"""Smaller parts of all flows are left out of the chord picture, where they would be hairs."""
MARKS: Final = {"first": "o", "bred": "o", "learned": "s"}


def _short(name: str) -> str:
    """Shorten a name, and show its control characters."""
    if not name.isprintable():
        name = name.encode("unicode_escape").decode()
    return f"{name[: LONGEST_NAME - 1]}…" if len(name) > LONGEST_NAME else name


def _colours(count: int) -> list[Any]:
    from matplotlib import colormaps

    return [colormaps["tab20"](place % 20) for place in range(count)]


def chords(flows: Flows) -> bytes:
    """Draw flows as ribbons within a circle.

    A group's arc is as long as all its flows, those that leave and those that arrive. A ribbon has
    the colour of the group that it leaves, and is as wide as the flow at both ends.
    """
    size = 620
    _, axes = figure = new_axes(size, size, left=10, right=10, top=10, bottom=10)
    axes.set(xlim=(-1.62, 1.62), ylim=(-1.62, 1.62), xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    counts, colours = flows.counts, _colours(len(flows.names))
    ends = np.hstack([counts, counts.T])
    full = 2 * np.pi - GAP * len(counts)
    widths = ends / max(ends.sum(), 1e-9) * full
    starts = np.cumsum(np.r_[0, widths.sum(1)[:-1] + GAP])
    # Each row's ends lie side by side: first what leaves, then what arrives.
    left = starts[:, None] + np.cumsum(widths, 1) - widths
    for row, name in enumerate(flows.names):
        arc = np.linspace(starts[row], starts[row] + widths[row].sum(), 60)
        axes.plot(np.sin(arc) * 1.03, np.cos(arc) * 1.03, color=colours[row], linewidth=7,
                  solid_capstyle="butt")  # fmt: skip
        if widths[row].sum():
            _name(axes, _short(name), float(arc.mean()))
    size_of = counts / max(counts.sum(), 1e-9)
    for row, column in sorted(np.argwhere(size_of > FAINTEST).tolist(), key=lambda at: counts[*at]):
        arriving = len(counts) + row
        there = left[row, column], widths[row, column]
        here = left[column, arriving], widths[column, arriving]
        _ribbon(axes, there, here, colours[row])
    return draw_figure(figure[0])


def _name(axes: Axes, text: str, angle: float) -> None:
    right = np.sin(angle) >= 0
    axes.text(
        np.sin(angle) * 1.1,
        np.cos(angle) * 1.1,
        text,
        rotation=float(np.degrees(np.pi / 2 - angle if right else -np.pi / 2 - angle)),
        rotation_mode="anchor",
        ha="left" if right else "right",
        va="center",
        fontsize=9.5,
        color="#626b78",
        parse_math=False,
    )


def _ribbon(axes: Axes, a: tuple[float, float], b: tuple[float, float], colour: object) -> None:
    """Draw a band from one part (start, width) of the circle to another, through the middle."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    def arc(start: float, width: float) -> list[tuple[float, float]]:
        angles = np.linspace(start, start + width, 8)
        return list(zip(np.sin(angles).tolist(), np.cos(angles).tolist(), strict=True))

    one, other = arc(*a), arc(*b)
    points = [*one, (0.0, 0.0), *other, (0.0, 0.0), one[0]]
    line = [Path.LINETO] * 7
    bend = [Path.CURVE3, Path.CURVE3]
    codes = [Path.MOVETO, *line, *bend, *line, *bend]
    axes.add_patch(PathPatch(Path(points, codes), facecolor=colour, alpha=0.5, linewidth=0))


def matrix(flows: Flows) -> bytes:
    """Draw flows as a matrix: a cell's number is the flow, its colour how far from chance it is."""
    names = [_short(name) for name in flows.names]
    room = 26 + 7.0 * max(map(len, names))
    side = CELL * len(names)
    drawn, axes = new_axes(room + side + 8, room + side + 8, left=room, right=8, top=room, bottom=8)
    floor = 1.0  # a switch more on either side, so that few say little
    ratio = np.log2((flows.counts + floor) / (flows.expected + floor))
    mesh = axes.pcolormesh(
        ratio, cmap="RdBu_r", vmin=-3, vmax=3, edgecolors=axes.get_facecolor(), linewidth=1.5
    )
    mesh.set_rasterized(False)
    for (row, column), count in np.ndenumerate(flows.counts):
        if count >= 0.5:
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{count:,.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if abs(ratio[row, column]) > 2 else "black",
            )
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(names)) + 0.5, names, rotation=90, parse_math=False)
    axes.set_yticks(np.arange(len(names)) + 0.5, names, parse_math=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return draw_figure(drawn)


def chance(finding: Finding) -> bytes:
    """Draw what chance gives as a histogram, and what was found as a line."""
    drawn, axes = new_axes(420, 150, left=14, right=14, top=26, bottom=30)
    axes.hist(finding.null, bins=30, color="#9aa2ae")
    axes.axvline(finding.observed, color=LINE_COLOURS[1], linewidth=2)
    low, high = min(finding.null.min(), finding.observed), max(finding.null.max(), finding.observed)
    room = 0.08 * (high - low or 1)
    axes.set_xlim(low - room, high + room)
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5)
    late = finding.observed > (low + high) / 2
    axes.text(
        finding.observed,
        1.03,
        f"found {finding.observed:.3f}",
        transform=axes.get_xaxis_transform(),
        ha="right" if late else "left",
        color=LINE_COLOURS[1],
        fontsize=9.5,
        weight="bold",
    )
    return draw_figure(drawn)


def course(lines: Sequence[Line]) -> bytes:
    """Draw fracture along some lines of ancestors; a square was learned."""
    drawn, axes = new_axes(620, 240, left=52, right=150, bottom=46)
    low, high = 1.0, 0.0
    for place, line in enumerate(lines):
        colour = LINE_COLOURS[place % len(LINE_COLOURS)]
        ages = [each.individual.generation for each in line.swept]
        values = [each.sweeps.fracture for each in line.swept]
        axes.plot(ages, values, color=colour, linewidth=1.6)
        for each, age, value in zip(line.swept, ages, values, strict=True):
            axes.plot([age], [value], MARKS[each.kind], color=colour, markersize=6)
        low, high = min(low, *values), max(high, *values)
        label = f"{_short(line.elite.name)}"
        axes.annotate(label, (ages[-1], values[-1]), xytext=(9, 0), textcoords="offset points",
                      va="center", color=colour, fontsize=9.5, annotation_clip=False,
                      parse_math=False)  # fmt: skip
    axes.set_ylim(max(0, low - 0.05), min(1, high + 0.05))
    axes.set_xlabel("generation", fontsize=9.75, color="#626b78")
    return draw_figure(drawn)


def strip(pictures: np.ndarray) -> np.ndarray:
    """Lay the pictures of a sweep side by side: uint8 [C, H, 9 * W + gaps]."""
    gap = np.full((*pictures.shape[1:3], 3), 255, np.uint8)
    parts = [pictures[0]]
    for _, picture in pairwise(pictures):
        parts += [gap, picture]
    return np.concatenate(parts, axis=2)
