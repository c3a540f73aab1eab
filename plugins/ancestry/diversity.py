"""Diversity: how many founders the elites of a run descend from, and how alike their images are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import networkx as nx
import numpy as np
from pydantic import Field

from neatfool import RunError
from neatfool.measure import RunFacts, image_features, join_spaces
from neatfool.wording import share

if TYPE_CHECKING:
    from neatfool import Run

ALIKE: Final = 0.8
"""At this mean correlation two images look like one motif; at 0.7 some pairs do not."""
MOST_COMPARED: Final = 2000
"""A run's report says how diverse the elites are up to this number."""
AT_ONCE: Final = 1024
"""Images are compared with all others in pieces of this size: 4 MB for a thousand images."""


class Diversity(RunFacts):
    """How different the elites of a run are."""

    images: int = Field(description="how many different images the elites have")
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
    nearest: dict[str, float] | None = Field(
        description="for `layout`, `texture` and `colour`, the median correlation of an elite's "
        "image with the one most like it; null of one elite"
    )
    look_alikes: float = Field(
        description=f"the share of elites with a look-alike: another's image whose mean "
        f"correlation with theirs is at least {ALIKE}"
    )

    def headline(self) -> str:
        """Say in a sentence how diverse the elites are."""
        return (
            f"{self.elites:,} elites descend from {self.founders:,} first individuals, effectively "
            f"{self.effective_founders:.0f}, and {share(self.most_fruitful)} of them from the most "
            f"fruitful one. {share(self.look_alikes)} look like another."
        )


def diversity(
    run: Run, graph: nx.DiGraph | None = None, features: Mapping[str, np.ndarray] | None = None
) -> Diversity:
    """Say how different the elites of a run are, in descent and in what they show.

    Args:
        run: The run.
        graph: Its :meth:`~neatfool.Run.phylogeny`, if it is there already.
        features: How its elites' images look, if that is known already.

    Raises:
        RunError: The run has no elites.
    """
    if not len(run):
        raise RunError(f"{run.path}: the run has no elites yet; let it go on for a while")
    graph = run.phylogeny(kinds=False) if graph is None else graph
    features = image_features(run.elites) if features is None else features
    holders = [elite.candidate_id for elite in run.elites]
    descendants = Counter(
        node
        for id_ in holders
        for node in (id_, *nx.ancestors(graph, id_))
        if not graph.in_degree(node)
    )
    shares = np.array([*founder_shares(graph, holders).values()])
    return Diversity(
        **RunFacts.facts(run, len(holders)),
        images=len({*holders}),
        founders=len(descendants),
        effective_founders=float(shares.sum() ** 2 / (shares**2).sum()),
        most_fruitful=max(descendants.values()) / len(holders),
        nearest={name: float(np.median(_nearest(rows))) for name, rows in features.items()}
        if len(holders) > 1
        else None,
        look_alikes=float((_nearest(join_spaces(features)) >= ALIKE).mean()),
    )


def founder_shares(graph: nx.DiGraph, holders: list[int]) -> dict[int, float]:
    """Divide each niche among the founders of its holder, in equal parts of each one's parents."""
    shares: dict[int, float] = dict(Counter(holders))
    for id_ in reversed([*nx.topological_sort(graph)]):
        parents = [*graph.predecessors(id_)]
        part = shares.pop(id_, 0.0) if parents else 0.0
        for parent in parents if part else ():
            shares[parent] = shares.get(parent, 0.0) + part / len(parents)
    return shares


def _nearest(rows: np.ndarray) -> np.ndarray:
    """Give for each row the scalar product with the other one that is most like it."""
    found = np.full(len(rows), -1.0)
    for start in range(0, len(rows), AT_ONCE):
        alike = rows[start : start + AT_ONCE] @ rows.T
        own = np.arange(len(alike))
        alike[own, start + own] = -1
        found[start : start + AT_ONCE] = alike.max(1)
    return found
