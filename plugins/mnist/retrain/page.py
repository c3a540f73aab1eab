"""The page of a retraining: one HTML file with a chart, a table, and each round's images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import percent
from neatfool.present import (
    LINE_COLOURS,
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .plan import Plan
    from .rounds import Round

LARGEST: Final = 112
"""Pixels of a picture's longer side."""


def write_retraining(plan: Plan, rounds: Sequence[Round], path: Path) -> Path:
    """Write what came out: one HTML file that needs nothing beside it, and no network.

    Raises:
        StorageError: The file cannot be written.
    """
    fooled = [each for each in rounds if each.runs]
    content = {
        "words": wording,
        "plan": plan,
        "rounds": rounds,
        "classes": fooled[0].confidences.shape[1],
        "title": plan.experiment.name,
        "curve": embed_svg(confidences(fooled)),
        "strips": [_strip(each) for each in fooled],
        "notes": wording.notes(plan, rounds),
    }
    return write_page(path, Path(__file__).with_name("page.html.j2"), content)


def _strip(each: Round) -> dict[str, Any]:
    """Show the images of a round's first search."""
    return {
        "round": each,
        "cells": [
            {
                "name": elite.name,
                "confidence": percent(elite.confidence, elite.rank),
                "fooled": elite.confidence >= 0.5,
                "picture": embed_png(elite.png, LARGEST),
            }
            for elite in each.runs[0].elites
        ],
    }


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
