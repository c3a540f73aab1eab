"""The recommended threshold: fitted to images of nothing, and judged by those of other seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Self

import numpy as np
from pydantic import Field
from scipy.special import expit, logit

from neatfool.measure import LIMIT, Estimate
from neatfool.present import Facts
from neatfool.wording import format_seeds, share

from .confidence import EVOLVED, ConfidenceRecord

ROUNDING: Final = 0.02
"""At most this share of in-distribution images is lost so that a threshold has few digits."""


class HeldOutResult(Facts):
    """What the recommended threshold accepts of images that it was not fitted to."""

    seeds: list[int] = Field(description="the seeds that evolved them")
    budget: int = Field(description="how many images each of these seeds tried")
    accepted: dict[str, tuple[int, int]] = Field(
        description="for each kind of images of nothing, how many are accepted, and of how many"
    )

    @classmethod
    def of(
        cls, threshold: float, seeds: list[int], budget: int, kinds: Mapping[str, np.ndarray]
    ) -> Self:
        """Count what passes of the log-odds of each kind."""
        passed = {kind: (int((odds >= threshold).sum()), len(odds)) for kind, odds in kinds.items()}
        return cls(seeds=seeds, budget=budget, accepted=passed)

    def __str__(self) -> str:
        """Say how many evolved images pass, and of which other kind more do."""
        passed, number = self.accepted[EVOLVED]
        worst = max(self.accepted, key=self._part)
        text = f"{passed:,} of {number:,} after {self.budget:,} images"
        text += f", {Estimate.wilson(passed, number).as_share()}"
        if self._part(worst) > self._part(EVOLVED):
            text += f", and {share(self._part(worst))} of the kind {worst}"
        return text

    def _part(self, kind: str) -> float:
        passed, number = self.accepted[kind]
        return passed / number


def split_by_seed(images: ConfidenceRecord, fitted: int) -> tuple[np.ndarray, np.ndarray]:
    """Part log-odds in those that fit a threshold, of so many seeds, and all others."""
    odds = np.array(images.log_odds)
    if not fitted:
        return odds, odds[:0]
    # Each second image is taken where no search made them.
    first = np.array(images.seeds) < fitted if images.seeds else np.arange(len(odds)) % 2 == 0
    return odds[first], odds[~first]


def recommend(
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


def describe_held_out(fitted: Sequence[int], held_out: Sequence[HeldOutResult]) -> Iterator[str]:
    """Say to which seeds a threshold was fitted, and what it accepts of the others' images."""
    if not fitted:
        yield "It was fitted to the images that it is judged by: search with two seeds or more."
        return
    first = f"seed{'s' * (len(fitted) > 1)} {format_seeds(fitted)}"
    others = f"seed{'s' * (len(held_out[0].seeds) > 1)} {format_seeds(held_out[0].seeds)}"
    found = "; ".join(map(str, held_out))
    yield f"It was fitted to {first}. Of the evolved images of {others} it accepts {found}."
    if len(held_out) < 2:
        yield "It was judged at this budget only: --longer tells what passes after more images."
