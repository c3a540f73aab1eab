"""Whether two groups of values differ by more than chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import Field

from neatfool.present.finding import Facts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MOST_ARRANGEMENTS: Final = 5_000
"""Equal values make scipy count every way to deal the values out; more would take seconds."""
USUAL_LEVEL: Final = 0.05


class RankTest(Facts):
    """What the Mann-Whitney U test says of two groups of values."""

    n: tuple[int, int] = Field(description="how many values the groups have")
    u: float = Field(
        description="pairs of a value of the first group and one of the second in which the first "
        "is the higher; a pair of equal ones counts as half"
    )
    p: float = Field(
        description="the probability of a U at least as far from the middle, to either side, if "
        "the two groups are of one distribution"
    )
    least_p: float = Field(description="the smallest p that this number of values can give")

    @property
    def pairs(self) -> int:
        """Pairs of a value of the first group and one of the second."""
        return self.n[0] * self.n[1]

    @property
    def can_tell(self) -> bool:
        """Whether this number of values can show a difference at the level of 5 %."""
        return self.least_p <= USUAL_LEVEL

    @property
    def words(self) -> str:
        """The p-value: ``"p = 0.032"``."""
        return "p < 0.0001" if self.p < 0.0001 else f"p = {self.p:.2g}"


def mann_whitney(first: ArrayLike, second: ArrayLike) -> RankTest:
    """Compare two groups of values by the two-sided U test (Mann and Whitney, 1947).

    Each group has at least one value, and none is NaN. The p-value is exact where a group has at
    most 8 values and no two are equal, and with equal values up to 7 against 7. Else it is that of
    the normal approximation, corrected for ties and for continuity.
    """
    from scipy.stats import PermutationMethod, mannwhitneyu

    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    n = len(one), len(other)
    arrangements = math.comb(sum(n), n[0])
    tied = len(np.unique([*one, *other])) < sum(n)
    count_all = tied and min(n) > 1 and arrangements <= MOST_ARRANGEMENTS
    method = PermutationMethod(n_resamples=arrangements) if count_all else "auto"
    u, p = mannwhitneyu(one, other, alternative="two-sided", method=method)
    least_p = min(1.0, 2 / arrangements)
    return RankTest(u=u, p=min(1.0, max(float(p), least_p)), least_p=least_p, n=n)
