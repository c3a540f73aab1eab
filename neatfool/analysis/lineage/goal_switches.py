"""Goal switches: which classes' elites have children that take which niches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import Field

from neatfool.analysis.lineage.kinds import wordnet_kinds
from neatfool.present.charts.lines import draw_flows
from neatfool.present.finding import Facts

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure

    from neatfool.analysis.lineage.kinds import Kinds
    from neatfool.run.run import Run

MOST_CLASSES: Final = 24
"""Flows between more classes are shown between their broad kinds."""
REST: Final = "all others"


class GoalSwitches(Facts):
    """Goal switches between groups of classes."""

    groups: tuple[str, ...] = Field(description="the names of the groups: classes, or broad kinds")
    counts: list[list[float]] = Field(description="how many lead from row to column")
    expected: list[list[float]] = Field(description="the same, if all led anywhere alike")
    between_classes: np.ndarray = Field(exclude=True, repr=False)

    @property
    def total(self) -> float:
        """How many there are."""
        return float(self.between_classes.sum())

    def largest(self, most: int) -> list[tuple[str, str, str, str]]:
        """List the largest flows: from, to, how many, and how many times chance (``"2.4 x"``)."""
        counts, expected = np.array(self.counts), np.array(self.expected)
        rows = []
        for place in np.argsort(-counts, axis=None, kind="stable")[:most].tolist():
            row, column = divmod(place, len(self.groups))
            if count := counts[row, column]:
                times = f"{count / expected[row, column]:.1f} x" if expected[row, column] else "-"
                rows.append((self.groups[row], self.groups[column], f"{count:,.0f}", times))
        return rows

    def draw_matrix(self) -> Figure:
        """Draw a matrix: a cell's number is the flow, its colour how far from chance it is."""
        return draw_flows(self.groups, np.array(self.counts), np.array(self.expected))


def goal_switches(run: Run, phylogeny: nx.DiGraph, kinds: Kinds | None = None) -> GoalSwitches:
    """Count a run's goal switches.

    A goal switch is a niche that passes to a child of an elite, if none of the child's parents held
    this niche. It comes from the classes that the fitter parent held before that generation; if the
    fitter one held none, from those of the other parent. Each of several classes has an equal part
    in it, so that the sum over all classes is the number of goal switches.

    Args:
        run: The run.
        phylogeny: Its :meth:`~neatfool.Run.phylogeny`.
        kinds: How its classes are related; WordNet's if absent. Flows between many classes are
            shown between their kinds, or, if nothing is known of these, between the busiest ones.
    """
    flows = _count(run, phylogeny)
    searched = np.array(run.searched)
    if len(searched) <= MOST_CLASSES:
        names, of = [run.classes[index] for index in searched], np.arange(len(searched))
    elif kinds := kinds or wordnet_kinds(run.classes):
        names, of = [*kinds.broad], kinds.of[searched]
    else:
        busy = (flows.sum(0) + flows.sum(1))[searched].argsort(kind="stable")[::-1]
        most = busy[: MOST_CLASSES - 1]
        names, of = [run.classes[searched[place]] for place in most], np.full(len(searched), -1)
        of[most] = np.arange(len(most))
    if (of < 0).any():
        of = np.where(of < 0, len(names), of)
        names.append(REST)
    member = np.eye(len(names))[of]
    sizes = member.sum(0)
    share = np.outer(sizes, sizes) - np.diag(sizes)
    counts = member.T @ flows[np.ix_(searched, searched)] @ member
    return GoalSwitches(
        groups=tuple(names),
        counts=counts.tolist(),
        expected=(counts.sum() * share / max(1, share.sum())).tolist(),
        between_classes=flows,
    )


def _count(run: Run, graph: nx.DiGraph) -> np.ndarray:
    """Count goal switches from class to class: float64 [K, K]."""
    flows = np.zeros((len(run.classes), len(run.classes)))
    numbers = {name: index for index, name in enumerate(run.classes)}
    holder: dict[int, int] = {}
    niches: dict[int, set[int]] = {}
    born: dict[int, list[int]] = {}
    for id_, generation in graph.nodes(data="generation"):
        born.setdefault(generation, []).append(id_)
    for generation in sorted(born):
        changes = [
            (numbers[name], id_) for id_ in born[generation] for name in graph.nodes[id_]["held"]
        ]
        for number, id_ in changes:
            parents = sorted(graph.in_edges(id_, "position"), key=lambda edge: edge[2])
            held = [niches[parent] for parent, *_ in parents if niches.get(parent)]
            if held and holder.get(number) not in {parent for parent, *_ in parents}:
                flows[sorted(held[0]), number] += 1 / len(held[0])
        for number, id_ in changes:
            niches.get(holder.get(number, -1), set()).discard(number)
            holder[number] = id_
            niches.setdefault(id_, set()).add(number)
    return flows
