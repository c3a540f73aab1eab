"""Gathers what a gallery shows of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import percent, share
from neatfool.analysis import read_survival

from .formula import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neatfool import EliteView, Run
    from neatfool.analysis import KeptSurvival


def describe_run(
    run: Run, elites: Sequence[EliteView], more: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """Describe a run and its elites, without their formulas.

    Args:
        run: The run.
        elites: The elites.
        more: Further facts on elites, by their index.
    """
    kept = read_survival(run)
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
        "survival": kept
        and {
            "title": kept.title,
            "text": kept.text,
            "bars": [{"name": name, "kept": share(part)} for name, part, _ in kept.bars],
        },
        "elites": [describe_elite(elite, kept) | dict(more[elite.index]) for elite in elites],
    }


def describe_elite(elite: EliteView, kept: KeptSurvival | None) -> dict[str, Any]:
    """Describe an elite in a few words and figures, and with what is known to survive of it."""
    changes = kept.of(elite) if kept else {}
    survived = [
        [words, percent(changes[name][0]), changes[name][1]]
        for name, words in (kept.usual if kept else {}).items()
        if name in changes
    ]
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
        **({"survived": survived} if survived else {}),
    }
