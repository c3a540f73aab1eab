"""Chooses what is swept: lines of ancestors, and children with their parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats

from neatfool import cppn

from .fracture import sweep, sweep_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import networkx as nx

    from neatfool import Ancestor, EliteView, Run

    from .fracture import Sweeps

LONGEST: Final = 8
"""Of a longer line of ancestors so many are swept, evenly chosen with the first and the last."""
FEWEST: Final = 6
"""Fewer pairs cannot reach p < 0.05 in Wilcoxon's test."""
PRESENTED: Final = 3
"""So many of a line's individuals are shown with their sweeps: the elite, and two before it."""
ROWS: Final = 6
"""So many weights are shown of each: those that change the picture most."""


@dataclass(frozen=True)
class Swept:
    """An individual of a line of ancestors, and its sweeps.

    Attributes:
        individual: The individual.
        kind: How it was made.
        sweeps: What was measured.
        rows: Some of its sweeps to be shown: what the weight connects, and uint8 [9, C, H, W].
    """

    individual: Ancestor
    kind: str
    sweeps: Sweeps
    rows: list[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Line:
    """An elite's line of ancestors, the oldest first."""

    elite: EliteView
    steps: int
    swept: list[Swept]


@dataclass(frozen=True)
class Pairs:
    """Children and their only parents.

    Attributes:
        kind: How the children were made: "learned" or "bred".
        fracture: float64 [N, 2], of the parents and of the children.
        entangled: float64 [N, 2], the same.
    """

    kind: str
    fracture: np.ndarray
    entangled: np.ndarray

    @staticmethod
    def p(before_after: np.ndarray) -> float:
        """Give the p of Wilcoxon's signed-rank test, two-sided; NaN of too few pairs."""
        change = np.diff(before_after)[:, 0]
        change = change[np.isfinite(change) & (change != 0)]
        return float(stats.wilcoxon(change).pvalue) if len(change) >= FEWEST else float("nan")


@dataclass(frozen=True)
class Sweeping:
    """All that was swept in a run."""

    lines: list[Line]
    pairs: list[Pairs]


def plan_pairs(graph: nx.DiGraph, count: int, seed: int) -> dict[str, list[tuple[int, int]]]:
    """Draw (parent, child) of individuals with one parent that are ancestors of elites, by kind."""
    chance = np.random.default_rng(seed)
    # A run keeps the genomes of all ancestors, and opens those that ever held a niche.
    held = {id_ for id_, niches in graph.nodes(data="held") if niches}
    found = {}
    for kind in ("learned", "bred"):
        of_kind = sorted(
            id_
            for id_ in held
            if graph.nodes[id_]["kind"] == kind
            and graph.in_degree(id_) == 1
            and held.issuperset(graph.predecessors(id_))
        )
        drawn = chance.permutation(len(of_kind))[:count].tolist()
        children = [of_kind[place] for place in drawn]
        found[kind] = [(next(graph.predecessors(child)), child) for child in children]
    return {kind: pairs for kind, pairs in found.items() if pairs}


def sweep_run(
    run: Run,
    graph: nx.DiGraph,
    elites: Sequence[EliteView],
    pairs: dict[str, list[tuple[int, int]]],
    *,
    span: float,
    seed: int,
    note: Callable[[], None],
) -> Sweeping | None:
    """Sweep the lines of some elites, and pairs of parent and child.

    Args:
        run: The run.
        graph: Its phylogeny.
        elites: Those whose lines are swept.
        pairs: (parent, child) by how the child was made.
        span: See :data:`.fracture.SPAN`.
        seed: Which weights are drawn.
        note: Called after each individual.

    Returns:
        None if the genomes are no CPPNs.
    """
    if not elites or not isinstance(elites[0].genome, cppn.Genome):
        return None
    numbers = {name: index for index, name in enumerate(run.classes)}

    def measure(id_: int) -> tuple[float, float]:
        first = next(iter(graph.nodes[id_]["held"]))
        genome = run.holder(numbers[first], id_).genome
        swept = sweep_all(run.encoding, genome, span=span, seed=seed)
        note()
        return swept.fracture, swept.entangled

    measured = {
        kind: np.array([[measure(parent), measure(child)] for parent, child in chosen])
        for kind, chosen in pairs.items()
    }
    return Sweeping(
        [_sweep_line(run, graph, elite, span=span, seed=seed, note=note) for elite in elites],
        [Pairs(kind, each[..., 0], each[..., 1]) for kind, each in measured.items()],
    )


def chosen_of(line: Sequence[Any], most: int = LONGEST) -> list[Any]:
    """Choose evenly from a line, the first and the last among them."""
    places = np.linspace(0, len(line) - 1, min(most, len(line))).round().astype(int)
    return [line[place] for place in dict.fromkeys(places.tolist())]


def _sweep_line(
    run: Run,
    graph: nx.DiGraph,
    elite: EliteView,
    *,
    span: float,
    seed: int,
    note: Callable[[], None],
) -> Line:
    line = run.lineage(elite.index)[::-1]
    chosen = chosen_of(line)
    shown = {each.candidate_id for each in chosen_of(chosen, PRESENTED)}
    swept = []
    for each in chosen:
        sweeps = sweep_all(run.encoding, each.genome, span=span, seed=seed)
        rows = _rows(run, each.genome, sweeps, span) if each.candidate_id in shown else []
        swept.append(Swept(each, graph.nodes[each.candidate_id]["kind"], sweeps, rows))
        note()
    return Line(elite, len(line) - 1, swept)


def _rows(run: Run, genome: Any, sweeps: Sweeps, span: float) -> list[tuple[str, np.ndarray]]:
    graph = run.encoding.graph(genome)
    assert graph is not None
    labels = dict(graph.nodes(data="label"))
    strongest = np.argsort(-sweeps.change, kind="stable")[:ROWS].tolist()
    return [
        (
            f"{labels[source]} → {labels[target]}, {sweeps.weights[place]:.2g}",
            sweep(run.encoding, genome, (source, target), span=span),
        )
        for place in strongest
        for source, target in [sweeps.edges[place]]
    ]
