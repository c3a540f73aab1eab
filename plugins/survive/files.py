"""Survival for programs: JSON, comma-separated values, and the file that a report shows."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from neatfool.report import save

from .wording import in_words, summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .survival import Point, Survival

FILE: Final = "survival.json"
TABLE: Final = "survival.csv"
_HEADS: Final = ("run", "seed", "class", "kind", "strength", "unit", "confidence", "first")


def to_json(survival: Survival) -> dict[str, Any]:
    """Describe a run's survival."""
    chosen, run = survival.chosen, survival.chosen.run
    return {
        "path": str(run.path),
        "name": run.name,
        "seed": run.seed,
        "evaluations": run.evaluations,
        "target": survival.target,
        "own_target": survival.own,
        "elites": len(chosen),
        "elites_of_run": len(run),
        "random_seed": survival.seed,
        "as_saved": _point(survival.saved),
        "kinds": [
            {
                "name": change.name,
                "what": change.what,
                "unit": change.unit,
                "harmless": change.harmless,
                "signed": change.signed,
                "points": [
                    {
                        "strength": strength,
                        **_point(point),
                        "kept": point.kept,
                    }
                    for strength, point in zip(change.strengths, points, strict=True)
                ],
            }
            for change, points in survival.curves
        ],
    }


def _point(point: Point) -> dict[str, Any]:
    lower, upper = point.quartiles
    return {
        "median": point.median,
        "lower_quartile": lower,
        "upper_quartile": upper,
        "top1": point.top1,
    }


def to_csv(survivals: Sequence[Survival]) -> str:
    """Write a row for each image at each strength; the kind of those as saved is ``saved``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADS)
    for survival in survivals:
        writer.writerows(_rows(survival))
    return text.getvalue()


def _rows(survival: Survival) -> Iterator[tuple[object, ...]]:
    run, elites = survival.chosen.run, survival.chosen.elites

    def of(point: Point, kind: str, strength: object, unit: str) -> Iterator[tuple[object, ...]]:
        for elite, confidence, first in zip(elites, point.confidences, point.first, strict=True):
            place = (str(run.path), run.seed, elite.name)
            yield *place, kind, strength, unit, float(confidence), int(first)

    yield from of(survival.saved, "saved", "", "")
    for change, points in survival.curves:
        for strength, point in zip(change.strengths, points, strict=True):
            yield from of(point, change.name, strength, change.unit)


def keep(survival: Survival) -> Path:
    """Write survival.json and survival.csv into the run's folder.

    Its report and galleries look for the one, and ``neatfool export`` for the other.

    Raises:
        StorageError: It cannot be written.
    """
    told = {"report": summary(survival), **to_json(survival), "images": _by_image(survival)}
    save(survival.chosen.run.path / TABLE, to_csv([survival]).encode())
    return save(survival.chosen.run.path / FILE, f"{json.dumps(told, indent=1)}\n".encode())


def _by_image(survival: Survival) -> dict[str, list[tuple[str, float, bool]]]:
    """Give for each class the changes at their usual strength: confidence, and first or not."""
    return {
        elite.name: [
            (in_words(change, change.usual), round(float(point.confidences[row]), 6), first)
            for change, point in survival.usual
            for first in [bool(point.first[row])]
        ]
        for row, elite in enumerate(survival.chosen.elites)
    }
