"""Diversity: how many founders elites descend from, and which of their images are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
from pydantic import Field

from neatfool.measure import RunFacts, image_features, join_spaces
from neatfool.wording import among, counted

if TYPE_CHECKING:
    from neatfool import Run

ALIKE: Final = 0.8
"""At this mean correlation two images look like one motif; at 0.7 some pairs do not."""
MOST_COMPARED: Final = 2000
"""A run's report says how diverse the elites are up to this number."""
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

    def headline(self, of_run: str = "") -> str:
        """Say how diverse the elites are; ``of_run`` is said of the images."""
        ancestors = counted(self.founders, "random ancestor", "random ancestors")
        if self.elites == 1:
            return f"The only image{of_run} descends from {ancestors}."
        images = among(self.elites, self.elites, "image", "images")
        text = f"{images.capitalize()}{of_run} descend from {ancestors}"
        most, like = (round(part * self.elites) for part in (self.most_fruitful, self.look_alikes))
        if self.founders > 1 and most > 1:
            some = "all" if most == self.elites else f"{most:,}"
            text += f"; {some} of them share the most common one"
        alike = among(like, self.elites, "image", "images").capitalize()
        return f"{text}. {f'{alike} look like another one' if like else 'No two look alike'}."


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
    return RunFacts.facts(run, run.elites) | {
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


def nearest_likeness(rows: np.ndarray) -> np.ndarray:
    """Give for each row the scalar product with the other one that is most like it."""
    found = np.full(len(rows), -1.0)
    for start in range(0, len(rows), AT_ONCE):
        alike = rows[start : start + AT_ONCE] @ rows.T
        own = np.arange(len(alike))
        alike[own, start + own] = -1
        found[start : start + AT_ONCE] = alike.max(1)
    return found
