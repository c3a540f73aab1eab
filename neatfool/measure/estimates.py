"""Numbers with their range: over seeds, or by a bootstrap over seeds, classes and images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import numpy as np
from pydantic import Field
from scipy.stats import binomtest

from neatfool.present.finding import Facts
from neatfool.wording import percent, share

RESAMPLES: Final = 400
KEPT: Final = 0.95
"""The share of in-distribution images that passes at the usual threshold."""
LIMIT: Final = 1e6
"""Log-odds are cut here, as JSON has no infinity. An image that is rejected lies there, too."""
FEWEST: Final = 20
"""Of fewer in-distribution images, 95 % are all of them."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A share: a number from 0 to 1."""


class Shares(Facts):
    """A share or a confidence, from 0 to 1, for each seed."""

    median: Share = Field(description="the median over seeds")
    lowest: Share = Field(description="the lowest of a seed")
    highest: Share = Field(description="the highest of a seed")
    by_seed: list[Share] = Field(description="a value for each seed, in the order of `seeds`")

    @classmethod
    def of(cls, values: Iterable[float]) -> Shares:
        """Sum up a value for each seed, at least one."""
        each = [float(value) for value in values]
        return cls(median=float(np.median(each)), lowest=min(each), highest=max(each), by_seed=each)

    def as_share(self) -> str:
        """Write it with its range over seeds: ``"97 % (95 to 98 %)"``."""
        return _with_range(*map(share, (self.median, self.lowest, self.highest)))

    def as_confidence(self) -> str:
        """Write it with its range over seeds: ``"38.1 % (36.0 to 39.9 %)"``."""
        return _with_range(*map(percent, (self.median, self.lowest, self.highest)))


class Estimate(Facts):
    """A share with its interval: of resamples, or Wilson's."""

    value: Share = Field(description="the share")
    low: Share = Field(description="where its 95 % interval begins")
    high: Share = Field(description="where it ends")

    @classmethod
    def of(cls, value: float, resampled: np.ndarray) -> Estimate:
        """Take the interval of the values of resamples."""
        low, high = np.quantile(resampled, (0.025, 0.975))
        return cls(value=value, low=min(low, value), high=max(high, value))

    @classmethod
    def wilson(cls, count: int, total: int) -> Estimate:
        """Take Wilson's interval of a share of at least one thing, each counted for itself."""
        interval = binomtest(count, total).proportion_ci(method="wilson")
        return cls(value=count / total, low=max(interval.low, 0), high=min(interval.high, 1))

    def as_share(self) -> str:
        """Write it with its interval: ``"34 % (31 to 37 %)"``."""
        return _with_range(*map(share, (self.value, self.low, self.high)))

    def as_number(self) -> str:
        """Write it as a number from 0 to 1: ``"0.878 (0.861 to 0.894)"``."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def _with_range(value: str, low: str, high: str) -> str:
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
