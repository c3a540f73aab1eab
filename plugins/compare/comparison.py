"""A comparison of groups of runs: their courses, side by side, and whether they differ."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.present import decimal_odds

from .measures import TESTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from .groups import Group

GRID_POINTS: Final = 200
"""Steps of the common grid of images scored: about what a curve on the page can show."""
MOST_ARRANGEMENTS: Final = 5_000
"""Equal values make scipy count every way to deal the values out; more would take seconds."""
USUAL_LEVEL: Final = 0.05


@dataclass(frozen=True)
class RankTest:
    """What the Mann-Whitney U test says of two groups of values.

    Attributes:
        u: Pairs of a value of the first group and one of the second in which the first is the
            higher; a pair of equal ones counts as half.
        p: The probability of a U at least as far from the middle, to either side, if the two
            groups are of one distribution.
        least_p: The smallest p that is possible with this number of values.
        n: How many values the groups have.
    """

    u: float
    p: float
    least_p: float
    n: tuple[int, int]

    @property
    def pairs(self) -> int:
        """Pairs of a value of the first group and one of the second."""
        return self.n[0] * self.n[1]

    @property
    def can_tell(self) -> bool:
        """Whether this number of values can show a difference at the level of 5 %."""
        return self.least_p <= USUAL_LEVEL


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
    return RankTest(float(u), min(1.0, max(float(p), least_p)), least_p, n)


@dataclass(frozen=True)
class Snapshot:
    """The groups after an equal number of images scored, ``evaluations``."""

    evaluations: int
    groups: Sequence[Group] = field(repr=False)

    def values(self, measure: str, place: int) -> np.ndarray:
        """Give a measure of the runs of a group that came so far, float64 [n]."""
        values = self.groups[place].at(measure, np.array([self.evaluations]))
        return np.extract(np.isfinite(values), values)

    def n(self, place: int) -> int:
        """Count the runs of a group that came so far."""
        return len(self.values("median", place))

    def is_known(self) -> bool:
        """Say whether any run came so far."""
        return any(self.n(place) for place in range(len(self.groups)))

    def quartiles(self, measure: str, place: int) -> list[float]:
        """Give a measure's lower quartile, median and upper quartile over a group's runs."""
        found = self.groups[place].quartiles(measure, np.array([self.evaluations]))
        return [float(each) for each in found[:, 0]]

    @cached_property
    def tests(self) -> dict[tuple[int, int], dict[str, RankTest]]:
        """For each pair of groups, by their places, the test of each measure that is tested.

        There is none where a group has no run that came so far.
        """
        return {
            (one, other): {
                each.key: mann_whitney(self.values(each.key, one), self.values(each.key, other))
                for each in TESTED
                if self.n(one) and self.n(other)
            }
            for one, other in combinations(range(len(self.groups)), 2)
        }


@dataclass(frozen=True)
class Comparison:
    """Groups of runs, to be looked at side by side.

    Attributes:
        groups: The groups.
        at: Numbers of images to compare at. If empty: half and all of what all groups have come
            to.
    """

    groups: Sequence[Group]
    at: tuple[int, ...] = ()

    @cached_property
    def grid(self) -> np.ndarray:
        """The common grid of images scored, int64 [N], from 0 to the longest run's length."""
        longest = max(run.length for group in self.groups for run in group.runs)
        return np.unique(np.linspace(0, longest, GRID_POINTS + 1).round().astype(np.int64))

    @cached_property
    def points(self) -> tuple[int, ...]:
        """The numbers of images to compare at, rising.

        Half of the runs of each group have come to all that are not asked for. A run whose search
        came to its own end counts as one that has scored any number of images.
        """
        common = int(min([self.grid[-1], *(group.reach for group in self.groups)]))
        return tuple(sorted({*self.at} or {max(common // 2, 1), common}))

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """The groups at each of :attr:`points`."""
        return [Snapshot(evaluations, self.groups) for evaluations in self.points]

    @cached_property
    def same_classes(self) -> bool:
        """Whether all groups search the same classes, taken over all their runs."""
        return len({group.classes for group in self.groups}) == 1

    @cached_property
    def maps(self) -> list[np.ndarray]:
        """For each group each class's confidence over :attr:`grid`, float64 [C, N]."""
        return [group.by_class(self.grid) for group in self.groups]

    @cached_property
    def orders(self) -> list[np.ndarray]:
        """For each group its classes, int64 [C], the ones that are fooled first and best before.

        Groups that search the same classes have one order.
        """
        eases = [np.nanmean(decimal_odds(each), axis=1) for each in self.maps]
        if self.same_classes:
            eases = [np.mean(eases, axis=0)] * len(eases)
        return [np.argsort(-ease, kind="stable") for ease in eases]
