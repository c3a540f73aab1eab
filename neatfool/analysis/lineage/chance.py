"""Permutation tests: what would be found if classes had each other's names?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations as all_pairs
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from scipy import stats

from neatfool.present.charts.figure import DISABLED, LINE_COLOURS, new_axes
from neatfool.present.finding import Facts

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ChanceTest(Facts):
    """A number, and what it would be by chance."""

    observed: float = Field(description="the number")
    by_chance: float = Field(description="its mean after permutations of the classes")
    deviations: float = Field(description="between these two, in standard deviations of chance")
    p: float = Field(description="(1 + permutations that give at least as much) / (1 + all)")
    permutations: int = Field(description="how many permutations there were")
    within_kinds: float | None = Field(None, description="what was measured within broad kinds")
    otherwise: float | None = Field(None, description="the same elsewhere, or of all pairs")
    nearer: float | None = Field(
        None,
        description="how often the same class's image in another run is more alike than another "
        "class's; 0.5 is chance",
    )
    null: np.ndarray = Field(exclude=True, repr=False)

    @classmethod
    def of(cls, observed: float, null: np.ndarray, **more: float) -> ChanceTest:
        """Compare a number with those after permutations, float64 [P]."""
        by_chance, spread = float(null.mean()), float(null.std())
        return cls(
            observed=observed,
            by_chance=by_chance,
            deviations=(observed - by_chance) / spread if spread else 0.0,
            p=float((1 + (null >= observed - 1e-12).sum()) / (1 + len(null))),
            permutations=len(null),
            null=null,
            **more,
        )

    def draw(self) -> Figure:
        """Draw what chance gives as a histogram, and what was found as a line."""
        drawn, axes = new_axes(420, 150, left=14, right=14, top=26, bottom=30)
        axes.hist(self.null, bins=30, color=DISABLED)
        axes.axvline(self.observed, color=LINE_COLOURS[1], linewidth=2)
        low, high = (fold(self.observed, fold(self.null)) for fold in (min, max))
        room = 0.08 * (high - low or 1)
        axes.set_xlim(low - room, high + room)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=5)
        side = "right" if self.observed > (low + high) / 2 else "left"
        look: Any = {"color": LINE_COLOURS[1], "fontsize": 9.5, "weight": "bold", "ha": side}
        above = axes.get_xaxis_transform()
        axes.text(self.observed, 1.03, f"found {self.observed:.3f}", transform=above, **look)
        return drawn


def relate(
    likeness: np.ndarray,
    matrices: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
    *,
    permutations: int,
    seed: int,
    note: Callable[[], None] = lambda: None,
) -> dict[str, ChanceTest]:
    """Test whether matrices, float64 [N, N], go with the likeness of classes (Mantel, 1967)."""
    off = ~np.eye(len(likeness), dtype=bool)

    def rank(matrix: np.ndarray) -> np.ndarray:
        """Give each pair the standard score of its rank, mean 0 and deviation 1, or all 0."""
        ranks, scores = stats.rankdata(matrix[off]), np.zeros(matrix.shape)
        scores[off] = (ranks - ranks.mean()) / (ranks.std() or 1)
        return scores

    ranks, values = (each.astype(np.float32) for each in (rank(likeness), likeness))
    by_rank = {name: rank(each) / off.sum() for name, each in matrices.items()}
    without_diagonal = {name: np.where(off, each, 0) for name, each in weights.items()}
    by_value = {name: each / each.sum() for name, each in without_diagonal.items() if each.any()}
    rank_rows, value_rows = (
        np.array([each.ravel() for each in rows.values()], np.float32).reshape(-1, likeness.size)
        for rows in (by_rank, by_value)
    )

    def measure(places: np.ndarray) -> np.ndarray:
        of_ranks, of_values = (each[places][:, places].ravel() for each in (ranks, values))
        return np.concatenate([rank_rows @ of_ranks, value_rows @ of_values])

    chance = np.random.default_rng(seed)
    observed, null = measure(np.arange(len(likeness))), []
    for _ in range(permutations):
        null.append(measure(chance.permutation(len(likeness))))
        note()
    names, columns = [*by_rank, *by_value], np.array(null).T
    return {
        name: ChanceTest.of(float(value), column)
        for name, value, column in zip(names, observed, columns, strict=True)
    }


def recur(
    features: np.ndarray, *, permutations: int, seed: int, note: Callable[[], None] = lambda: None
) -> ChanceTest:
    """Test whether R runs have like images for a class, by features, float32 [R, N, D]."""
    runs, classes, _ = features.shape

    def measure(sum_of_runs: np.ndarray) -> float:
        own = float(np.square(features).sum())
        shared = float(np.square(sum_of_runs).sum()) - own
        return shared / float(classes * runs * (runs - 1))

    chance, null = np.random.default_rng(seed), []
    for _ in range(permutations):
        null.append(measure(sum(run[chance.permutation(classes)] for run in features)))
        note()
    return ChanceTest.of(measure(features.sum(0)), np.array(null), nearer=nearer(features))


def nearer(features: np.ndarray) -> float:
    """Say how often a class's image in another run is more alike than other classes' there."""
    found = []
    for ours, theirs in all_pairs(features, 2):
        alike = ours @ theirs.T
        own = alike.diagonal()[:, None]
        less = (alike < own).sum() + 0.5 * ((alike == own).sum() - len(own))
        found.append(less / (alike.size - len(own)))
    return float(np.mean(found))
