"""The marks of a graph's drawing, in CSS pixels, with y downwards."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.present.charts import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.path import Path

    Point = tuple[float, float]

RADIUS: Final = 15.0
"""The radius of a node."""
LEVEL: Final = 0.42
"""A curve keeps its direction at each end for this share of the way between two points."""
_WHITE: Final = "#ffffff"
"""The colour of curves on discs, on a dark page too."""
_UNKNOWN: Final = "#747d8a"
"""The disc's colour for an activation that is not in the table."""
_DOTS: Final = (0, (0.6, 3.2))
_K: Final = 4 / 3 * (2**0.5 - 1)
_QUARTER: Final = np.array([(1, _K), (_K, 1), (0, 1)])
_TURN: Final = np.array([(0, 1), (-1, 0)])
_CIRCLE: Final = np.concatenate(
    [[(1, 0)], *(_QUARTER @ np.linalg.matrix_power(_TURN, turns) for turns in range(4))]
)
"""Four cubic curves, within 0.03 % of the unit circle; matplotlib's own takes twice the bytes."""


class Pen:
    """Draws on its own figure."""

    def __init__(self, width: float, height: float, background: str | None) -> None:
        self.figure: Figure = figure.new_figure(width, height, background)
        self._axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        self._axes.set_axis_off()

    def _add(self, patch: Any) -> None:
        self._axes.add_artist(patch)  # add_patch would compute limits, as long as drawing takes
        patch.set_clip_on(False)

    def curve(
        self, points: Sequence[Point], *, colour: str, width: float, dotted: bool, opacity: float
    ) -> None:
        """Draw a smooth curve below all other marks."""
        from matplotlib.patches import PathPatch

        look: Any = {"edgecolor": colour, "linewidth": width * figure.POINT, "alpha": opacity}
        look |= {"linestyle": _DOTS if dotted else "-", "capstyle": "round", "zorder": 1}
        self._add(PathPatch(_smooth(points), facecolor="none", **look))

    def activation(self, at: Point, name: str, *, radius: float, opacity: float = 1.0) -> None:
        """Draw a disc in an activation's colour, with its curve or its first letters."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        self._disc(at, radius + 2, facecolor=figure.SURFACE, edgecolor="none", zorder=3)
        glyph = ACTIVATIONS[name].glyph if name in ACTIVATIONS else None
        face = {"facecolor": glyph.colour if glyph else _UNKNOWN, "alpha": opacity}
        self._disc(at, radius, edgecolor="none", zorder=3, **face)
        if glyph is None:
            self.write(at, name[:2], size=radius * 0.85, colour=_WHITE, bold=True)
            return
        stroke = {"edgecolor": _WHITE, "linewidth": max(1.0, radius / 9)}
        path = Path(np.asarray(at) + glyph.points() * np.array([0.6, -0.42]) * radius)
        ends = {"capstyle": "round", "joinstyle": "round"}
        self._add(PathPatch(path, facecolor="none", zorder=4, **stroke, **ends))

    def _disc(self, at: Point, radius: float, **style: Any) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        codes = [Path.MOVETO] + [Path.CURVE4] * (len(_CIRCLE) - 1)
        self._add(PathPatch(Path(np.asarray(at) + radius * _CIRCLE, codes), **style))

    def ring(self, at: Point) -> None:
        """Draw a ring around a node."""
        style = {"edgecolor": figure.INK, "linewidth": 1.3}
        self._disc(at, RADIUS + 2.5, facecolor="none", zorder=4, **style)

    def box(self, at: Point, label: str, *, opacity: float) -> None:
        """Draw a box of a node's size with a short label."""
        from matplotlib.patches import FancyBboxPatch

        side = 2 * RADIUS - 8
        corner = (at[0] - side / 2, at[1] - side / 2)
        shape: dict[str, Any] = {"boxstyle": "round,pad=3,rounding_size=5", "zorder": 3}
        cover: dict[str, Any] = {"facecolor": figure.SURFACE, "edgecolor": "none"}
        outline: dict[str, Any] = {"facecolor": "none", "edgecolor": figure.INK, "linewidth": 1.1}
        self._add(FancyBboxPatch(corner, side, side, **shape, **cover))
        self._add(FancyBboxPatch(corner, side, side, **shape, **outline, alpha=opacity))
        self.write(at, label, size=14 if len(label) < 3 else 10, bold=True, opacity=opacity)

    def write(
        self,
        at: Point,
        text: str,
        *,
        size: float,
        colour: str = figure.INK,
        align: Literal["left", "center"] = "center",
        bold: bool = False,
        opacity: float = 1.0,
    ) -> None:
        """Write text as it is, without mathematics; its size is in pixels."""
        look: Any = {"fontsize": size * figure.POINT, "color": colour, "alpha": opacity}
        look |= {"ha": align, "va": "center_baseline", "weight": "bold" if bold else "normal"}
        self._axes.text(*at, text, parse_math=False, zorder=5, **look)


def _smooth(points: Sequence[Point]) -> Path:
    """Make a curve through points that is level at both ends and never overshoots."""
    from matplotlib.path import Path

    if len(points) == 2 and points[1][0] <= points[0][0]:
        return _lead_back(*points)
    inner = zip(points, points[1:], points[2:], strict=False)
    slopes = [0.0, *(_slope(a, b, c) for a, b, c in inner), 0.0]
    vertices: list[Point] = [points[0]]
    for ((x0, y0), before), ((x1, y1), after) in pairwise(zip(points, slopes, strict=True)):
        reach = (x1 - x0) * LEVEL
        vertices += [(x0 + reach, y0 + before * reach), (x1 - reach, y1 - after * reach), (x1, y1)]
    return Path(vertices, [Path.MOVETO] + [Path.CURVE4] * (len(vertices) - 1))


def _lead_back(start: Point, end: Point) -> Path:
    """Make a curve around the right of both points, to one that is not further right."""
    from matplotlib.path import Path

    (x0, y0), (x1, y1) = start, end
    side = 3 * RADIUS
    vertices = [start, (x0 + side, y0 - RADIUS), (x1 + side, y1 + RADIUS), end]
    return Path(vertices, [Path.MOVETO] + [Path.CURVE4] * 3)


def _slope(a: Point, b: Point, c: Point) -> float:
    """Give the harmonic mean of two slopes of one sign, else 0 (Fritsch and Butland, 1984)."""
    before, after = (b[1] - a[1]) / (b[0] - a[0]), (c[1] - b[1]) / (c[0] - b[0])
    return 2 * before * after / (before + after) if before * after > 0 else 0.0
