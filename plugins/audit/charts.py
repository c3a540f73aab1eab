"""The course of an audit: how many classes had fallen after how many images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neatfool import level, percent, share
from neatfool.report import (
    LINE_COLOURS,
    decimal_odds,
    draw_figure,
    label_confidences,
    label_counts,
    label_ends,
    new_axes,
)

from .found import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .card import Beside, Moment


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
