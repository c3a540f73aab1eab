"""Which functions the elites' networks use, from the first generation to the last."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx

    from neatfool import EliteView, Run

MOST_CLASSES: Final = 20
"""The elites of this many classes are looked at; each takes two milliseconds an instant."""
MOST_INSTANTS: Final = 10
WIDTH, HEIGHT = 200, 28


@dataclass(frozen=True)
class Use:
    """How much a function is used: its share of the nodes, at each instant.

    Attributes:
        name: The function.
        shares: From 0 to 1, at each instant.
        path: The shares as an SVG path.
    """

    name: str
    shares: Sequence[float]
    path: str


@dataclass(frozen=True)
class Functions:
    """The functions that are used.

    Attributes:
        classes: The elites of this many classes were looked at.
        begun: Images scored at the first instant; ``ended``, at the last.
        activations: The activations, those used most at the end first.
        aggregations: The aggregations, the same.
        tops: The share at the top of the activations' lines, and of the aggregations'.
    """

    classes: int
    begun: int
    ended: int
    activations: list[Use]
    aggregations: list[Use]
    tops: tuple[float, float]


def read_functions(
    run: Run, phylogeny: nx.DiGraph, elites: Sequence[EliteView]
) -> Functions | None:
    """Count the functions of elites at some instants; None if genomes are no graphs."""
    held = _held(run, phylogeny, elites)
    history = run.history
    instants = [history[place] for place in evenly(len(history), MOST_INSTANTS)]
    try:
        counted = _count_at(run, held, [instant.generation for instant in instants])
    except RunError:  # this encoding's genomes are no graphs
        return None
    shares = [_shares(counted, kind) for kind in ("activation", "aggregation")]
    if not all(shares):
        return None
    tops = [max(math.ceil(10 * max(map(max, each.values()))) / 10, 0.1) for each in shares]
    activations, aggregations = (
        [_use(*item, top) for item in _ordered(each)]
        for each, top in zip(shares, tops, strict=True)
    )
    begun, ended = instants[0].evaluations, instants[-1].evaluations
    return Functions(len(held), begun, ended, activations, aggregations, (tops[0], tops[1]))


def _held(
    run: Run, phylogeny: nx.DiGraph, elites: Sequence[EliteView]
) -> dict[int, list[tuple[int, int]]]:
    """Give for some classes their holders, each as (generation, candidate), the first one first."""
    chosen = {elites[place].index for place in evenly(len(elites), MOST_CLASSES)}
    held: dict[int, list[tuple[int, int]]] = {}
    for index, id_, _ in run.holders():
        if index in chosen and id_ in phylogeny:
            held.setdefault(index, []).append((phylogeny.nodes[id_]["generation"], id_))
    return held


def _count_at(
    run: Run, held: dict[int, list[tuple[int, int]]], generations: Sequence[int]
) -> list[Counter[tuple[str, str]]]:
    """Count the functions of the elites after each of some generations."""
    used: dict[int, Counter[tuple[str, str]]] = {}
    counted = []
    for generation in generations:
        total: Counter[tuple[str, str]] = Counter()
        for index, line in held.items():
            if place := bisect_right(line, generation, key=lambda each: each[0]):
                id_ = line[place - 1][1]
                if id_ not in used:
                    used[id_] = _count(run.holder(index, id_).graph())
                total.update(used[id_])
        counted.append(total)
    return counted


def evenly(count: int, most: int) -> list[int]:
    """Choose at most so many places of a line, at equal distances, the first and last included."""
    places = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return [*dict.fromkeys(places.tolist())]


def _count(graph: nx.DiGraph) -> Counter[tuple[str, str]]:
    return Counter(
        (kind, str(data[kind]))
        for _, data in graph.nodes(data=True)
        for kind in ("activation", "aggregation")
        if data.get("kind") != "input" and data.get(kind)
    )


def _shares(counted: Sequence[Counter[tuple[str, str]]], kind: str) -> dict[str, list[float]]:
    names = {name for total in counted for of, name in total if of == kind}
    sums = [max(1, sum(n for (of, _), n in all_.items() if of == kind)) for all_ in counted]
    return {name: [c[kind, name] / n for c, n in zip(counted, sums, strict=True)] for name in names}


def _ordered(shares: dict[str, list[float]]) -> list[tuple[str, list[float]]]:
    return sorted(shares.items(), key=lambda item: (-item[1][-1], -max(item[1]), item[0]))


def _use(name: str, shares: list[float], top: float) -> Use:
    """Draw shares from 0, at the bottom, to ``top``; a single instant is a level line."""
    values = shares * 2 if len(shares) == 1 else shares
    step = WIDTH / (len(values) - 1)
    points = [f"{step * i:.0f} {HEIGHT * (1 - value / top):.1f}" for i, value in enumerate(values)]
    return Use(name, shares, "M" + "L".join(points))
