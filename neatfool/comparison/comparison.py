"""A comparison of groups of runs: their courses, side by side, and whether they differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.comparison.groups import options_that_differ
from neatfool.comparison.series import MEASURES, THRESHOLDS
from neatfool.comparison.significance import USUAL_LEVEL, mann_whitney
from neatfool.replicates.seed_list import format_seeds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neatfool.comparison.groups import Group, Summary
    from neatfool.comparison.significance import RankTest
    from neatfool.spec.json import Json

GRID_POINTS: Final = 200
"""Steps of the common grid of images scored."""
LOWEST, HIGHEST = 1e-4, 1 - 1e-6
TESTED: Final = ("median", "mean", *THRESHOLDS)


@dataclass(frozen=True)
class Difference:
    """Whether two groups differ in a measure.

    Attributes:
        first: The place of the one group.
        second: The place of the other.
        measure: The measure.
        test: The test; None where a group has no run that came so far.
    """

    first: int
    second: int
    measure: str
    test: RankTest | None


@dataclass(frozen=True)
class Snapshot:
    """The groups after an equal number of images.

    Attributes:
        evaluations: Images scored.
        values: For each measure and group the values of the runs that came so far, float64 [n].
        summaries: For each measure and group their median and quartiles, each of shape [1].
        differences: The tests, pair by pair and measure by measure.
    """

    evaluations: int
    values: dict[str, list[np.ndarray]] = field(repr=False)
    summaries: dict[str, list[Summary]] = field(repr=False)
    differences: list[Difference]

    def n(self, group: int) -> int:
        """Count the runs of a group that came so far."""
        return len(self.values["median"][group])


@dataclass(frozen=True)
class Comparison:
    """Groups of runs, to be looked at side by side.

    Attributes:
        groups: The groups.
        at: Numbers of images to compare at; half and all of what all groups have come to if
            empty.
    """

    groups: Sequence[Group]
    at: tuple[int, ...] = ()

    @cached_property
    def grid(self) -> np.ndarray:
        """The common grid of images scored, int64 [N], from 0 to the longest run's length."""
        longest = max(run.length for group in self.groups for run in group.runs)
        return np.unique(np.linspace(0, longest, GRID_POINTS + 1).round().astype(np.int64))

    @cached_property
    def common(self) -> int:
        """Images that at least half of the runs of each group have scored.

        A run whose search came to its own end counts as one that has scored any number.
        """
        return int(min([self.grid[-1], *(group.reach for group in self.groups)]))

    @property
    def points(self) -> tuple[int, ...]:
        """The numbers of images to compare at, rising."""
        return tuple(sorted({*self.at} or {max(self.common // 2, 1), self.common}))

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """The groups at each of :attr:`points`."""
        return [self._snapshot(evaluations) for evaluations in self.points]

    @cached_property
    def options(self) -> dict[str, list[Json]]:
        """The options in which the groups differ, each with all groups' values."""
        return options_that_differ(self.groups)

    @cached_property
    def same_classes(self) -> bool:
        """Whether all groups search the same classes, taken over all their runs."""
        return len({run.classes for group in self.groups for run in group.runs}) == 1

    @cached_property
    def maps(self) -> list[np.ndarray]:
        """For each group each class's confidence over :attr:`grid`, float64 [C, N]."""
        return [group.by_class(self.grid) for group in self.groups]

    @cached_property
    def orders(self) -> list[np.ndarray]:
        """For each group its classes, int64 [C], the ones that are fooled first and best before.

        Groups that search the same classes have one order.
        """
        eases = [np.nanmean(log_odds(each), axis=1) for each in self.maps]
        if self.same_classes:
            eases = [np.mean(eases, axis=0)] * len(eases)
        return [np.argsort(-ease, kind="stable") for ease in eases]

    def _snapshot(self, evaluations: int) -> Snapshot:
        grid = np.array([evaluations])
        values, summaries = {}, {}
        for measure in MEASURES:
            columns = [group.at(measure, grid)[:, 0] for group in self.groups]
            values[measure] = [column[np.isfinite(column)] for column in columns]
            summaries[measure] = [group.summary(measure, grid) for group in self.groups]
        return Snapshot(evaluations, values, summaries, list(self._differences(values)))

    def _differences(self, values: dict[str, list[np.ndarray]]) -> Iterator[Difference]:
        for first, second in combinations(range(len(self.groups)), 2):
            for measure in TESTED:
                one, other = values[measure][first], values[measure][second]
                test = mann_whitney(one, other) if len(one) and len(other) else None
                yield Difference(first, second, measure, test)

    @cached_property
    def notes(self) -> list[str]:
        """What is to be borne in mind, in words."""
        return [*self._about_targets(), *self._about_runs(), *self._about_seeds()]

    def _about_targets(self) -> Iterator[str]:
        kinds = {(group.first.target, group.first.fingerprint) for group in self.groups}
        if len(kinds) > 1:
            names = dict.fromkeys(group.first.target for group in self.groups)
            which = " and ".join(names) + " with other weights" * (len(names) == 1)
            yield (
                f"The groups fool different targets ({which}): a difference may be theirs, and not "
                "that of the searches."
            )
        if not self.same_classes:
            counts = ", ".join(
                f"{group.label}: {len(group.first.classes):,}" for group in self.groups
            )
            yield f"They search different classes ({counts}), so counts of classes mislead."

    def _about_runs(self) -> Iterator[str]:
        for group in self.groups:
            if short := [run.seed for run in group.runs if not run.finished]:
                yield (
                    f"{group.label}: {seeds_in_words(short)} not at the end yet; each run counts "
                    "as far as it has come."
                )
            elif len({run.reach for run in group.runs}) > 1:
                yield f"{group.label}: its runs are not of one length."
            if ended := [run.seed for run in group.runs if run.ended]:
                yield (
                    f"{group.label}: the search{'es' * (len(ended) > 1)} of "
                    f"{seeds_in_words(ended).rpartition(' ')[0]} came to an end of "
                    f"{'their' if len(ended) > 1 else 'its'} own; from there on counts what was "
                    "found until then."
                )
            if group.idle:
                seeds = seeds_in_words([run.seed for run in group.idle])
                yield f"{group.label}: {seeds} left out, as nothing is recorded yet."
            if group.left_out:
                seeds = format_seeds(sorted({run.seed for run in group.left_out}))
                yield f"{group.label}: of the runs with seed {seeds} only the longest counts."

    def _about_seeds(self) -> Iterator[str]:
        if len(self.groups) < 2 or not self.snapshots:
            return
        unsure = {
            difference.test.n: difference.test.least_p
            for difference in self.snapshots[-1].differences
            if difference.test and not difference.test.can_tell
        }
        for (one, other), least in unsure.items():
            yield (
                f"With {one} against {other} seed{'s' * (other > 1)} nothing can be told from "
                f"chance: the least possible p is {least:.3g}, and the usual level is "
                f"{USUAL_LEVEL:g}. Four against four seeds can come to 0.029."
            )


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Begin a sentence on seeds: ``"seed 3 is"``, ``"seeds 3-5 are"``."""
    return f"seed{'s' * (len(seeds) > 1)} {format_seeds(seeds)} {'are' if len(seeds) > 1 else 'is'}"


def log_odds(confidences: np.ndarray) -> np.ndarray:
    """Turn confidences into decimal log-odds, those beyond 0.01 % and 99.9999 % into these."""
    p = np.clip(confidences, LOWEST, HIGHEST)
    odds: np.ndarray = np.log10(p / (1 - p))
    return odds
