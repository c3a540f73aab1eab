"""The page of a transfer: one HTML file with the matrix and the images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import percent
from neatfool.present import Picture, draw_figure, embed_png, embed_svg, new_axes, write_page

from . import wording
from .networks import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .answers import Seen
    from .transfer import Row, Transfer

MOST_ROWS: Final = 90
"""All runs together show at most this many images, so that the page stays below a few MB."""
FEWEST_ROWS: Final = 12
"""But each run shows so many."""
LARGEST: Final = 112
"""Pixels of a picture's longer side."""
SMALL: Final = 64
"""Images up to this many pixels are shown with their pixels."""
CELL: Final = (92, 54)
"""CSS pixels of a cell: room for two lines of text."""
LONGEST_NAME: Final = 24
LIGHT_FROM: Final = 0.55
"""Above this share a cell is so light that its text must be dark."""


@dataclass(frozen=True)
class Line:
    """A row of the table of images.

    Attributes:
        name: The class.
        recorded: The confidence that the run recorded.
        picture: The image as it was saved.
        cells: For each network what it says, and whether the class is in the first place.
    """

    name: str
    recorded: str
    picture: Picture
    cells: list[tuple[str, bool]]


def write_transfer(transfer: Transfer, path: Path) -> Path:
    """Write which images fool which networks: one HTML file that needs no network.

    Raises:
        StorageError: The file cannot be written.
    """
    return write_page(path, Path(__file__).with_name("page.html.j2"), _content(transfer))


def _content(transfer: Transfer) -> dict[str, Any]:
    most = max(FEWEST_ROWS, MOST_ROWS // len(transfer.rows))
    told = transfer.photographs
    networks = wording.descriptions(transfer)
    labels = [f"{key} {label}" for key, label, _ in networks]
    names = [wording.name_of(row) for row in transfer.rows]
    sections = [("images of", "Fooling images", names, [row.seen for row in transfer.rows])]
    if told is not None and len(networks) > 1:
        sections.append(("first class of", "In-distribution images", labels, told.seen))
    return {
        "words": wording,
        "transfer": transfer,
        "networks": networks,
        "title": " · ".join(dict.fromkeys(row.run.name for row in transfer.rows)),
        "matrices": [
            {"head": head, "title": title, "rows": list(zip(rows, seen, strict=True))}
            | {"picture": embed_svg(_draw(rows, seen))}
            for head, title, rows, seen in sections
        ],
        "runs": [
            {
                "row": row,
                "lines": [_line(row, place) for place in wording.pick(wording.order(row), most)],
                "own": None if row.own is None else key_of(row.own),
                "pixelated": max(row.run.spec.height, row.run.spec.width) <= SMALL,
            }
            for row in transfer.rows
        ],
    }


def _draw(rows: Sequence[str], seen: Sequence[Sequence[Seen]]) -> bytes:
    shares = np.array([[each.share(1) for each in row] for row in seen])
    texts = [["\n".join(wording.measures(each)[:3:2]) for each in row] for row in seen]
    return matrix(shares, texts, rows, [key_of(place) for place in range(len(seen[0]))])


def _line(row: Row, place: int) -> Line:
    elite = row.elites[place]
    cells = [(wording.one(seen, place), bool(seen.among(1)[place])) for seen in row.seen]
    recorded = percent(elite.confidence)
    return Line(elite.name, recorded, embed_png(elite.png, LARGEST), cells)


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
