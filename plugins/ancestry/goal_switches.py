"""Goal switches: niches that children of other classes' elites took, by classes or kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

import networkx as nx
import numpy as np
from pydantic import Field
from scipy.sparse import csr_array
from scipy.special import gammaincinv

from neatfool.present import Block, Chart, Facts, Table, draw_cells, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neatfool import Run

FEWEST_SWITCHES: Final = 5
"""Of fewer, no ratio to chance is given."""
MOST_CLASSES: Final = 24
"""Flows between more classes are shown between their broad kinds."""
MOST_IN_A_COLUMN: Final = 12
"""A matrix of more groups takes the page's width."""
MOST_ROWS: Final = 8


class GoalSwitches(Facts):
    """Goal switches between groups of classes."""

    groups: tuple[str, ...]
    """the names of the groups: classes, or broad kinds"""
    of_kinds: bool
    """whether the groups are broad kinds"""
    counts: list[list[float]]
    """how many lead from row to column"""
    expected: list[list[float]]
    """the same, if all led anywhere alike"""
    origins: csr_array = Field(exclude=True, repr=False)
    """float64 [N, K], for each of N children the parts of the K classes it came from: one in all"""
    taken: csr_array = Field(exclude=True, repr=False)
    """float64 [N, K], 1 for each class whose niche the child took"""

    @property
    def total(self) -> float:
        """How many there are."""
        return float(np.sum(self.counts))

    @property
    def between_classes(self) -> csr_array:
        """How many lead from class to class, [K, K]; large if many classes have one elite."""
        return csr_array(self.origins.T @ self.taken)

    def within(self) -> tuple[float, float]:
        """Give the share of them that stays within a group, and the share that chance would."""
        total = max(self.total, 1)
        return float(np.trace(self.counts)) / total, float(np.trace(self.expected)) / total

    def blocks(self, label: str = "") -> Iterator[Block]:
        """Show them as a matrix, and list the largest flows; nothing if there were none."""
        if not self.total:
            return
        yield Chart(
            "Goal switches from the row to the column, in numbers",
            self.draw,
            "Goal switches",
            "How often an elite of the row's class or kind had a child that took a niche of the "
            "column's. Red is more often than if switches led from any class to any other alike, "
            "blue is less often.",
            wide=len(self.groups) > MOST_IN_A_COLUMN,
        )
        counts, expected = np.array(self.counts), np.array(self.expected)
        rows = []
        for place in np.argsort(-counts, axis=None, kind="stable")[:MOST_ROWS].tolist():
            row, column = divmod(place, len(self.groups))
            if count := counts[row, column]:
                enough = round(count) >= FEWEST_SWITCHES and expected[row, column]
                times = _times_chance(count, expected[row, column]) if enough else "-"
                rows.append((self.groups[row], self.groups[column], f"{count:,.0f}", times))
        heads = ("from", "to", "switches", "times chance (95 % interval)")
        yield Table(heads, rows, f"The most frequent goal switches{label}", words=(0, 1))

    def draw(self) -> Figure:
        """Draw a matrix: a cell's number is the flow, its colour how far from chance it is."""
        names, counts = [*map(short, self.groups)], np.array(self.counts)
        # One switch more on either side, so that few say little.
        ratio = np.log2((counts + 1) / (np.array(self.expected) + 1))
        texts = [[f"{count:,.0f}" if count >= 0.5 else "" for count in row] for row in counts]
        colours = {"cmap": "RdBu_r", "vmin": -3, "vmax": 3}
        return draw_cells(ratio, texts, names, names, cell=(34, 34), upright=True, **colours)


def _times_chance(count: float, expected: float) -> str:
    """Write a ratio to chance with its exact Poisson interval: ``"2.4 x (1.1 to 4.6)"``."""
    low, high = gammaincinv([count, count + 1], [0.025, 0.975]) / expected
    return f"{count / expected:.1f} x ({low:.1f} to {high:.1f})"


