"""Which functions the elites' networks use, from the first generation to the last."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from neatfool import RunError
from neatfool.present import evenly

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx

    from neatfool import EliteView, Run

MOST_CLASSES: Final = 20
"""The elites of this many classes are looked at; each takes two milliseconds an instant."""
MOST_INSTANTS: Final = 10
WIDTH, HEIGHT = 200, 28


def read_functions(
    run: Run, phylogeny: nx.DiGraph, elites: Sequence[EliteView]
) -> dict[str, Any] | None:
    """Count the functions of elites at some instants; None if genomes are no graphs.

    Returns:
        ``classes``, the elites of so many were looked at; ``begun`` and ``ended``, images scored at
        the first instant and at the last; ``activations`` and ``aggregations``, those used most at
        the end first, each with its share of the nodes at each instant and a line of them; and
        ``tops``, the shares at the top of the activations' lines, and of the aggregations'.
    """
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
    return {
        "classes": len(held),
        "begun": instants[0].evaluations,
        "ended": instants[-1].evaluations,
        "activations": activations,
        "aggregations": aggregations,
        "tops": tops,
    }


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


def _use(name: str, shares: list[float], top: float) -> dict[str, Any]:
    """Draw shares from 0, at the bottom, to ``top``; a single instant is a level line."""
    values = shares * 2 if len(shares) == 1 else shares
    step = WIDTH / (len(values) - 1)
    points = [f"{step * i:.0f} {HEIGHT * (1 - value / top):.1f}" for i, value in enumerate(values)]
    return {"name": name, "shares": shares, "path": "M" + "L".join(points)}
