"""Detections for programs: JSON, and comma-separated values."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from neatfool.ood import KEPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.ood import Detection

    from .seen import Seen

_HEADS: Final = (
    "run",
    "seed",
    "class",
    "index",
    "recorded",
    "detector",
    "score",
    *(f"passes_{100 * kept:g}" for kept in KEPT),
)


def to_json(detection: Detection) -> dict[str, Any]:
    """Describe what detectors say of some images."""
    known = detection.in_distribution
    return {
        "in_distribution": {
            "from": known.source,
            "fitted": len(known.fitted),
            "held_out": len(known.held_out),
            "divided": known.divided,
            "few": known.few,
        },
        "warning": detection.lacks or None,
        "images": len(detection.rows[0].fooling),
        "detectors": [
            {
                "name": row.name,
                "auroc": row.auroc,
                "at": [
                    {
                        "kept": kept,
                        "threshold": row.threshold(kept),
                        "passing": row.passing(kept),
                        "caught": int(row.caught(kept).sum()),
                    }
                    for kept in KEPT
                ],
            }
            for row in detection.rows
        ],
        "left_out": detection.left_out,
    }


def runs_to_json(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """Describe what detectors say of the images of runs."""
    return [
        {
            "path": str(each.run.path),
            "name": each.run.name,
            "seed": each.run.seed,
            "guarded": each.guarded,
            "median_confidence": each.median,
            **to_json(each.detection),
        }
        for each in seen
    ]


def to_csv(seen: Sequence[Seen]) -> str:
    """Write a row for each image and detector."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADS)
    for each in seen:
        for row in each.detection.rows:
            passes = [~row.caught(kept) for kept in KEPT]
            for number, elite in enumerate(each.elites):
                writer.writerow(
                    (
                        str(each.run.path),
                        each.run.seed,
                        elite.name,
                        elite.index,
                        elite.confidence,
                        row.name,
                        float(row.fooling[number]),
                        *(int(flags[number]) for flags in passes),
                    )
                )
    return text.getvalue()
