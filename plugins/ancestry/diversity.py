"""Diversity: how many founders elites descend from, and which of their images are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from neatfool.measure import RunFacts, image_features, join_spaces
from neatfool.present import Facts
from neatfool.wording import counted, share

if TYPE_CHECKING:
    from neatfool import Run

ALIKE: Final = 0.8
"""At this mean correlation two images look like one motif; at 0.7 some pairs do not."""
MOST_COMPARED: Final = 2000
"""A run's report says how diverse the elites are up to this number."""
PERMUTATIONS: Final = 999
AT_ONCE: Final = 1024
"""Images are compared with all others in pieces of this size, so that memory stays small."""


class Diversity(RunFacts):
    """How different the elites of a run are."""

    founders: int = Field(
        description="individuals of the first generation that some elite descends from"
    )
    effective_founders: float = Field(
        description="how many founders with equal shares would be as diverse: 1 / Σ p², where p is "
        "a founder's share in the elites, and each parent gives an equal part (the founder "
        "equivalents of Lacy, 1989)"
    )
    most_fruitful: float = Field(
        description="the largest share of elites that descend from one of them"
    )
    look_alikes: float = Field(
        description=f"the share of elites with a look-alike: another's image whose mean "
        f"correlation with theirs is at least {ALIKE}"
    )

    def headline(self) -> str:
        """Say how diverse the elites are."""
        founders = counted(self.founders, "first image", "first images")
        if self.elites == 1:
            return f"The only elite descends from {founders}."
        return (
            f"The {counted(self.elites, 'elite', 'elites')} descend from {founders}, and "
            f"{share(self.most_fruitful)} of them share one of these; {share(self.look_alikes)} "
            "have a look-alike."
        )


def measure_diversity(
    run: Run, graph: nx.DiGraph, features: Mapping[str, np.ndarray] | None = None
) -> dict[str, Any]:
    """Give the fields of :class:`Diversity` for a run with elites.

    Args:
        run: The run.
        graph: Its :meth:`~neatfool.Run.phylogeny`.
        features: How its elites' images look, if that is known already.
    """
    holders = [elite.candidate_id for elite in run.elites]
    descendants = Counter(
        node
        for id_ in holders
        for node in (id_, *nx.ancestors(graph, id_))
        if not graph.in_degree(node)
    )
    shares = np.array([*founder_shares(graph, holders).values()])
    nearest = nearest_likeness(join_spaces(features or image_features(run.elites)))
    return RunFacts.facts(run, len(holders)) | {
        "founders": len(descendants),
        "effective_founders": float(shares.sum() ** 2 / (shares**2).sum()),
        "most_fruitful": max(descendants.values()) / len(holders),
        "look_alikes": float((nearest >= ALIKE).mean()),
    }


def founder_shares(graph: nx.DiGraph, holders: list[int]) -> dict[int, float]:
    """Divide each niche among the founders of its holder, in equal parts of each one's parents."""
    shares: dict[int, float] = dict(Counter(holders))
    for id_ in reversed([*nx.topological_sort(graph)]):
        parents = [*graph.predecessors(id_)]
        part = shares.pop(id_, 0.0) if parents else 0.0
        for parent in parents if part else ():
            shares[parent] = shares.get(parent, 0.0) + part / len(parents)
    return shares


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


def nearest_likeness(rows: np.ndarray) -> np.ndarray:
    """Give for each row the scalar product with the other one that is most like it."""
    found = np.full(len(rows), -1.0)
    for start in range(0, len(rows), AT_ONCE):
        alike = rows[start : start + AT_ONCE] @ rows.T
        own = np.arange(len(alike))
        alike[own, start + own] = -1
        found[start : start + AT_ONCE] = alike.max(1)
    return found
