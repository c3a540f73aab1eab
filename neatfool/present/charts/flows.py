"""Flows between things with names: as ribbons within a circle, and as a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.present.charts.axes import new_axes
from neatfool.present.charts.figure import MUTED
from neatfool.present.charts.lines import draw_cells, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_NAME: Final = 20
GAP: Final = 0.03
"""Radians between two groups on the circle."""
CELL: Final = 34
"""CSS pixels of a cell of the matrix."""
FAINTEST: Final = 0.002
"""Smaller parts of all flows are left out of the chord picture, where they would be hairs."""


def draw_chords(names: Sequence[str], counts: np.ndarray) -> Figure:
    """Draw flows as ribbons within a circle.

    A group's arc is as long as all its flows, those that leave and those that arrive. A ribbon has
    the colour of the group that it leaves, and is as wide as the flow at both ends: counts, float64
    [N, N], from the row's group to the column's.
    """
    from matplotlib import colormaps

    drawn, axes = new_axes(620, 620, left=10, right=10, top=10, bottom=10)
    axes.set(xlim=(-1.62, 1.62), ylim=(-1.62, 1.62), xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    colours = [colormaps["tab20"](place % 20) for place in range(len(names))]
    ends = np.hstack([counts, counts.T])
    widths = ends / max(ends.sum(), 1e-9) * (2 * np.pi - GAP * len(counts))
    starts = np.cumsum(np.r_[0, widths.sum(1)[:-1] + GAP])
    # Each row's ends lie side by side: first what leaves, then what arrives.
    left = starts[:, None] + np.cumsum(widths, 1) - widths
    for row, name in enumerate(names):
        arc = np.linspace(starts[row], starts[row] + widths[row].sum(), 60)
        axes.plot(np.sin(arc) * 1.03, np.cos(arc) * 1.03, color=colours[row], linewidth=7,
                  solid_capstyle="butt")  # fmt: skip
        if widths[row].sum():
            _name(axes, short(name, LONGEST_NAME), float(arc.mean()))
    size_of = counts / max(counts.sum(), 1e-9)
    for row, column in sorted(np.argwhere(size_of > FAINTEST).tolist(), key=lambda at: counts[*at]):
        places = (row, column), (column, len(counts) + row)
        there, here = ((left[place], widths[place]) for place in places)
        _ribbon(axes, there, here, colours[row])
    return drawn


def _name(axes: Axes, text: str, angle: float) -> None:
    right = np.sin(angle) >= 0
    turn = float(np.degrees(np.pi / 2 - angle if right else -np.pi / 2 - angle))
    look: Any = {"fontsize": 9.5, "color": MUTED, "parse_math": False, "va": "center"}
    look |= {"rotation": turn, "rotation_mode": "anchor", "ha": "left" if right else "right"}
    axes.text(np.sin(angle) * 1.1, np.cos(angle) * 1.1, text, **look)


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


def draw_flows(names: Sequence[str], counts: np.ndarray, expected: np.ndarray) -> Figure:
    """Draw flows as a matrix: a cell's number is the flow, its colour how far from chance it is."""
    names = [short(name, LONGEST_NAME) for name in names]
    room = 26 + 7.0 * max(map(len, names))
    side = CELL * len(names)
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
