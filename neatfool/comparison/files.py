"""A comparison for programs: as JSON, and as tables of comma-separated values."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.comparison.series import MEASURES

if TYPE_CHECKING:
    from neatfool.comparison.comparison import Comparison, Difference, Snapshot
    from neatfool.comparison.groups import Group, Summary
    from neatfool.spec.json import Json


def to_json(comparison: Comparison) -> dict[str, Json]:
    """Say all of a comparison but the heat maps: what ``--json`` prints."""
    return {
        "groups": [_group(group) for group in comparison.groups],
        "differ_in": comparison.options,
        "notes": comparison.notes,
        "at": [_snapshot(comparison, each) for each in comparison.snapshots],
        "series": {
            "evaluations": comparison.grid.tolist(),
            "groups": [_series(group, comparison.grid) for group in comparison.groups],
        },
    }


def to_csv(comparison: Comparison) -> str:
    """Write each run's course over the common grid: a row for each number of images scored."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["group", "seed", "evaluations", *MEASURES])
    for group in comparison.groups:
        for run in group.runs:
            grid = comparison.grid[comparison.grid <= run.length]
            columns = [run.at(measure, grid).tolist() for measure in MEASURES]
            for evaluations, *values in zip(grid.tolist(), *columns, strict=True):
                table.writerow([group.label, run.seed, evaluations, *map(_plain, values)])
    return text.getvalue()


def classes_to_csv(comparison: Comparison) -> str:
    """Write the heat maps: a row for each class of each group, a column for each number of images.

    The values are medians over the seeds, and empty where too few runs have come so far.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["group", "class", *comparison.grid.tolist()])
    for group, confidences in zip(comparison.groups, comparison.maps, strict=True):
        for name, course in zip(group.first.classes, confidences.tolist(), strict=True):
            table.writerow([group.label, name, *map(_short, course)])
    return text.getvalue()


def _group(group: Group) -> dict[str, Json]:
    return {
        "label": group.label,
        "name": group.first.name,
        "target": group.first.target,
        "fingerprint": group.first.fingerprint,
        "classes": len(group.first.classes),
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


def _snapshot(comparison: Comparison, snapshot: Snapshot) -> dict[str, Json]:
    here = np.array([snapshot.evaluations])
    groups = []
    for place, group in enumerate(comparison.groups):
        confidences = group.by_class(here)[:, 0]
        told: dict[str, Json] = {"label": group.label, "n": snapshot.n(place)}
        for measure in MEASURES:
            summary = _numbers(snapshot.summaries[measure][place])
            told[measure] = {name: values[0] for name, values in summary.items()}
            told[measure]["values"] = snapshot.values[measure][place].tolist()
        told["classes"] = dict(zip(group.first.classes, map(_known, confidences), strict=True))
        groups.append(told)
    return {
        "evaluations": snapshot.evaluations,
        "groups": groups,
        "tests": [_test(comparison, each) for each in snapshot.differences if each.test],
    }


def _test(comparison: Comparison, difference: Difference) -> dict[str, Json]:
    assert difference.test is not None
    return {
        "first": comparison.groups[difference.first].label,
        "second": comparison.groups[difference.second].label,
        "measure": difference.measure,
        "n": list(difference.test.n),
        "u": difference.test.u,
        "p": difference.test.p,
        "least_p": difference.test.least_p,
        "first_ahead": difference.test.ahead,
    }


def _series(group: Group, grid: np.ndarray) -> dict[str, Json]:
    summaries = {measure: group.summary(measure, grid) for measure in MEASURES}
    return {
        "label": group.label,
        "n": summaries["median"].n.tolist(),
        **{measure: _numbers(summary) for measure, summary in summaries.items()},
    }


def _numbers(summary: Summary) -> dict[str, list[float | None]]:
    return {
        name: [_known(value) for value in getattr(summary, name)]
        for name in ("median", "lower", "upper")
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _short(confidence: float) -> str:
    """Write a confidence with the digits that single precision has."""
    return f"{confidence:.9g}" if np.isfinite(confidence) else ""


def _plain(value: float) -> Any:
    return int(value) if value == int(value) else value
