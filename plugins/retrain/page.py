"""The page of a retraining: one HTML file with a chart, a table, and each round's images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import percent
from neatfool.report import embed_png, embed_svg, write_page

from . import wording
from .charts import confidences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .plan import Plan
    from .rounds import Round

LARGEST: Final = 112
"""Pixels of a picture's longer side."""
SMALL: Final = 64
"""Images up to this many pixels are shown with their pixels."""
SHOWN: Final = 10
"""Images of each round: the ten digits, or ten of many classes."""


def write_retraining(plan: Plan, rounds: Sequence[Round], more: Sequence[str], path: Path) -> Path:
    """Write what came out: one HTML file that needs nothing beside it, and no network.

    Raises:
        StorageError: The file cannot be written.
    """
    fooled = [each for each in rounds if each.runs]
    spec = fooled[0].runs[0].spec
    content = {
        "words": wording,
        "plan": plan,
        "rounds": rounds,
        "classes": fooled[0].confidences.shape[1],
        "title": plan.experiment.name,
        "curve": embed_svg(confidences(fooled)),
        "pixelated": max(spec.height, spec.width) <= SMALL,
        "strips": [_strip(each) for each in fooled],
        "notes": wording.notes(plan, rounds, more),
    }
    return write_page(path, Path(__file__).with_name("page.html.j2"), content)


def _strip(each: Round) -> dict[str, Any]:
    """Show the images of a round's first search, of evenly spaced classes."""
    elites = each.runs[0].elites
    step = max(1, len(elites) // SHOWN)
    return {
        "round": each,
        "cells": [
            {
                "name": elite.name,
                "confidence": percent(elite.confidence, elite.rank),
                "fooled": elite.confidence >= 0.5,
                "picture": embed_png(elite.png, LARGEST),
            }
            for elite in elites[::step][:SHOWN]
        ],
    }
