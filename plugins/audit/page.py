"""The card as a page: one HTML file with pictures of the classes that fell, and that resist."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import RunError, level, percent, share
from neatfool.present import (
    Picture,
    Steps,
    draw_figure,
    embed_png,
    embed_svg,
    steps,
    write_page,
)

from . import wording
from .found import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import Run

    from .card import Beside, Card, Moment, OfClass

LARGEST: Final = 200
"""Pixels of a picture's longer side."""
SMALL: Final = 64
"""Images up to this many pixels are shown with their pixels."""


@dataclass(frozen=True)
class Shown:
    """A class with its image; None if it never had one."""

    of: OfClass
    picture: Picture | None
    confidence: str


def write_card(card: Card, runs: Sequence[Run], path: Path) -> Path:
    """Write the card as one HTML file that needs nothing beside it, and no network.

    Args:
        card: The card.
        runs: Its runs; the first one's images are shown.
        path: The file.

    Raises:
        StorageError: The file cannot be written.
    """
    content: dict[str, Any] = {
        "card": card,
        "words": wording,
        "tables": [table for table in wording.tables(card) if table[0] != wording.CLASSES],
        "falling": embed_svg(falling(card.course)),
        "rising": embed_svg(rising(card.course, card.beside)),
        "classes": [
            ("These fell first", [_show(runs[0], each) for each in card.first]),
            ("These resist most", [_show(runs[0], each) for each in card.last[::-1]]),
        ],
        "pixelated": max(card.classifier.height, card.classifier.width) <= SMALL,
    }
    return write_page(path, Path(__file__).with_name("page.html.j2"), content)


def _show(run: Run, of: OfClass) -> Shown:
    try:
        elite = run.elite(of.index)
    except RunError:
        return Shown(of, None, "no image")
    return Shown(of, embed_png(elite.png, LARGEST), percent(elite.confidence, elite.rank))


def falling(course: Sequence[Moment]) -> bytes:
    """Draw the share of classes at 50, 90 and 99 % over the images of a seed."""
    images = np.array([moment.images for moment in course])
    lines = []
    for place, least in enumerate(LEVELS):
        shares = np.array([moment.shares[place] for moment in course])
        lines.append(Steps(images, shares, f"≥ {level(least)}:  {share(shares[-1])}", place))
    return draw_figure(steps(lines, "shares", images))


def rising(course: Sequence[Moment], beside: Sequence[Beside]) -> bytes:
    """Draw the median confidence, with its range over seeds, and marks for known networks."""
    images = np.array([moment.images for moment in course])
    median, *band = np.array([(each.median, each.lowest, each.highest) for each in course]).T
    lines = [Steps(images, median, percent(median[-1]), 0, np.stack(band))]
    for place, each in enumerate([one for one in beside if not one.differs][:3], 1):
        name = each.name.removeprefix("efficientnet-")
        lines.append(Steps(np.array([each.images]), np.array([each.theirs]), name, place))
    return draw_figure(steps(lines, "confidences", images))
