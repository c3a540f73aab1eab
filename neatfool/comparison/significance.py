"""Whether two methods differ by more than chance: the Mann-Whitney U test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MOST_ARRANGEMENTS: Final = 20_000
"""Up to so many ways to deal the values out to the two groups, all of them are counted."""
USUAL_LEVEL: Final = 0.05


@dataclass(frozen=True)
class RankTest:
    """What the test says of two groups of values.

    Attributes:
        u: Pairs of a value of the first group and one of the second in which the first is the
            higher; a pair of equal ones counts as half.
        p: The probability of a U at least as far from the middle, to either side, if the two
            groups are of one distribution.
        least_p: The least p that there can be with so many values.
        n: How many values the groups have.
    """

    u: float
    p: float
    least_p: float
    n: tuple[int, int]

    @property
    def ahead(self) -> float:
        """The part of pairs in which the first group's value is the higher, in [0, 1]."""
        return self.u / (self.n[0] * self.n[1])

    @property
    def can_tell(self) -> bool:
        """Whether so many values can show a difference at the level of 5 %."""
        return self.least_p <= USUAL_LEVEL


def mann_whitney(first: ArrayLike, second: ArrayLike) -> RankTest:
    """Compare two groups of values by the Mann-Whitney U test, two-sided.

    The p-value is exact where the groups are small, with equal values among them too; else it is
    that of the normal approximation, corrected for ties and for continuity.

    Args:
        first: N values, at least 1, none of them NaN.
        second: M values, likewise.

    Returns:
        The test (Mann and Whitney, 1947).
    """
    from scipy.stats import mannwhitneyu

    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    n = len(one), len(other)
    arrangements = math.comb(sum(n), n[0])
    both = np.concatenate([one, other])
    tied = len(np.unique(both)) < len(both)
    exact = arrangements <= MOST_ARRANGEMENTS
    method = "exact" if exact and not tied else "asymptotic"
    if len(np.unique(both)) == 1:
        return RankTest(n[0] * n[1] / 2, 1.0, min(1.0, 2 / arrangements), n)
    u, p = mannwhitneyu(one, other, alternative="two-sided", method=method)
    if exact and tied:
        p = _exact_with_ties(both, n[0], float(u))
    return RankTest(float(u), min(1.0, float(p)), min(1.0, 2 / arrangements), n)


def _exact_with_ties(both: np.ndarray, n: int, u: float) -> float:
    """Count the ways to deal out the values that give a U as far out, or farther."""
    from scipy.stats import rankdata

    dealt = np.array(list(combinations(rankdata(both), n))).sum(1) - n * (n + 1) / 2
    slack = 1e-9
    return 2 * float(min((dealt <= u + slack).mean(), (dealt >= u - slack).mean()))
