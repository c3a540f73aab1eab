"""What a detection says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool import level, share
from neatfool.ood import KEPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.ood import Detection, Row

    from .seen import Seen

TITLES: Final = {
    "msp": "largest probability",
    "max_logit": "largest logit",
    "energy": "energy of the logits",
    "entropy": "entropy",
    "gen": "generalised entropy",
    "knn": "nearest neighbours",
    "mahalanobis": "Mahalanobis distance",
    "vim": "virtual logit",
}
"""What each detector looks at, in short."""


def title(name: str) -> str:
    """Say in short what a detector looks at."""
    return TITLES.get(name, "of the package pytorch-ood" if ":" in name else "")


def name_of(seen: Seen) -> str:
    """Call a run by its name and seed."""
    return f"{seen.run.name}, seed {seen.run.seed}"


def levels(detection: Detection) -> list[float]:
    """Give the shares of in-distribution images that are to pass, as so few images can tell.

    Twenty tell 95 %, and a hundred 99 %. Of fewer than twenty, all are to pass.
    """
    count = len(detection.in_distribution.held_out)
    return [kept for kept in KEPT if round(count * (1 - kept), 6) >= 1] or [1.0]


def subject(seen: Seen) -> str:
    """Say what was looked at."""
    count = len(seen.elites)
    guard = f", evolved against the detector {seen.guarded}" if seen.guarded else ""
    return (
        f"{name_of(seen)}: {count:,} fooling image{'s' * (count != 1)}, median confidence "
        f"{seen.median_in_words}{guard}"
    )


def passing(row: Row, kept: float) -> str:
    """Say how many images pass: ``"3 of 10 (30 %)"``."""
    count = len(row.fooling)
    passed = count - int(row.caught(kept).sum())
    return f"{passed:,} of {count:,} ({share(row.passing(kept))})"


def head(kept: float) -> str:
    """Say what a column of :func:`passing` is."""
    return f"pass at {level(kept)}"


def headline(seen: Seen) -> str:
    """Say in a sentence or two what the detectors would have caught, if so few images can tell."""
    detection = seen.detection
    known, usual = len(detection.in_distribution.held_out), levels(detection)[0]
    if usual == 1:
        return (
            f"Only {known:,} in-distribution images are known: too few to say what a detector "
            "would catch. Give more with --in-distribution FOLDER: twenty at least, better a "
            "thousand."
        )
    row = detection.best
    caught = int(row.caught(usual).sum())
    lowest = min(detection.rows, key=lambda each: each.auroc)
    return (
        f"Judged by {known:,} in-distribution images, of which it may reject {level(1 - usual)}, "
        f"the best detector, {row.name}, catches {caught:,} of {len(row.fooling):,} "
        f"({share(caught / len(row.fooling))}; AUROC {row.auroc:.3f}). The worst, {lowest.name}, "
        f"has an AUROC of {lowest.auroc:.3f}."
    )


def limits(seen: Sequence[Seen]) -> list[str]:
    """Say what limits the figures."""
    found = [each.detection for each in seen]
    return [
        *dict.fromkeys(
            text for each in found for text in (each.lacks, each.in_distribution.describe()) if text
        )
    ]


def notes(seen: Sequence[Seen]) -> list[str]:
    """Say what to bear in mind."""
    found = [each.detection for each in seen]
    reasons: dict[str, dict[str, None]] = {}
    for each in found:
        for name, why in each.left_out.items():
            reasons.setdefault(why, {})[name] = None
    left = [f"Left out: {', '.join(names)}. Reason: {why}." for why, names in reasons.items()]
    return [
        "Pass at 95 % is the share of fooling images that pass where 95 % of in-distribution ones "
        "do: the false-positive rate.",
        "AUROC is how often a fooling image looks more outlying than an in-distribution one: 1 is "
        "always, 0.5 is chance, and less means that fooling images look more usual than real ones.",
        "The images were not made to pass these detectors, unless the run's target was guarded: "
        "who knows the detector can search against it, too.",
        *left,
    ]
