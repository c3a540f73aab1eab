"""Says what retraining brought, in words and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import percent, share

from .lenets import FOOLING
from .rounds import FOOLED, SURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .plan import Plan
    from .rounds import Round

HEADS: Final = (
    "round",
    "images learnt",
    "right on real",
    "false alarms",
    "confidence: median, lowest to highest",
    "classes fooled",
    "images to 99 %",
)
CONFIDENCE: Final = 4
"""The place of the head whose cells need two lines, however wide the table is."""
LEGEND: Final = (
    f"False alarms are real images called {FOOLING!r}. A class is fooled if an image has it at "
    "50 % or more. Images to 99 %: how many were shown until the median over classes was 99 %."
)


def cells(each: Round, classes: int) -> list[str]:
    """Write a round's figures, one for each of the heads; some have two lines."""
    judged = each.judgement
    alarms = f"{judged.alarms:,} of\n{judged.images:,}" if each.network else "-"
    start = [f"{each.number}", f"{each.learnt:,}", share(judged.accuracy, 2), alarms]
    if not each.runs:
        return [*start, "not tried", "", ""]
    held = each.fooled * classes
    lowest = percent(float(each.confidences.min()))
    return [
        *start,
        f"{percent(each.median)}\n{lowest} to {percent(each.highest)}",
        f"{held:.0f} of\n{classes:,}" if held == round(held) else f"{held:.1f} of\n{classes:,}",
        f"{each.images_to_sure:,.0f}" if np.isfinite(each.images_to_sure) else "not\nreached",
    ]


def headline(rounds: Sequence[Round]) -> str:
    """Say in a sentence whether the network is still fooled."""
    fooled = [each for each in rounds if each.runs]
    first, last = fooled[0], fooled[-1]
    if last.number == 1:
        return f"Before any retraining, the median confidence is {percent(first.median)}."
    times = {2: "once", 3: "twice"}.get(last.number, f"{last.number - 1} times")
    change = f"median confidence {percent(first.median)} before, {percent(last.median)} after"
    if last.safe:
        return f"Retrained {times}, the network is not fooled any more: {change}."
    if last.median >= SURE:
        return f"Retrained {times}, the network is still fooled: {change}."
    if last.median >= FOOLED:
        return f"Retrained {times}, the network is still fooled, but less surely: {change}."
    return f"Retrained {times}, the network is rarely fooled: {change}."


def course(rounds: Sequence[Round]) -> list[str]:
    """Say when the network was first rarely fooled, and how much harder it got."""
    fooled = [each for each in rounds if each.runs]
    told = []
    if (low := next((e for e in fooled if e.median < FOOLED), None)) and fooled[0] is not low:
        told.append(f"The median was first under 50 % in round {low.number}.")
    safe = [each.number for each in fooled if each.safe]
    if safe:
        told.append(
            f"No search found an image at 50 % or more in {len(safe)} of {len(fooled)} rounds, "
            f"first in round {safe[0]}."
        )
    seen = fooled[-1].judgement
    if fooled[-1].learnt and 2 * seen.alarms > seen.images:
        told.append(
            f"But it calls {seen.alarms:,} of {seen.images:,} real images {FOOLING!r}. Whoever "
            "calls everything so is never fooled: give it more real images to learn from."
        )
    first, last = fooled[0].images_to_sure, fooled[-1].images_to_sure
    if len(fooled) > 1 and np.isfinite(first):
        then = f"{last:,.0f}" if np.isfinite(last) else f"more than {fooled[-1].images:,}"
        told.append(
            f"A median of 99 % took {first:,.0f} images in round 1, and {then} in round "
            f"{fooled[-1].number}."
        )
    return told


def too_few_right(plan: Plan, rounds: Sequence[Round]) -> str | None:
    """Say that the last network recognises too few real images, if it does."""
    last = rounds[-1]
    if last.runs:
        return None
    return (
        f"round {last.number}: the network recognises {share(last.judgement.accuracy, 2)} of real "
        f"images, less than {share(plan.least_accuracy, 2)}; fooling it would show nothing. Train "
        "for more --epochs in another folder, or give a lower --least-accuracy to go on"
    )


def notes(plan: Plan, rounds: Sequence[Round]) -> list[str]:
    """Say what to bear in mind."""
    fooled = [each for each in rounds if each.runs]
    searches = "a search" if plan.searches == 1 else f"{plan.searches} searches"
    images = fooled[-1].images
    text = (
        f"Each round has {searches} of up to {images:,} images. Confidences are those of the "
        "images found for each class; not fooled means not fooled within this budget."
    )
    if plan.searches > 1:
        text += " The median is the median of the searches' medians."
    took = (
        f"The first retrained network learnt {plan.first_images:,} fooling images, each further "
        f"one {plan.more_images:,} more: half as in a first generation, half from the last one."
    )
    if plan.also:
        took += f" It learnt {sum(map(len, plan.also)):,} images of finished runs, too."
    return [LEGEND, text, took]


def to_json(plan: Plan, rounds: Sequence[Round]) -> dict[str, Any]:
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
        "notes": notes(plan, rounds),
    }


def _round(each: Round) -> dict[str, Any]:
    judged = each.judgement
    told: dict[str, Any] = {
        "round": each.number,
        "network": None if each.network is None else str(each.network),
        "fooling_images": each.learnt,
        "accuracy": judged.accuracy,
        "real_images": judged.images,
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
