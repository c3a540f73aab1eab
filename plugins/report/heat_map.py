"""The heat map of an archive over measures: a picture of the scores, and places of its cells."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image

from neatfool import EliteView, GridAxis, Run, present
from neatfool.wording import four_digits, listed

COLOUR_MAP: Final = "viridis"
"""Its lightness rises with the score, so that it is also read without colours."""


@dataclass(frozen=True)
class HeatMap:
    """An archive over one or two measures.

    Attributes:
        axes: The measures across and, if there are two, upwards.
        picture: The scores, a pixel for each cell.
        cells: For each filled cell that is shown its elite, and its row and column from 1 on.
        about: What it shows, for those who do not see it.
        note: What it leaves out, of more than two measures.
        ends: The lowest and the highest score, in words.
        colours: The colours from the lowest to the highest score, as CSS has them.
    """

    axes: Sequence[GridAxis]
    picture: present.PageImage
    cells: Sequence[tuple[EliteView, int, int]]
    about: str
    note: str
    ends: tuple[str, str]
    colours: str

    @property
    def columns(self) -> int:
        """The number of cells across."""
        return self.axes[0].cells

    @property
    def rows(self) -> int:
        """The number of cells upwards."""
        return self.axes[1].cells if len(self.axes) > 1 else 1

    def ticks(self, axis: int) -> list[str]:
        """Write the lower end of a measure, its middle and its upper end."""
        shown = self.axes[axis]
        return [four_digits(each) for each in np.linspace(shown.low, shown.high, 3).tolist()]


def draw_heat_map(run: Run) -> HeatMap | None:
    """Draw the archive of a run over the first two of its measures; None if it has no grid."""
    from matplotlib import colormaps

    grid, shown = run.spec.grid, run.spec.grid[:2]
    if not grid or not len(run):
        return None
    columns, rows = shown[0].cells, shown[1].cells if len(shown) > 1 else 1
    best: dict[tuple[int, int], EliteView] = {}
    for elite in sorted(run.elites, key=lambda elite: elite.score):
        place = map(int, np.unravel_index(elite.index, [axis.cells for axis in grid]))
        column, row, *_ = (*place, 0)
        # The first row of a page is its highest one.
        best[rows - row, column + 1] = elite
    scores = [elite.score for elite in best.values()]
    low, high = min(scores), max(scores)
    pixels = np.zeros((rows, columns, 4), np.uint8)
    colours: Any = colormaps[COLOUR_MAP]
    for (row, column), elite in best.items():
        part = (elite.score - low) / (high - low) if high > low else 1.0
        pixels[row - 1, column - 1] = colours(part, bytes=True)
    names = listed([axis.name for axis in shown])
    Image.fromarray(pixels).save(png := io.BytesIO(), "png")
    stops = [colours(part, bytes=True)[:3] for part in np.linspace(0, 1, 9)]
    return HeatMap(
        axes=shown,
        picture=present.embed_png(png.getvalue(), max(rows, columns)),
        cells=[(elite, *place) for place, elite in best.items()],
        about=f"Scores over {names}: {len(best):,} of {rows * columns:,} cells are filled, "
        f"the best with {four_digits(high)}, the worst with {four_digits(low)}",
        note=f"Of {len(grid)} measures the first two are shown, and in each cell its best image."
        if len(grid) > 2
        else "",
        ends=(four_digits(low), four_digits(high)),
        colours=", ".join("rgb({} {} {})".format(*map(int, stop)) for stop in stops),
    )
