"""The course over the rounds as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neatfool import percent
from neatfool.report import (
    LINE_COLOURS,
    decimal_odds,
    draw_figure,
    label_confidences,
    label_counts,
    label_ends,
    new_axes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .rounds import Round


def confidences(rounds: Sequence[Round]) -> bytes:
    """Draw the median confidence of each round, and the lowest and highest thinly."""
    drawn, axes = new_axes(1080, 400, right=190, left=84)
    numbers = [each.number for each in rounds]
    lines = (
        ("highest", [each.highest for each in rounds], LINE_COLOURS[1], 0.9),
        ("median", [each.median for each in rounds], LINE_COLOURS[0], 2.1),
        ("lowest", [float(each.confidences.min()) for each in rounds], LINE_COLOURS[2], 0.9),
    )
    ends = []
    for name, values, colour, width in lines:
        odds = decimal_odds(values)
        axes.plot(numbers, odds, color=colour, linewidth=width, marker="o", markersize=2 + width)
        ends.append((float(odds[-1]), f"{name}  {percent(values[-1])}", colour))
    for each in rounds:
        odds = decimal_odds(each.medians)
        axes.plot([each.number] * len(odds), odds, "_", color=LINE_COLOURS[0], markersize=7)
    shown = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])
    label_confidences(axes, float(shown.min()), float(shown.max()))
    label_counts(axes, numbers, "round")
    axes.set_xlim(numbers[0] - 0.3, max(numbers[-1], 2) + 0.1)
    label_ends(axes, ends)
    return draw_figure(drawn)
