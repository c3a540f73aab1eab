"""The page of a comparison: one HTML file with all figures and tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.report import decimal_odds, embed_svg, write_page

from . import wording
from .charts import course, heat_map, heat_scale
from .measures import MEASURES, TESTED

if TYPE_CHECKING:
    from .comparison import Comparison
    from .wording import Rows

MOST_CLASSES: Final = 24
"""All classes are listed up to this number; of more the easiest, the hardest, the most unlike."""
SOME_CLASSES: Final = 8
WIDE, NARROW = 1080, 520
"""CSS pixels across the page, and across one of two columns."""


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write a comparison: one HTML file that needs nothing beside it, and no network.

    Raises:
        StorageError: The file cannot be written.
    """
    return write_page(path, Path(__file__).with_name("page.html.j2"), _content(comparison))


def _content(comparison: Comparison) -> dict[str, Any]:
    drawn = ["median", *(key for key, each in MEASURES.items() if each.kind != "confidence")]
    return {
        "words": wording,
        "comparison": comparison,
        "title": " · ".join(dict.fromkeys(group.label for group in comparison.groups)),
        "keys": wording.keys_of(comparison),
        "tested": TESTED,
        "curves": {key: embed_svg(course(comparison, key)) for key in drawn},
        "thresholds": [measure for measure in MEASURES.values() if measure.kind == "classes"],
        "maps": _maps(comparison),
        "scale": embed_svg(heat_scale()),
        "classes": _classes(comparison),
    }


def _maps(comparison: Comparison) -> list[str]:
    """Draw each group's heat map."""
    width = WIDE if len(comparison.groups) == 1 else NARROW
    return [
        embed_svg(
            heat_map(
                known[order],
                comparison.grid,
                [group.classes[index] for index in order],
                width=width,
            )
        )
        for group, known, order in zip(
            comparison.groups, comparison.maps, comparison.orders, strict=True
        )
    ]


def _classes(comparison: Comparison) -> dict[str, Rows]:
    """List the classes, or some of them, at the last point; none where groups have other ones."""
    if not comparison.same_classes:
        return {}
    here = np.array([comparison.points[-1]])
    confidences = np.concatenate([group.by_class(here) for group in comparison.groups], axis=1)
    order = comparison.orders[0]
    chosen = {"All classes, the easiest first": order}
    if len(order) > MOST_CLASSES:
        chosen = {"The easiest": order[:SOME_CLASSES], "The hardest": order[::-1][:SOME_CLASSES]}
        if len(comparison.groups) > 1:
            apart = np.ptp(decimal_odds(np.nan_to_num(confidences)), axis=1)
            chosen["The most different"] = np.argsort(-apart, kind="stable")[:SOME_CLASSES]
    names, in_words = comparison.groups[0].classes, MEASURES["median"].in_words
    return {
        title: [(names[index], list(map(in_words, confidences[index]))) for index in places]
        for title, places in chosen.items()
    }
