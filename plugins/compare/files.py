"""A comparison for programs: as JSON, and as tables of comma-separated values."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .groups import options_that_differ
from .measures import MEASURES
from .wording import notes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .comparison import Comparison, Snapshot
    from .groups import Group

QUARTILES: Final = ("lower", "median", "upper")


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Say all of a comparison but the heat maps: what ``--json`` prints."""
    return {
        "groups": [_group(group) for group in comparison.groups],
        "differ_in": options_that_differ(comparison.groups),
        "notes": notes(comparison),
        "at": [_snapshot(comparison, each) for each in comparison.snapshots],
        "series": {
            "evaluations": comparison.grid.tolist(),
            "groups": [_series(group, comparison.grid) for group in comparison.groups],
        },
    }


def to_csv(comparison: Comparison) -> str:
    """Write each run's course over the common grid: a row for each number of images scored."""
    rows: list[list[Any]] = [["group", "seed", "evaluations", *MEASURES]]
    for group in comparison.groups:
        for run in group.runs:
            grid = comparison.grid[comparison.grid <= run.length]
            columns = [run.at(key, grid).tolist() for key in MEASURES]
            rows += (
                [group.label, run.seed, images, *(int(v) if v.is_integer() else v for v in values)]
                for images, *values in zip(grid.tolist(), *columns, strict=True)
            )
    return _csv(rows)


def classes_to_csv(comparison: Comparison) -> str:
    """Write the heat maps: a row for each class of each group, a column for each number of images.

    The values are medians over the seeds, with the nine digits that single precision has. They are
    empty where too few runs have come so far.
    """
    rows: list[list[Any]] = [["group", "class", *comparison.grid.tolist()]]
    for group, courses in zip(comparison.groups, comparison.maps, strict=True):
        for name, course in zip(group.classes, courses, strict=True):
            values = (f"{value:.9g}" if np.isfinite(value) else "" for value in course)
            rows.append([group.label, name, *values])
    return _csv(rows)


def _csv(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _group(group: Group) -> dict[str, Any]:
    return {
        "label": group.label,
        "name": group.first.name,
        "target": group.first.target,
        "fingerprint": group.first.fingerprint,
        "classes": len(group.classes),
        "runs": [
            {
                "path": str(run.path),
                "seed": run.seed,
                "evaluations": run.length,
                "finished": run.finished,
            }
            for run in group.runs
        ],
    }


def _snapshot(comparison: Comparison, snapshot: Snapshot) -> dict[str, Any]:
    groups = []
    for place, group in enumerate(comparison.groups):
        told: dict[str, Any] = {"label": group.label, "n": snapshot.n(place)}
        for key in MEASURES:
            known = _known(snapshot.quartiles(key, place))
            told[key] = dict(zip(QUARTILES, known, strict=True))
            told[key]["values"] = snapshot.values(key, place).tolist()
        medians = group.by_class(np.array([snapshot.evaluations]))[:, 0]
        told["classes"] = dict(zip(group.classes, _known(medians), strict=True))
        groups.append(told)
    tests = [
        {
            "first": comparison.groups[first].label,
            "second": comparison.groups[second].label,
            "measure": measure,
            **asdict(test),
            "first_ahead": test.u / test.pairs,
        }
        for (first, second), tests in snapshot.tests.items()
        for measure, test in tests.items()
    ]
    return {"evaluations": snapshot.evaluations, "groups": groups, "tests": tests}


def _series(group: Group, grid: np.ndarray) -> dict[str, Any]:
    n = np.isfinite(group.at("median", grid)).sum(0).tolist()
    numbers = {
        key: dict(zip(QUARTILES, map(_known, group.quartiles(key, grid)), strict=True))
        for key in MEASURES
    }
    return {"label": group.label, "n": n, **numbers}


def _known(values: Iterable[float]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
