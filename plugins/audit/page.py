"""The card as a page: one HTML file with pictures of the classes that fell, and that resist."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import RunError, level, percent, share
from neatfool.present import (
    LINE_COLOURS,
    Picture,
    decimal_odds,
    draw_figure,
    embed_png,
    embed_svg,
    label_confidences,
    label_counts,
    label_ends,
    new_axes,
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
    drawn, axes = new_axes(520, 300, right=118, left=62)
    images = [moment.images for moment in course]
    ends = []
    for place, least in enumerate(LEVELS):
        shares = [moment.shares[place] for moment in course]
        colour = LINE_COLOURS[place]
        axes.step(
            images,
            shares,
            where="post",
            color=colour,
            linewidth=1.95,
            marker="o" if len(images) < 3 else "",
            clip_on=False,
        )
        ends.append((shares[-1], f"≥ {level(least)}:  {share(shares[-1])}", colour))
    axes.axhline(0.5, color=axes.spines["bottom"].get_edgecolor(), linewidth=1.5, zorder=0.5)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "half", "75 %", "all"])
    label_counts(axes, images)
    label_ends(axes, ends)
    return draw_figure(drawn)


def rising(course: Sequence[Moment], beside: Sequence[Beside]) -> bytes:
    """Draw the median confidence, with its range over seeds, and marks for known networks."""
    drawn, axes = new_axes(520, 300, right=118, left=86)
    images = np.array([moment.images for moment in course])
    middle, low, high = (
        decimal_odds([getattr(moment, name) for moment in course])
        for name in ("median", "lowest", "highest")
    )
    colour = LINE_COLOURS[0]
    axes.fill_between(images, low, high, step="post", color=colour, alpha=0.2, linewidth=0)
    marker = "o" if len(images) < 3 else ""
    axes.step(
        images, middle, where="post", color=colour, linewidth=1.95, marker=marker, clip_on=False
    )
    ends = [(float(middle[-1]), percent(course[-1].median), colour)]
    shown = [float(low.min()), float(high.max())]
    for place, each in enumerate([one for one in beside if not one.differs][:3], 1):
        at = float(decimal_odds([each.theirs])[0])
        other = LINE_COLOURS[place % len(LINE_COLOURS)]
        axes.plot([each.images], [at], "o", color=other, markersize=6, clip_on=False, zorder=3)
        ends.append((at, each.name.removeprefix("efficientnet-"), other))
        shown.append(at)
    label_confidences(axes, min(shown), max(shown))
    label_counts(axes, images.tolist())
    label_ends(axes, ends)
    return draw_figure(drawn)
