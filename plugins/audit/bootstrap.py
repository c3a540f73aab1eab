"""Numbers with their range: over seeds, or by a bootstrap over seeds, classes and images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np

from neatfool.measure import FEWEST, LIMIT, Estimate, Share
from neatfool.present import Facts
from neatfool.wording import percent, share

RESAMPLES: Final = 400
KEPT: Final = 0.95
"""The share of in-distribution images that passes at the usual threshold."""


class Shares(Facts):
    """A share or a confidence, from 0 to 1, for each seed."""

    median: Share
    """the median over seeds"""
    lowest: Share
    """the lowest of a seed"""
    highest: Share
    """the highest of a seed"""
    by_seed: list[Share]
    """a value for each seed, in the order of `seeds`"""

    @classmethod
    def of(cls, values: Iterable[float]) -> Shares:
        """Sum up a value for each seed, at least one."""
        each = [float(value) for value in values]
        return cls(median=float(np.median(each)), lowest=min(each), highest=max(each), by_seed=each)

    def as_share(self) -> str:
        """Write it with its range over seeds: ``"97 % (95 to 98 %)"``."""
        return self._write(share)

    def as_confidence(self) -> str:
        """Write it with its range over seeds: ``"38.1 % (36.0 to 39.9 %)"``."""
        return self._write(percent)

    def _write(self, form: Callable[[float], str]) -> str:
        value, low, high = map(form, (self.median, self.lowest, self.highest))
        return value if low == high else f"{value} ({low.removesuffix(' %')} to {high})"


def threshold_of(scores: np.ndarray, kept: float = KEPT) -> float:
    """Give the highest threshold that a share of scores, [M], reaches; rejected ones never do."""
    ordered = np.sort(scores)
    lowest = ordered[ordered > -LIMIT][:1]
    return float(max([ordered[int(len(scores) * (1 - kept) + 1e-9)], *lowest]))


def tell_apart(
    known: np.ndarray, fooling: np.ndarray, seeds: np.ndarray, classes: np.ndarray
) -> tuple[Estimate, Estimate | None]:
    """Tell fooling images, [N], from known ones, [M]: the AUROC, and what passes at 95 %."""
    chance = np.random.default_rng(1)
    ordered = np.sort(known)
    below, up_to = (np.searchsorted(ordered, fooling, side) for side in ("left", "right"))
    counts = np.vstack([np.ones(len(known)), _draw(chance, len(known))])
    drawn = np.ones((1 + RESAMPLES, len(fooling)))
    for places in (seeds, classes):
        kinds, which = np.unique(places, return_inverse=True)
        drawn[1:] *= _draw(chance, len(kinds))[:, which]
    weights = drawn / drawn.sum(1, keepdims=True).clip(1e-12)
    reached = np.pad(counts.cumsum(1), ((0, 0), (1, 0))) / len(known)
    surer = 1 - (reached[:, below] + reached[:, up_to]) / 2
    auroc = (surer * weights).sum(1)
    # As with threshold_of, rejected ones never pass.
    least = np.maximum(1 - KEPT, reached[:, [np.searchsorted(ordered, -LIMIT, "right")]])
    first = (reached > least + 1e-9).argmax(1)  # One more than the place of the threshold.
    passing = (((up_to >= first[:, None]) & (fooling > -LIMIT)) * weights).sum(1)
    usable = drawn.sum(1) > 0
    estimates = [Estimate.of(v[0], v[usable]) for v in (auroc.round(9), passing.round(9))]
    return estimates[0], estimates[1] if len(known) >= FEWEST else None


def _draw(chance: np.random.Generator, count: int) -> np.ndarray:
    """Draw things with replacement: how often each, int64 [B, N]."""
    return chance.multinomial(count, np.full(count, 1 / count), RESAMPLES)


def median_of(counts: Sequence[float]) -> float | None:
    """Give the median of numbers of images, infinity for those not reached; None if it is one."""
    middle = float(np.median(counts))
    return middle if np.isfinite(middle) else None
