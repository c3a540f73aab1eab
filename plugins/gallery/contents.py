"""Gathers what a gallery shows of a run."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import percent

from .formula import formula, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neatfool import Ancestor, EliteView, Run

SURVIVAL: Final = "survival.json"
"""What ``neatfool survive --report`` leaves in a run's folder."""

ROUGH: Final = 6
"""The figures of an ancestor's numbers: it is looked at for a moment, and there are many."""


def describe_run(run: Run, elites: Sequence[EliteView]) -> dict[str, Any]:
    """Describe a run and its elites, without their formulas."""
    survival = read_survival(run)
    target = run.experiment.get("target", {})
    return {
        "name": run.name,
        "seed": run.seed,
        "folder": run.path.resolve().name,
        "about": run.about,
        "target": str(target.get("model") or target.get("plugin") or run.name),
        "images": run.evaluations,
        "generation": run.generation,
        "classes": len(run.searched),
        "width": run.spec.width,
        "height": run.spec.height,
        "drawing": settings_of(run),
        "survival": survival.get("report"),
        "elites": [describe_elite(elite, survival.get("images", {})) for elite in elites],
    }


def describe_elite(elite: EliteView, survived: Mapping[str, Any]) -> dict[str, Any]:
    """Describe an elite in a few words and figures."""
    return {
        "index": elite.index,
        "name": elite.name,
        "confidence": float(f"{elite.confidence:.9g}"),
        "rank": float(f"{elite.rank:.9g}"),
        "sure": percent(elite.confidence, elite.rank),
        "generation": elite.generation,
        "candidate": elite.candidate_id,
        "parents": [*elite.parents],
        "nodes": elite.size.nodes,
        "connections": elite.size.connections,
        "file": elite.file.name,
        **({"survived": survived[elite.name]} if elite.name in survived else {}),
    }


def read_survival(run: Run) -> dict[str, Any]:
    """Read what survives, if it was measured; nothing of a file that is another program's."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads((run.path / SURVIVAL).read_text(encoding="utf-8"))
        report, images = told["report"], told.get("images", {})
        return {
            "report": {
                "title": str(report["title"]),
                "text": str(report["text"]),
                "bars": [
                    {"name": str(bar["name"]), "share": float(bar["share"]), "note": bar["note"]}
                    for bar in report["bars"]
                ],
            },
            "images": {
                str(name): [[str(what), float(sure), bool(first)] for what, sure, first in rows]
                for name, rows in images.items()
            },
        }
    return {}


def line_of(run: Run, elite: EliteView, most: int) -> list[dict[str, Any]]:
    """Give an elite's line, from the random network of generation 0 to itself.

    Args:
        run: The run.
        elite: The elite.
        most: How many to give; they are chosen evenly, the first and the last included.
    """
    line = run.lineage(elite.index)[::-1]
    places = np.linspace(0, len(line) - 1, min(len(line), max(most, 1))).round()
    return [_step(line[int(place)], int(place)) for place in places]


def _step(ancestor: Ancestor, place: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "place": place,
        "candidate": ancestor.candidate_id,
        "generation": ancestor.generation,
        "formula": formula(ancestor.graph(), ROUGH),
    }
    if ancestor.name is not None and ancestor.confidence is not None:
        told["name"] = ancestor.name
        told["sure"] = percent(ancestor.confidence, ancestor.rank or 0.0)
    return told