def goal_switches(run: Run, phylogeny: nx.DiGraph) -> GoalSwitches:
    """Count a run's goal switches.

    A goal switch is a niche that passes to a child of an elite, if none of the child's parents held
    this niche. It comes from the classes that the fitter parent held before that generation; if the
    fitter one held none, from those of the other parent. Each of several classes has an equal part
    in it, so that the sum over all classes is the number of goal switches.

    Args:
        run: The run. Flows between many classes are shown between their kinds, or, if nothing is
            known of these, between the busiest ones.
        phylogeny: Its :meth:`~neatfool.Run.phylogeny`.
    """
    origins, taken = _read(run, phylogeny)
    searched, kinds = np.array(run.searched), None
    if len(searched) > MOST_CLASSES:
        from .broad_kinds import find_kinds

        kinds = find_kinds(run.classes)
    if len(searched) <= MOST_CLASSES:
        names, places = [run.classes[index] for index in searched], np.arange(len(searched))
    elif kinds is not None:
        names, places = [*kinds.names], kinds.places[searched]
    else:
        busy = (taken.sum(0) + origins.T @ taken.sum(1))[searched].argsort(kind="stable")[::-1]
        most = busy[: MOST_CLASSES - 1]
        names, places = [run.classes[index] for index in searched[most]], np.full(len(searched), -1)
        places[most] = np.arange(len(most))
    if (places < 0).any():
        places = np.where(places < 0, len(names), places)
        names.append("all others")
    sizes = np.bincount(places, minlength=len(names))
    share = np.outer(sizes, sizes) - np.diag(sizes)
    each = np.arange(len(places) + 1)
    member = csr_array((np.ones(len(places)), places, each), shape=(len(places), len(names)))
    counts = ((origins[:, searched] @ member).T @ (taken[:, searched] @ member)).toarray()
    return GoalSwitches(
        groups=tuple(names),
        of_kinds=kinds is not None,
        counts=counts.tolist(),
        expected=(counts.sum() * share / max(1, share.sum())).tolist(),
        origins=origins,
        taken=taken,
    )


def _read(run: Run, graph: nx.DiGraph) -> tuple[csr_array, csr_array]:
    """Read goal switches: of each child with one, the classes it came from, and those it took."""
    origins: list[list[int]] = []
    taken: list[list[int]] = []
    numbers = {name: index for index, name in enumerate(run.classes)}
    holder: dict[int, int] = {}
    niches: dict[int, set[int]] = {}
    born: dict[int, list[int]] = {}
    for id_, generation in graph.nodes(data="generation"):
        born.setdefault(generation, []).append(id_)
    for generation in sorted(born):
        changes = {
            id_: [numbers[name] for name in graph.nodes[id_]["held"]] for id_ in born[generation]
        }
        for id_, won in changes.items():
            parents = sorted(graph.in_edges(id_, "position"), key=lambda edge: edge[2])
            held = [niches[parent] for parent, *_ in parents if niches.get(parent)]
            own = {parent for parent, *_ in parents}
            if held and (new := [number for number in won if holder.get(number) not in own]):
                origins.append(sorted(held[0]))
                taken.append(new)
        for id_, won in changes.items():
            for number in won:
                niches.get(holder.get(number, -1), set()).discard(number)
                holder[number] = id_
                niches.setdefault(id_, set()).add(number)
    width = len(run.classes)
    return _rows(origins, width, parts=True), _rows(taken, width, parts=False)


def _rows(lists: Sequence[Sequence[int]], width: int, *, parts: bool) -> csr_array:
    """Make a row of each list of columns, of ones, or of parts that sum to one."""
    sizes = np.array([*map(len, lists)], np.int64)
    values = np.repeat(1 / sizes, sizes) if parts else np.ones(sizes.sum())
    columns = np.array([*chain.from_iterable(lists)], np.int64)
    ends = np.concatenate([[0], sizes.cumsum()])
    return csr_array((values, columns, ends), shape=(len(lists), width))
