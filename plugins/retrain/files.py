"""Retraining for programs: JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .wording import course, headline, notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .plan import Plan
    from .rounds import Round


def to_json(plan: Plan, rounds: Sequence[Round], more: Sequence[str]) -> dict[str, Any]:
    """Describe what came out of each round."""
    return {
        "folder": str(plan.folder),
        "experiment": str(plan.experiment.path),
        "target": str(plan.experiment.target.label),
        "searches": plan.searches,
        "first_images": plan.first_images,
        "more_images": plan.more_images,
        "least_accuracy": plan.least_accuracy,
        "seed": plan.seed,
        "finding": [headline(rounds), *course(rounds)],
        "rounds": [_round(each) for each in rounds],
        "notes": notes(plan, rounds, more),
    }


def _round(each: Round) -> dict[str, Any]:
    judged = each.judgement
    told: dict[str, Any] = {
        "round": each.number,
        "network": None if each.network is None else str(each.network),
        "fooling_images": each.learnt,
        "accuracy": judged.accuracy,
        "real_images": judged.images,
        "real_images_named": judged.named,
        "false_alarms": None if each.network is None else judged.alarms,
        "searches": [],
    }
    if each.runs:
        told |= {
            "median": each.median,
            "lowest": float(each.confidences.min()),
            "highest": each.highest,
            "fooled": each.fooled,
            "safe": each.safe,
            "images": each.images,
            "images_to_99": each.images_to_sure if np.isfinite(each.images_to_sure) else None,
        }
        told["searches"] = [
            {
                "run": str(run.path),
                "seed": run.seed,
                "median": float(median),
                "classes": {
                    run.classes[index]: float(confidence)
                    for index, confidence in zip(run.searched, confidences, strict=True)
                },
            }
            for run, median, confidences in zip(
                each.runs, each.medians, each.confidences, strict=True
            )
        ]
    return told
