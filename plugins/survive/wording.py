"""Survival in words, for the terminal, the page and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool import percent, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .changes import Change
    from .survival import Point, Survival

FEW: Final = 50
"""Of fewer images, one is more than 2 %."""


def name_of(survival: Survival) -> str:
    """Name a run: ``"imagenet, seed 1"``."""
    return f"{survival.chosen.run.name}, seed {survival.chosen.run.seed}"


def looked_at(survival: Survival) -> str:
    """Say what was looked at."""
    chosen, run = survival.chosen, survival.chosen.run
    all_of = len(run)
    count = f"{len(chosen):,}" + (f" of {all_of:,}" if len(chosen) < all_of else "")
    return (
        f"{count} elite{'s' * (len(chosen) != 1)} after {run.evaluations:,} images, scored by "
        f"{'its own target' if survival.own else survival.target}; median confidence as saved "
        f"{percent(survival.saved.median)}."
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
    first = int(survival.saved.first.sum())
    return (
        f"{first:,} of {len(survival.chosen):,} images have their class in the first place as "
        f"saved. Of these {first:,} keep it: {listed}."
    )


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
                "share": point.kept,
                "note": percent(point.median),
            }
            for change, point in ranked(survival)
        ],
    }


def limits(survival: Survival) -> Iterator[str]:
    """Say what limits the figures."""
    first = int(survival.saved.first.sum())
    if 0 < first < FEW:
        yield f"With so few images a share is rough: one image is {share(1 / first)}."
    if not survival.own:
        yield (
            "The target is not the one that the images were evolved for, so some do not have their "
            "class in the first place even as saved."
        )


NOTE: Final = (
    "Each change is made once to each image. Its direction (for ±: up or down) is drawn at random "
    "for each image, and is the same at all strengths."
)
"""What to bear in mind."""
