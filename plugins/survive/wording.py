"""Survival in words, for the terminal, the page and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .changes import Change
    from .survival import Point, Survival


def share(part: float) -> str:
    """Write a share: ``"97 %"``."""
    return f"{100 * part:.0f} %"


def name_of(survival: Survival) -> str:
    """Name a run: ``"imagenet, seed 1"``."""
    return f"{survival.chosen.run.name}, seed {survival.chosen.run.seed}"


def subject(survival: Survival) -> str:
    """Say what was looked at."""
    chosen, run = survival.chosen, survival.chosen.run
    all_of = len(run)
    count = f"{len(chosen):,}" + (f" of {all_of:,}" if len(chosen) < all_of else "")
    return (
        f"{name_of(survival)}, after {run.evaluations:,} images: {count} "
        f"elite{'s' * (len(chosen) != 1)}, scored by "
        f"{'its own target' if survival.own else survival.target}"
    )


def as_saved(survival: Survival) -> str:
    """Say how the images do as they are."""
    saved = survival.saved
    return (
        f"As saved: median confidence {percent(saved.median)}; the class has the first place in "
        f"{int(saved.first.sum()):,} of {len(saved.first):,}."
    )


def in_words(change: Change, strength: float) -> str:
    """Write a change at a strength: ``"saved as JPEG (quality 75)"``."""
    if change.name == "drawn" and strength / change.harmless in (2, 4, 8):
        times = {2: "twice", 4: "four times", 8: "eight times"}[int(strength / change.harmless)]
        return f"drawn at {times} the size"
    return f"{change.what} ({change.at(strength)})"


def title(change: Change) -> str:
    """Begin a line with what a change is: ``"Saved as JPEG"``."""
    return change.what[0].upper() + change.what[1:]


def ranked(survival: Survival, like: Survival | None = None) -> list[tuple[Change, Point]]:
    """Give each change with its usual point, those that most survive first (in ``like``)."""
    order = (like or survival).usual
    places = sorted(range(len(order)), key=lambda place: -order[place][1].kept)
    return [survival.usual[place] for place in places]


def headline(survival: Survival) -> str:
    """Say in a sentence what survives, from the most to the least."""
    if not survival.saved.first.any():
        return "No image has its class in the first place as it was saved, so none can lose it."
    best = ranked(survival)
    shown = best if len(best) < 5 else [*best[:2], *best[-2:]]
    parts = [f"{share(point.kept)} {in_words(change, change.usual)}" for change, point in shown]
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    return f"Of the images whose class has the first place as saved, these keep it: {listed}."


def summary(survival: Survival) -> dict[str, object]:
    """Summarise it for the run's report."""
    run = survival.chosen.run
    most = f"{len(survival.chosen):,} elites" if len(survival.chosen) != 1 else "one elite"
    return {
        "title": "What survives",
        "text": f"What happens to images in the world was done to {most}, after "
        f"{run.evaluations:,} images. The bar is the share that keep their class in the first "
        "place; the figure beside it is their median confidence, "
        f"{percent(survival.saved.median)} as saved.",
        "bars": [
            {
                "name": in_words(change, change.usual),
                "share": round(point.kept, 4),
                "note": percent(point.median),
            }
            for change, point in ranked(survival)
        ],
    }


def notes(survivals: Sequence[Survival]) -> list[str]:
    """Say what to bear in mind."""
    told = [
        "Each change is made once to each image. Its direction (for ±: up or down) is drawn at "
        "random for each image, and is the same at all strengths."
    ]
    if any(not survival.own for survival in survivals):
        told.append(
            "The target is not the one that the images were evolved for, so some do not have their "
            "class in the first place even as saved."
        )
    if few := [each for each in survivals if len(each.chosen) < 50]:
        told.append(
            f"{' and '.join(dict.fromkeys(map(name_of, few)))}: with so few images a share is "
            f"rough; one image is {100 / min(len(each.chosen) for each in few):.0f} %."
        )
    return told
