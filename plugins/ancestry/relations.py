"""Tests of whether images of one kind, or of two runs, are alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Final

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from neatfool.present import Facts

from .diversity import AT_ONCE

PERMUTATIONS: Final = 999


class ChanceTest(Facts):
    """A mean correlation of images, and what it would be if the classes were dealt out anew."""

    observed: float = Field(description="the mean correlation")
    by_chance: float = Field(description="its mean after permutations of the classes")
    p: float = Field(description="(1 + permutations that give at least as much) / (1 + all)")

    @classmethod
    def of(cls, measure: Callable[[np.random.Generator | None], float]) -> ChanceTest:
        """Test a number that ``measure`` gives of the classes as they are, or of permuted ones."""
        chance, observed = np.random.default_rng(1), measure(None)
        null = np.array([measure(chance) for _ in range(PERMUTATIONS)])
        # Equal numbers, added up in another order, differ in their last bits.
        p = (1 + (null >= observed - 1e-6).sum()) / (1 + len(null))
        return cls(observed=observed, by_chance=float(null.mean()), p=float(p))


def relate_kinds(features: np.ndarray, kinds: np.ndarray) -> ChanceTest:
    """Test whether images of one kind are alike.

    Args:
        features: How images look, float32 [N, D], as :func:`~neatfool.measure.image_features` says.
        kinds: The kind of each image, int64 [N].
    """
    ones, ends = np.ones(len(kinds)), np.arange(len(kinds) + 1)
    sizes = np.bincount(kinds)
    pairs, own = float((sizes * (sizes - 1)).sum()), float(np.square(features).sum())

    def measure(chance: np.random.Generator | None) -> float:
        order = kinds if chance is None else chance.permutation(kinds)
        sums = csr_array((ones, order, ends), shape=(len(kinds), len(sizes))).T @ features
        return (float(np.square(sums).sum()) - own) / max(pairs, 1)

    return ChanceTest.of(measure)


def relate_runs(features: Sequence[np.ndarray]) -> ChanceTest:
    """Test whether R runs have like images for a class: each has float32 [N, D]."""
    runs, classes = len(features), len(features[0])
    own = sum(float(np.square(each).sum()) for each in features)

    def measure(chance: np.random.Generator | None) -> float:
        rows = (each if chance is None else each[chance.permutation(classes)] for each in features)
        return (float(np.square(sum(rows)).sum()) - own) / (classes * runs * (runs - 1))

    return ChanceTest.of(measure)


def share_nearer(features: Sequence[np.ndarray]) -> float:
    """Say how often a class's image in another run is more alike than another class's there."""
    shares = []
    for ours, theirs in permutations(features, 2):
        own, less = np.einsum("nd,nd->n", ours, theirs)[:, None], 0.0
        for start in range(0, len(ours), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            alike = ours[rows] @ theirs.T - own[rows]
            alike[np.arange(len(alike)), start + np.arange(len(alike))] = 0  # it is its own equal
            less += float((alike < 0).sum()) + ((alike == 0).sum() - len(alike)) / 2
        shares.append(less / (len(ours) * (len(theirs) - 1)))
    return float(np.mean(shares))
