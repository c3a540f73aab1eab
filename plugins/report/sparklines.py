"""Sparklines: each class's confidence, and the use of each function, over the images scored."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from neatfool import RunError
from neatfool.present import decimal_odds, evenly, ticks_around
from neatfool.wording import counted, level, percent

if TYPE_CHECKING:
    import networkx as nx

    from neatfool import EliteView, Run

COURSE_BOX: Final = (240, 72)
"""The place of a line, in its own units. A line has at most a step for each unit of its width."""
TICKS: Final = (0.0001, 0.01, 0.5, 0.99, 0.9999, 0.999999)
"""Lines across; they are two decades of the odds apart."""
MOST_CLASSES: Final = 20
"""The elites of this many classes are looked at; each takes two milliseconds an instant."""
MOST_INSTANTS: Final = 10
USE_BOX: Final = (200, 28)


class Course(NamedTuple):
    """The confidence of a class in its elites: a line as an SVG path, and the same in words."""

    path: str
    text: str


def read_courses(
    run: Run, elites: Sequence[EliteView]
) -> tuple[dict[int, Course], list[tuple[float, str]]]:
    """Read how the confidence of each class rose, up to that of its elite.

    Returns:
        The course of each class that ever had an elite, by its index; and the lines across: their
        height, and the confidence in words.
    """
    scored = {report.generation: report.evaluations for report in run.history}
    steps: dict[int, list[tuple[int, float]]] = {}
    for generation, index, confidence in run.replacements:
        steps.setdefault(index, []).append((scored[generation], confidence))
    if not steps:
        return {}, []
    odds = {index: decimal_odds([sure for _, sure in each]) for index, each in steps.items()}
    every = np.concatenate([*odds.values()])
    shown = ticks_around(TICKS, every.min(), every.max())
    high, low = decimal_odds([shown[-1], shown[0]]).tolist()
    heights = {i: COURSE_BOX[1] * (high - values) / (high - low) for i, values in odds.items()}
    last, ends = run.evaluations, {e.index: percent(e.confidence, e.rank) for e in elites}
    across = COURSE_BOX[1] * (high - decimal_odds(shown)) / (high - low)
    ticks = [(round(y, 1), level(p)) for y, p in zip(across.tolist(), shown, strict=True)]
    courses = {}
    for i, each in steps.items():
        if i in ends:
            text = f"{ends[i]} after {each[-1][0]:,}"
            if len(each) == 1:
                text += " images"
            else:
                taken = counted(len(each) - 1, "replacement", "replacements")
                text = f"{percent(each[0][1])} after {each[0][0]:,} images, {text}, by {taken}"
            courses[i] = Course(_path(each, heights[i].round().astype(int), last), text)
    return courses, ticks


def _path(steps: Sequence[tuple[int, float]], heights: np.ndarray, last: int) -> str:
    """Draw steps; of those in the same column only the last is kept."""
    at = (round(COURSE_BOX[0] * scored / last) for scored, _ in steps)
    columns = dict(zip(at, heights.tolist(), strict=True))
    path, before = "", -1
    for x, y in columns.items():
        if y != before:
            path += f"H{x}V{y}" if path else f"M{x} {y}"
            before = y
    return f"{path}H{COURSE_BOX[0]}"


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
    chosen = {elites[place].index for place in evenly(len(elites), MOST_CLASSES)}
    held: dict[int, list[tuple[int, int]]] = {}  # (generation, candidate), the first one first
    for index, id_, _ in run.holders():
        if index in chosen and id_ in phylogeny:
            held.setdefault(index, []).append((phylogeny.nodes[id_]["generation"], id_))
    count = cache(lambda index, id_: _count(run.holder(index, id_).graph()))
    history = run.history
    instants = [history[place] for place in evenly(len(history), MOST_INSTANTS)]
    functions = []
    try:
        for instant in instants:
            total: Counter[tuple[str, str]] = Counter()
            for index, line in held.items():
                if place := bisect_right(line, instant.generation, key=lambda each: each[0]):
                    total.update(count(index, line[place - 1][1]))
            functions.append(total)
    except RunError:  # this encoding's genomes are no graphs
        return None
    shares = [_shares(functions, kind) for kind in ("activation", "aggregation")]
    if not all(shares):
        return None
    tops = [max(math.ceil(10 * max(map(max, each.values()))) / 10, 0.1) for each in shares]
    activations, aggregations = (
        [_use(*item, top) for item in each.items()] for each, top in zip(shares, tops, strict=True)
    )
    return {
        "classes": len(held),
        "begun": instants[0].evaluations,
        "ended": instants[-1].evaluations,
        "activations": activations,
        "aggregations": aggregations,
        "tops": tops,
    }


def _count(graph: nx.DiGraph) -> Counter[tuple[str, str]]:
    return Counter(
        (kind, str(data[kind]))
        for _, data in graph.nodes(data=True)
        for kind in ("activation", "aggregation")
        if data.get("kind") != "input" and data.get(kind)
    )


def _shares(counted: Sequence[Counter[tuple[str, str]]], kind: str) -> dict[str, list[float]]:
    """Give the shares of functions of a kind at each instant, those used most at the end first."""
    names = {name for total in counted for of, name in total if of == kind}
    sums = [max(1, sum(n for (of, _), n in all_.items() if of == kind)) for all_ in counted]
    of = {name: [c[kind, name] / n for c, n in zip(counted, sums, strict=True)] for name in names}
    return dict(sorted(of.items(), key=lambda item: (-item[1][-1], -max(item[1]), item[0])))


def _use(name: str, shares: list[float], top: float) -> dict[str, Any]:
    """Draw shares from 0, at the bottom, to ``top``; a single instant is a level line."""
    values = shares * 2 if len(shares) == 1 else shares
    step = USE_BOX[0] / (len(values) - 1)
    points = [
        f"{step * i:.0f} {USE_BOX[1] * (1 - value / top):.1f}" for i, value in enumerate(values)
    ]
    return {"name": name, "shares": shares, "path": "M" + "L".join(points)}
