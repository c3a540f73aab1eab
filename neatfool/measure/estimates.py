"""Shares with their intervals."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from pydantic import Field
from scipy.stats import binomtest

from neatfool.present.blocks import Facts
from neatfool.wording import share

LIMIT: Final = 1e6
"""Log-odds are cut here, as JSON has no infinity. An image that is rejected lies there, too."""
FEWEST: Final = 20
"""Of fewer in-distribution images, 95 % are all of them."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A share: a number from 0 to 1."""


class Estimate(Facts):
    """A share with its interval: of resamples, or Wilson's."""

    value: Share
    """the share"""
    low: Share
    """where its 95 % interval begins"""
    high: Share
    """where it ends"""

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
        value, low, high = map(share, (self.value, self.low, self.high))
        return value if low == high else f"{value} ({low.removesuffix(' %')} to {high})"

    def as_number(self) -> str:
        """Write it as a number from 0 to 1: ``"0.878 (0.861 to 0.894)"``."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"
