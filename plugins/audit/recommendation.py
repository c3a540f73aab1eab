"""The recommended threshold: fitted to meaningless images, and judged by those of other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import Field
from scipy.special import expit, logit

from neatfool.measure import LIMIT, Estimate
from neatfool.present import Facts
from neatfool.wording import format_seeds

from .confidence import EVOLVED, KNOWN, ConfidenceRecord

ROUNDING: Final = 0.02
"""At most this share of in-distribution images is lost so that a threshold has few digits."""


class HeldOutResult(Facts):
    """What the recommended threshold accepts of images that it was not fitted to."""

    seeds: list[int] = Field(description="the seeds that evolved them")
    accepted: dict[str, tuple[int, int]] = Field(
        description="for each kind of meaningless images, how many are accepted, and of how many"
    )

    def __str__(self) -> str:
        """Say how many evolved images pass."""
        passed, number = self.accepted[EVOLVED]
        part = Estimate.wilson(passed, number).as_share()
        seeds = f"seed{'s' * (len(self.seeds) > 1)} {format_seeds(self.seeds)}"
        return f"{passed:,} of {number:,} evolved images of {seeds}, {part}"


def fit_threshold(
    records: Sequence[ConfidenceRecord], most: float, seeds: Sequence[int]
) -> tuple[float | None, HeldOutResult | None]:
    """Fit the recommended threshold to the first half of the seeds, and let the others judge it.

    Args:
        records: How sure the classifier is of each kind of images.
        most: The share of each kind of meaningless images that may be accepted.
        seeds: The seeds that evolved images. A single one fits the threshold, and nothing judges.

    Returns:
        The threshold in log-odds, None if there is none, and what it accepts of other images.
    """
    fitted = -(-len(seeds) // 2) if len(seeds) > 1 else 0
    halves = {e.kind: _split(e, fitted) for e in records if e.group != KNOWN}
    known = next((each for each in records if each.group == KNOWN), None)
    best = _lowest_threshold([fit for fit, _ in halves.values()], most, known)
    if best is None or not fitted:
        return best, None
    accepted = {kind: (int((odds >= best).sum()), len(odds)) for kind, (_, odds) in halves.items()}
    return best, HeldOutResult(seeds=[*seeds[fitted:]], accepted=accepted)


def _split(images: ConfidenceRecord, fitted: int) -> tuple[np.ndarray, np.ndarray]:
    """Part log-odds in those that fit a threshold, of so many seeds, and all others."""
    odds = np.array(images.log_odds)
    if not fitted:
        return odds, odds[:0]
    # Each second image is taken where no search made them.
    first = np.array(images.seeds) < fitted if images.seeds else np.arange(len(odds)) % 2 == 0
    return odds[first], odds[~first]


def _lowest_threshold(
    kinds: Sequence[np.ndarray], most: float, known: ConfidenceRecord | None
) -> float | None:
    """Give the lowest threshold, rounded up, that few enough log-odds of each kind reach."""
    least = -LIMIT
    for each in kinds:
        falling = np.sort(each)[::-1]
        least = max(least, float(falling[min(int(most * len(falling) + 1e-9), len(falling) - 1)]))
    if least >= LIMIT:
        return None
    above, confidence = float(np.nextafter(least, np.inf)), float(expit(least))
    rest = min(confidence, 1 - confidence)
    odds = np.array([] if known is None else known.log_odds)
    # Two digits of what is left to 0 or to 1; more where rounding costs too many images.
    for digits in range(2, 7) if rest >= 1e-6 else ():
        scale = 10.0 ** (digits - 1 - np.floor(np.log10(rest)))
        rounded = max(above, float(logit(min(1.0, np.ceil(confidence * scale) / scale))))
        if rounded < LIMIT and ((odds >= above) & (odds < rounded)).sum() <= ROUNDING * len(odds):
            return rounded
    return above
