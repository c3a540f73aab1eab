"""A comparison in words: its tables, what it comes to, and what to bear in mind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import logit

from neatfool import format_seeds, percent

from .comparison import USUAL_LEVEL
from .groups import options_that_differ
from .keys import key_of
from .measures import MEASURES, TESTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .comparison import Comparison, RankTest, Snapshot
    from .groups import Group

Rows = list[tuple[str, list[str]]]
"""The rows of a table: a head and its cells."""


SUREST: Final = 0.9999
"""Larger confidences are written alike, so their log-odds are written, too."""
LARGEST_ODDS: Final = 16
"""The log-odds of a confidence that rounds to 1 in single precision are larger."""
GROUP_HEADS: Final = ("group", "seeds", "images scored", "classes", "target")


def keys_of(comparison: Comparison) -> list[str]:
    """Give the letters by which the groups are told apart."""
    return [key_of(place) for place in range(len(comparison.groups))]


def group_rows(comparison: Comparison) -> Rows:
    """Write what each group consists of."""
    rows = []
    for key, group in zip(keys_of(comparison), comparison.groups, strict=True):
        lengths = sorted({run.length for run in group.runs})
        images = " to ".join(f"{length:,}" for length in dict.fromkeys([lengths[0], lengths[-1]]))
        seeds = f"{format_seeds(run.seed for run in group.runs)} (n={len(group.runs)})"
        target = group.first.target
        rows.append((key, [group.label, seeds, images, f"{len(group.classes):,}", target]))
    return rows


def option_rows(comparison: Comparison) -> Rows:
    """Write the options in which the groups differ."""
    return [
        (name, ["-" if value is None else str(value) for value in values])
        for name, values in options_that_differ(comparison.groups).items()
    ]


def measure_rows(snapshot: Snapshot) -> Rows:
    """Write each measure of each group: ``"47.5 % [46.0 to 48.1]"``."""
    rows = []
    for each in MEASURES.values():
        found = [snapshot.quartiles(each.key, place) for place in range(len(snapshot.groups))]
        rows.append((each.title, [_middle(each.in_words, quartiles) for quartiles in found]))
        if each.kind == "confidence" and np.nanmax(found) > SUREST:
            rows.append(("in log-odds", [_middle(_log_odds, quartiles) for quartiles in found]))
    return rows


def test_rows(snapshot: Snapshot) -> Rows:
    """Write the tests of each pair of groups, each in two lines: its U of all pairs, and p."""
    return [
        (f"{key_of(one)} : {key_of(other)}", [_test(tests.get(each.key)) for each in TESTED])
        for (one, other), tests in snapshot.tests.items()
    ]


def _middle(in_words: Callable[[float], str], quartiles: Sequence[float]) -> str:
    lower, median, upper = map(in_words, quartiles)
    if lower == upper:
        return median
    return f"{median} [{lower.removesuffix(' %')} to {upper.removesuffix(' %')}]"


def _log_odds(confidence: float) -> str:
    if np.isnan(confidence):
        return "-"
    odds = logit(confidence)
    return f"{odds:.1f}" if odds < LARGEST_ODDS else f"> {LARGEST_ODDS}"


def _test(test: RankTest | None) -> str:
    return f"U {test.u:g}/{test.pairs}\n{_p(test)}" if test else "-"


def _p(test: RankTest) -> str:
    return "p < 0.0001" if test.p < 0.0001 else f"p = {test.p:.2g}"


def verdict(comparison: Comparison) -> str:
    """Say which group is ahead in the median confidence at the last point, and if by chance."""
    snapshot = comparison.snapshots[-1]
    places = range(len(comparison.groups))
    medians = [snapshot.quartiles("median", place)[1] for place in places]
    came = [place for place in places if np.isfinite(medians[place])]
    ranked = sorted(came, key=lambda place: -medians[place])
    if not snapshot.is_known():
        farthest = comparison.grid[-1]
        return f"No run has come to {snapshot.evaluations:,} images; the longest has {farthest:,}."
    if not ranked:
        return f"Too few runs have come to {snapshot.evaluations:,} images."
    told = [
        f"{percent(medians[place], min(logit(medians[place]), LARGEST_ODDS))} for "
        f"{comparison.groups[place].label}"
        for place in ranked
    ]
    listed = " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))
    text = f"After {snapshot.evaluations:,} images the median confidence is {listed}."
    if len(ranked) > 1:
        return _judge(text, comparison, snapshot, ranked)
    return f"This is one seed. {text}" if snapshot.n(ranked[0]) == 1 else text


def _judge(text: str, comparison: Comparison, snapshot: Snapshot, ranked: Sequence[int]) -> str:
    """Tell of the first and the second whether they differ by more than chance."""
    best, next_best = ranked[:2]
    test = snapshot.tests[min(best, next_best), max(best, next_best)]["median"]
    u = test.u if best < next_best else test.pairs - test.u
    only = "only " * (u <= test.pairs / 2)
    against = "" if len(ranked) == 2 else f" against {comparison.groups[next_best].label}"
    label = comparison.groups[best].label
    ahead = f"{label} is ahead in {only}{u:g} of {test.pairs} pairs of runs{against}."
    if not test.can_tell:
        return f"Too few seeds to tell a difference from chance ({_p(test)}). {text} {ahead}"
    if test.p <= USUAL_LEVEL:
        return f"{text} {ahead} Chance alone would hardly do this (Mann-Whitney U, {_p(test)})."
    return f"{text} {ahead} This may well be chance (Mann-Whitney U, {_p(test)})."


def notes(comparison: Comparison) -> list[str]:
    """Say what to bear in mind."""
    of_groups = (note for group in comparison.groups for note in _about_runs(group))
    return [*_about_targets(comparison), *of_groups, *_about_seeds(comparison)]


def _about_targets(comparison: Comparison) -> Iterator[str]:
    groups = comparison.groups
    if len({(group.first.target, group.first.fingerprint) for group in groups}) > 1:
        names = dict.fromkeys(group.first.target for group in groups)
        which = " and ".join(names) + " with other weights" * (len(names) == 1)
        yield (
            f"The groups fool different targets ({which}). A difference may come from the targets, "
            "not from the searches."
        )
    if not comparison.same_classes:
        counts = ", ".join(f"{group.label}: {len(group.classes):,}" for group in groups)
        yield f"The groups search different classes ({counts}), so counts of classes mislead."


def _about_runs(group: Group) -> Iterator[str]:
    if short := [run.seed for run in group.runs if not run.finished]:
        yield (
            f"{group.label}: {_seeds(short)} not at the end yet; each run counts as far as it has "
            "come."
        )
    if ended := [run.seed for run in group.runs if run.ended]:
        yield (
            f"{group.label}: the search{'es' * (len(ended) > 1)} of "
            f"{_seeds(ended).rpartition(' ')[0]} ended early, with nothing left to do; after that "
            "counts what was found until then."
        )
    if group.left_out:
        paths = ", ".join(str(run.path) for run in group.left_out)
        yield (
            f"{group.label}: {paths} left out, as nothing is recorded yet or a longer run has the "
            "same seed."
        )


def _about_seeds(comparison: Comparison) -> Iterator[str]:
    unsure = {
        tuple(sorted(test.n)): test.least_p
        for tests in comparison.snapshots[-1].tests.values()
        for test in tests.values()
        if not test.can_tell
    }
    for (one, other), least_p in unsure.items():
        yield (
            f"{one} seed{'s' * (one > 1)} against {other} cannot reach p < {USUAL_LEVEL:g} (the "
            f"smallest possible is {least_p:.3g}). Use at least four against four."
        )


def _seeds(seeds: Sequence[int]) -> str:
    """Begin a sentence on seeds: ``"seed 3 is"``, ``"seeds 3-5 are"``."""
    return f"seed{'s' * (len(seeds) > 1)} {format_seeds(seeds)} {'are' if len(seeds) > 1 else 'is'}"
