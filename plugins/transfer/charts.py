"""The matrix as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.report import draw_figure, new_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

CELL: Final = (92, 54)
"""CSS pixels of a cell: room for two lines of text."""
LONGEST_NAME: Final = 24
LIGHT_FROM: Final = 0.55
"""Above this share a cell is so light that its text must be dark."""


def matrix(
    shares: np.ndarray,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
) -> bytes:
    """Draw shares as a matrix of coloured cells.

    Args:
        shares: float64 [R, C] from 0 to 1, NaN for a cell that stays empty.
        texts: What each cell says; lines are parted by line breaks.
        rows: The names of the rows.
        columns: The names of the columns, short.
    """
    names = [f"{name[: LONGEST_NAME - 1]}…" if len(name) > LONGEST_NAME else name for name in rows]
    left = 26 + 7.2 * max(map(len, names))
    width = left + 16 + CELL[0] * len(columns)
    drawn, axes = new_axes(width, 44 + CELL[1] * len(rows), left=left, right=16, top=34, bottom=10)
    axes.pcolormesh(
        np.ma.masked_invalid(shares),
        cmap="viridis",
        vmin=0,
        vmax=1,
        edgecolors=axes.get_facecolor(),
        linewidth=2,
    )
    for (row, column), value in np.ndenumerate(shares):
        if np.isfinite(value):
            axes.text(
                column + 0.5,
                row + 0.5,
                texts[row][column],
                ha="center",
                va="center",
                fontsize=9.5,
                linespacing=1.25,
                color="black" if value > LIGHT_FROM else "white",
                parse_math=False,
            )
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, parse_math=False)
    axes.set_yticks(np.arange(len(rows)) + 0.5, names, parse_math=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return draw_figure(drawn)
