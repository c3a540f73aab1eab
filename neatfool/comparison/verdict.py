"""What a comparison comes to, in a sentence or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neatfool.comparison.significance import USUAL_LEVEL
from neatfool.comparison.wording import p_in_words, value_in_words

if TYPE_CHECKING:
    from neatfool.comparison.comparison import Comparison, Snapshot
    from neatfool.comparison.significance import RankTest


def verdict(comparison: Comparison) -> str:
    """Say which group is ahead in the median confidence at the last point, and if by chance."""
    snapshot = comparison.snapshots[-1]
    summaries = snapshot.summaries["median"]
    ranked = [place for place in range(len(summaries)) if np.isfinite(summaries[place].median[0])]
    if not ranked:
        return f"Too few runs have come to {snapshot.evaluations:,} images."
    ranked.sort(key=lambda place: -summaries[place].median[0])
    told = [
        f"{_value(snapshot, place)} for {comparison.groups[place].label}" for place in ranked[:4]
    ]
    more = f", and less for {len(ranked) - 4} others" if len(ranked) > 4 else ""
    first = f"After {snapshot.evaluations:,} images the median confidence is {_listed(told)}{more}."
    if len(ranked) < 2:
        return first
    return f"{first} {_chance(comparison, snapshot, ranked)}"


def _value(snapshot: Snapshot, place: int) -> str:
    return value_in_words("median", float(snapshot.summaries["median"][place].median[0]))


def _chance(comparison: Comparison, snapshot: Snapshot, ranked: list[int]) -> str:
    """Tell of the first and the second whether they differ by more than chance."""
    pair = set(ranked[:2])
    test = next(
        each.test
        for each in snapshot.differences
        if each.measure == "median" and {each.first, each.second} == pair and each.test
    )
    ahead = comparison.groups[ranked[0]].label
    u = test.u if ranked[0] < ranked[1] else test.n[0] * test.n[1] - test.u
    pairs = test.n[0] * test.n[1]
    how = f"{ahead} is ahead in {'only ' * (u <= pairs / 2)}{u:g} of {pairs} pairs of runs"
    whom = "" if len(ranked) == 2 else " of it and the next"
    if not test.can_tell:
        return f"{how}{whom}, which so few seeds would often show by chance ({_p(test)})."
    if test.p <= USUAL_LEVEL:
        return f"{how}{whom}, which chance would hardly give (Mann-Whitney U, {_p(test)})."
    return f"{how}{whom}, which may well be chance (Mann-Whitney U, {_p(test)})."


def _p(test: RankTest) -> str:
    return p_in_words(test.p)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
