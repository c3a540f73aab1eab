"""Flows: the goal switches from class to class, and their sums between groups of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import networkx as nx

    from neatfool import Run

    from .kinds import Kinds

MOST_CLASSES: Final = 24
"""Flows between more classes are shown between their broad kinds."""
REST: Final = "all others"


@dataclass(frozen=True)
class Flows:
    """Goal switches between groups.

    Attributes:
        names: The G groups: classes, or broad kinds.
        counts: float64 [G, G], from the row's group to the column's.
        expected: float64 [G, G], if they went from any class to any other alike.
    """

    names: tuple[str, ...]
    counts: np.ndarray
    expected: np.ndarray


def count_flows(run: Run, graph: nx.DiGraph) -> np.ndarray:
    """Count goal switches from class to class.

    A goal switch is a niche that passes to a child of an elite, if none of the child's parents held
    this niche. It comes from the classes that the fitter parent held before that generation; if the
    fitter one held none, from those of the other parent. Each of several classes has an equal part
    in it, so that the sum of the matrix is the number of goal switches.
    """
    flows = np.zeros((len(run.classes), len(run.classes)))
    numbers = {name: index for index, name in enumerate(run.classes)}
    holder: dict[int, int] = {}
    niches: dict[int, set[int]] = {}
    for generation in _by_generation(graph):
        changes = [(numbers[name], id_) for id_ in generation for name in graph.nodes[id_]["held"]]
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


def _by_generation(graph: nx.DiGraph) -> list[list[int]]:
    born: dict[int, list[int]] = {}
    for id_, generation in graph.nodes(data="generation"):
        born.setdefault(generation, []).append(id_)
    return [born[generation] for generation in sorted(born)]


def group_flows(run: Run, flows: np.ndarray, kinds: Kinds | None) -> Flows:
    """Add up flows: between few classes, or between kinds, or between the busiest classes."""
    searched = np.array(run.searched)
    if len(searched) <= MOST_CLASSES:
        names, of = [run.classes[index] for index in searched], np.arange(len(searched))
    elif kinds is not None:
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
    return Flows(tuple(names), counts, counts.sum() * share / max(1, share.sum()))
