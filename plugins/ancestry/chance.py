"""Permutation tests: what would be found if classes had each other's names?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Finding:
    """A number, and what it would be by chance.

    Attributes:
        observed: The number.
        null: float64 [P], the number after each of P permutations of the classes.
    """

    observed: float
    null: np.ndarray

    @property
    def expected(self) -> float:
        """The mean under chance."""
        return float(self.null.mean())

    @property
    def p(self) -> float:
        """How often chance gives at least as much: (1 + such permutations) / (1 + P)."""
        return float((1 + (self.null >= self.observed - 1e-12).sum()) / (1 + len(self.null)))

    @property
    def deviations(self) -> float:
        """How many standard deviations of chance lie between the number and chance's mean."""
        spread = float(self.null.std())
        return (self.observed - self.expected) / spread if spread else 0.0


def relate(
    likeness: np.ndarray,
    matrices: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
    *,
    permutations: int,
    seed: int,
    note: Callable[[], None] = lambda: None,
) -> dict[str, Finding]:
    """Test whether matrices over N classes go with the likeness of the classes.

    Mantel's test of 1967: the rows and columns of the likeness are permuted together, and all
    matrices see the same permutations. The diagonal is left out.

    Args:
        likeness: float64 [N, N], symmetric.
        matrices: Each float64 [N, N]; its number is Spearman's correlation with the likeness.
        weights: Each float64 [N, N], of which some is not 0; its number is the mean likeness of
            pairs, weighted by it. Without any weight it is left out.
        permutations: How many.
        seed: Of the permutations.
        note: Called after each permutation.
    """
    off = ~np.eye(len(likeness), dtype=bool)
    values, codes = np.unique(likeness, return_inverse=True)
    codes = codes.reshape(likeness.shape).astype(np.int16)
    order = stats.rankdata(likeness[off])
    by_code = np.zeros(len(values), np.float32)
    by_code[codes[off]] = (order - order.mean()) / (order.std() or 1)
    by_value = values.astype(np.float32)
    names: list[str] = []
    tables: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    for name, matrix in matrices.items():
        ranks = stats.rankdata(matrix[off])
        full = np.zeros(likeness.shape)
        full[off] = (ranks - ranks.mean()) / ((ranks.std() or 1) * len(ranks))
        names.append(name)
        tables.append(by_code)
        rows.append(full)
    for name, matrix in weights.items():
        full = np.where(off, matrix, 0)
        if total := full.sum():
            names.append(name)
            tables.append(by_value)
            rows.append(full / total)
    flat = [row.ravel().astype(np.float32) for row in rows]

    def measure(places: np.ndarray) -> list[float]:
        seen = codes[places][:, places].ravel()
        by_table = {id(table): table[seen] for table in tables}
        return [float(by_table[id(t)] @ row) for t, row in zip(tables, flat, strict=True)]

    chance = np.random.default_rng(seed)
    observed, null = measure(np.arange(len(likeness))), []
    for _ in range(permutations):
        null.append(measure(chance.permutation(len(likeness))))
        note()
    columns = np.array(null).reshape(permutations, -1).T
    return {
        name: Finding(value, column)
        for name, value, column in zip(names, observed, columns, strict=True)
    }


def recur(
    features: np.ndarray, *, permutations: int, seed: int, note: Callable[[], None] = lambda: None
) -> Finding:
    """Test whether several runs have like images for the same class.

    The number is the mean scalar product of two runs' images of the same class. By chance, each
    run's images are of other classes of its own.

    Args:
        features: float32 [R, N, D] of R runs and N classes, rows of length 1.
        permutations: How many.
        seed: Of the permutations.
        note: Called after each permutation.
    """
    runs, classes, _ = features.shape

    def measure(sum_of_runs: np.ndarray) -> float:
        own = float(np.square(features).sum())
        shared = float(np.square(sum_of_runs).sum()) - own
        return shared / float(classes * runs * (runs - 1))

    chance, null = np.random.default_rng(seed), []
    for _ in range(permutations):
        null.append(measure(sum(run[chance.permutation(classes)] for run in features)))
        note()
    return Finding(measure(features.sum(0)), np.array(null))


def nearer(features: np.ndarray) -> float:
    """Say how often the same class's image in another run is more alike than another class's.

    Args:
        features: As for :func:`recur`.

    Returns:
        A share; 0.5 is chance.
    """
    found = []
    for place, ours in enumerate(features):
        for other, theirs in enumerate(features):
            if place != other:
                alike = ours @ theirs.T
                own = alike.diagonal()[:, None]
                less = (alike < own).sum() + 0.5 * ((alike == own).sum() - len(own))
                found.append(less / (alike.size - len(own)))
    return float(np.mean(found))
