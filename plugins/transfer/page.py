"""The page of a transfer: one HTML file with the matrix and the images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import percent
from neatfool.report import Picture, embed_png, embed_svg, write_page

from . import wording
from .charts import matrix
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
        sections.append(("first class of", "Familiar images", labels, told.seen))
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
