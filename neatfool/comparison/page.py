"""The page of a comparison: one HTML file with all figures and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.comparison.comparison import TESTED, log_odds
from neatfool.comparison.curves import confidence_course, course
from neatfool.comparison.heat_map import heat_map, heat_scale
from neatfool.comparison.series import MEASURES, THRESHOLDS
from neatfool.comparison.verdict import verdict
from neatfool.comparison.wording import (
    in_words,
    name_of,
    pair_in_words,
    short_name_of,
    value_in_words,
)
from neatfool.replicates.seed_list import format_seeds
from neatfool.report import pictures
from neatfool.report.charts.keys import colour_of, key_of, stroke_of
from neatfool.report.page import asset, page_environment
from neatfool.report.saving import save

if TYPE_CHECKING:
    from pathlib import Path

    from neatfool.comparison.comparison import Comparison, Snapshot

MOST_CLASSES: Final = 24
"""Up to so many classes are listed; of more the easiest, the hardest and those that differ."""
SOME_CLASSES: Final = 8
SURE: Final = 0.9999
"""Where single classes are listed, what is above is told as that."""
WIDE: Final = 1080
NARROW: Final = 520


@dataclass(frozen=True)
class ClassTable:
    """Some classes, with their confidence in each group."""

    title: str
    rows: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class SnapshotTable:
    """The groups at an equal number of images, in words."""

    evaluations: int
    heads: list[str]
    rows: list[tuple[str, list[str]]]
    pairs: list[tuple[str, list[str]]]


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write a comparison: one HTML file that needs nothing beside it, and no network.

    Args:
        comparison: The groups.
        path: The file.

    Returns:
        The file.

    Raises:
        StorageError: The file cannot be written.
    """
    template = page_environment().get_template("comparison.html.j2")
    return save(path, template.render(_content(comparison)).encode())


def _content(comparison: Comparison) -> dict[str, Any]:
    groups = comparison.groups
    return {
        "title": " · ".join(dict.fromkeys(group.label for group in groups)),
        "verdict": verdict(comparison),
        "groups": [
            {
                "key": key_of(place),
                "line": _line(place),
                "label": group.label,
                "seeds": format_seeds(group.seeds),
                "runs": len(group.runs),
                "images": sorted({run.length for run in group.runs}),
                "classes": len(group.first.classes),
                "target": group.first.target,
            }
            for place, group in enumerate(groups)
        ],
        "keys": [key_of(place) for place in range(len(groups))],
        "options": comparison.options,
        "notes": comparison.notes,
        "snapshots": [_snapshot(comparison, each) for each in comparison.snapshots],
        "tested": [short_name_of(measure) for measure in TESTED],
        "curves": _curves(comparison),
        "thresholds": [(measure, name_of(measure)) for measure in THRESHOLDS],
        "maps": _maps(comparison),
        "scale": pictures.drawing(heat_scale()),
        "classes": _classes(comparison),
        "style": asset("report.css") + asset("comparison.css"),
    }


def _line(place: int) -> str:
    """Draw a piece of a group's line."""
    stroke = stroke_of(place)
    dashes = "" if isinstance(stroke, str) else " ".join(f"{2 * part:g}" for part in stroke[1])
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="44" height="12"><style></style>'
        f'<path d="M2 6H42" stroke="{colour_of(place)}" stroke-width="3" '
        f'stroke-dasharray="{dashes}"/></svg>'
    )
    return pictures.drawing(svg.encode())


def _snapshot(comparison: Comparison, snapshot: Snapshot) -> SnapshotTable:
    places = range(len(comparison.groups))
    pairs = dict.fromkeys((each.first, each.second) for each in snapshot.differences)
    return SnapshotTable(
        snapshot.evaluations,
        [f"{key_of(place)} (n = {snapshot.n(place)})" for place in places],
        [
            (name_of(measure), [in_words(measure, each) for each in snapshot.summaries[measure]])
            for measure in MEASURES
        ],
        [
            (
                f"{key_of(first)} : {key_of(second)}",
                [
                    pair_in_words(each.test)
                    for each in snapshot.differences
                    if (each.first, each.second) == (first, second)
                ],
            )
            for first, second in pairs
        ],
    )


def _curves(comparison: Comparison) -> dict[str, str]:
    drawn = {"median": confidence_course(comparison, "median")}
    small = [measure for measure in MEASURES if measure not in {"median", "mean", "minimum"}]
    drawn |= {measure: course(comparison, measure) for measure in small}
    return {name: pictures.drawing(svg) for name, svg in drawn.items()}


def _maps(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Draw each group's heat map: key, label and picture."""
    width = WIDE if len(comparison.groups) == 1 else NARROW
    drawn = []
    for place, group in enumerate(comparison.groups):
        order = comparison.orders[place]
        names = [group.first.classes[index] for index in order]
        svg = heat_map(comparison.maps[place][order], comparison.grid, names, width=width)
        drawn.append((key_of(place), group.label, pictures.drawing(svg)))
    return drawn


def _classes(comparison: Comparison) -> list[ClassTable]:
    """List the classes, or some of them, at the last point; none where groups have other ones."""
    if not comparison.same_classes:
        return []
    here = np.array([comparison.points[-1]])
    confidences = np.stack([group.by_class(here)[:, 0] for group in comparison.groups])
    order = comparison.orders[0]
    if len(order) <= MOST_CLASSES:
        return [_class_table("All classes, the easiest first", comparison, order, confidences)]
    tables = [
        _class_table("The easiest", comparison, order[:SOME_CLASSES], confidences),
        _class_table("The hardest", comparison, order[: -SOME_CLASSES - 1 : -1], confidences),
    ]
    if len(comparison.groups) > 1:
        odds = log_odds(np.nan_to_num(confidences))
        apart = np.argsort(odds.min(0) - odds.max(0), kind="stable")[:SOME_CLASSES]
        tables.append(_class_table("The most different", comparison, apart, confidences))
    return tables


def _class_table(
    title: str, comparison: Comparison, chosen: np.ndarray, confidences: np.ndarray
) -> ClassTable:
    names = comparison.groups[0].first.classes
    rows = [
        (names[index], [_at_a_glance(float(each[index])) for each in confidences])
        for index in chosen
    ]
    return ClassTable(title, rows)


def _at_a_glance(confidence: float) -> str:
    """Write a confidence in few letters."""
    if confidence >= SURE:
        return f"≥ {100 * SURE:g} %"
    return value_in_words("median", confidence)
