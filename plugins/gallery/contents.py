"""Gathers what a gallery shows of a run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from neatfool import percent, read_json, share

from .formula import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neatfool import EliteView, Run

SURVIVAL: Final = "survival.json"
"""What ``neatfool survive --report`` leaves in a run's folder."""


def describe_run(
    run: Run, elites: Sequence[EliteView], more: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """Describe a run and its elites, without their formulas.

    Args:
        run: The run.
        elites: The elites.
        more: Further facts on elites, by their index.
    """
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
        "elites": [
            describe_elite(elite, survival.get("images", {})) | dict(more[elite.index])
            for elite in elites
        ],
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
        **({"survived": survived[elite.name]} if elite.name in survived else {}),
    }


def read_survival(run: Run) -> dict[str, Any]:
    """Read what survives, if it was measured; nothing of a file that is another program's."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = read_json(run.path / SURVIVAL)
        report, images = told["report"], told.get("images", {})
        return {
            "report": {
                "title": str(report["title"]),
                "text": str(report["text"]),
                "bars": [
                    {"name": str(bar["name"]), "kept": share(bar["share"])}
                    for bar in report["bars"]
                ],
            },
            "images": {
                str(name): [[str(what), percent(sure), bool(first)] for what, sure, first in rows]
                for name, rows in dict(images).items()
            },
        }
    return {}
