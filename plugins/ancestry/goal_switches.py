"""Goal switches: niches that passed to children of other classes' elites, between groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
from pydantic import Field
from scipy.sparse import coo_array, csr_array
from scipy.special import gammaincinv

from neatfool.present import (
    MUTED,
    Block,
    Chart,
    Facts,
    Panel,
    Section,
    Table,
    draw_cells,
    draw_figure,
    new_axes,
    short,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neatfool import Run

    from .relations import ClassRelations

FEWEST_SWITCHES: Final = 5
"""Of fewer, no ratio to chance is given."""
MOST_CLASSES: Final = 24
"""Flows between more classes are shown between their broad kinds."""
MOST_IN_A_COLUMN: Final = 12
"""A matrix of more groups takes the page's width."""
MOST_ROWS: Final = 8
"""A run's report lists so many classes and pairs."""
MOST_BINS: Final = 250
"""Classes of a larger map share a cell: a pixel each could not be seen."""
HEADS: Final = ("from", "to", "switches", "times chance (95 % interval)")


class GoalSwitches(Facts):
    """Goal switches between groups of classes."""

    groups: tuple[str, ...] = Field(description="the names of the groups: classes, or broad kinds")
    counts: list[list[float]] = Field(description="how many lead from row to column")
    expected: list[list[float]] = Field(description="the same, if all led anywhere alike")
    origins: csr_array = Field(exclude=True, repr=False)
    """float64 [N, K], for each of N children the parts of the K classes it came from: one in all"""
    taken: csr_array = Field(exclude=True, repr=False)
    """float64 [N, K], 1 for each class whose niche the child took"""

    @property
    def total(self) -> float:
        """How many there are."""
        return float(self.taken.sum())

    @property
    def between_classes(self) -> csr_array:
        """How many lead from class to class, [K, K]; large if many classes have one elite."""
        return csr_array(self.origins.T @ self.taken)

    def sum_between(self, classes: Sequence[int], places: np.ndarray, count: int) -> np.ndarray:
        """Sum those between some classes by ``count`` groups: float64 [count, count].

        Args:
            classes: The indices of C classes.
            places: int64 [C], the group of each.
            count: How many groups there are.
        """
        return _sum_between(self.origins[:, classes], self.taken[:, classes], places, count)

    def largest(self, most: int) -> list[tuple[str, str, str, str]]:
        """List the largest flows: from, to, how many, and how many times chance.

        The last is written with its exact 95 % Poisson interval, ``"2.4 x (1.1 to 4.6)"``. Of fewer
        than FEWEST_SWITCHES it is ``"-"``, as nearly any ratio would fit them.
        """
        counts, expected = np.array(self.counts), np.array(self.expected)
        rows = []
        for place in np.argsort(-counts, axis=None, kind="stable")[:most].tolist():
            row, column = divmod(place, len(self.groups))
            if count := counts[row, column]:
                times = "-"
                if round(count) >= FEWEST_SWITCHES and expected[row, column]:
                    ends = gammaincinv([count, count + 1], [0.025, 0.975])
                    value, low, high = np.array([count, *ends]) / expected[row, column]
                    times = f"{value:.1f} x ({low:.1f} to {high:.1f})"
                rows.append((self.groups[row], self.groups[column], f"{count:,.0f}", times))
        return rows

    def draw_matrix(self) -> Figure:
        """Draw a matrix: a cell's number is the flow, its colour how far from chance it is."""
        names, counts = [*map(short, self.groups)], np.array(self.counts)
        # One switch more on either side, so that few say little.
        ratio = np.log2((counts + 1) / (np.array(self.expected) + 1))
        texts = [[f"{count:,.0f}" if count >= 0.5 else "" for count in row] for row in counts]
        look: Any = {"cell": (34, 34), "size": 8, "rotation": 90, "cmap": "RdBu_r", "vmin": -3}
        look["is_light"] = lambda value: abs(value) <= 2
        return draw_cells(ratio, texts, names, names, **look, vmax=3)

    def chart(self) -> Chart:
        """Show the matrix."""
        return Chart(
            "Goal switches from the row to the column, in numbers",
            self.draw_matrix,
            "Goal switches",
            "How often an elite of the row's kind had a child that took a niche of the column's. "
            "Red: more often than if switches led from any class to any other alike; blue: less "
            "often.",
            wide=len(self.groups) > MOST_IN_A_COLUMN,
        )

    def report(self, run: Run) -> Iterator[Block]:
        """Show them in a run's report: nothing if there were none."""
        if not self.total:
            return

        def list_most(counts: np.ndarray, head: str, count: str) -> Table:
            order = np.argsort(-counts, kind="stable")[:MOST_ROWS].tolist()
            rows = [(run.classes[each], f"{counts[each]:,.0f}") for each in order if counts[each]]
            return Table((head, count), rows)

        yield Section(
            "Who took whose niche",
            "A goal switch: an elite's child took the niche of a class that its parents did not "
            f"hold. There were {self.total:,.0f}. neatfool ancestry --csv FILE lists them for each "
            "two classes, and tells whether they lead to related classes.",
        )
        yield self.chart()
        if len(self.groups) < len(run.searched):
            yield Chart(
                "Map of the goal switches between all classes",
                lambda: self.draw_map(run.searched),
                "Between all classes",
                "The same for the single classes, in the order of their numbers. The darker a "
                "point, the more switches.",
            )
        givers, takers = self.origins.T @ self.taken.sum(1), self.taken.sum(0)
        tables = list_most(givers, "parents of class", "took niches")
        yield Panel([tables, list_most(takers, "niche", "was taken")], "Who gave, who took")
        yield Table(
            HEADS,
            self.largest(MOST_ROWS),
            "The most frequent",
            "Times chance: how many there were for each one that there would be if switches led "
            "from any class to any other alike; only for five switches or more.",
            words=(0, 1),
        )

    def draw_map(self, searched: Sequence[int]) -> bytes:
        """Draw the flows between all classes, in their order; a dark cell has many switches."""
        from matplotlib.colors import LinearSegmentedColormap, LogNorm

        end, bins = len(searched), min(len(searched), MOST_BINS)
        summed = self.sum_between(searched, np.arange(end) * bins // end, bins)
        drawn, axes = new_axes(620, 620, left=64, right=16, top=16, bottom=54)
        axes.grid(visible=False)
        axes.set_facecolor("white")  # in the dark, too: dark cells would vanish
        axes.imshow(
            np.ma.masked_less_equal(summed, 0),
            cmap=LinearSegmentedColormap.from_list("", ["#9cc3e0", "#08306b"]),
            norm=LogNorm(vmin=min(0.2, summed.max() / 2), vmax=summed.max()),
            interpolation="nearest",
            extent=(0, end, end, 0),
            aspect="auto",
        )
        axes.spines[:].set_visible(True)
        axes.spines[:].set_color(MUTED)
        axes.set_xlabel("number of the class whose niche was taken", color=MUTED, fontsize=9.75)
        axes.set_ylabel("number of the parent's class", color=MUTED, fontsize=9.75)
        return draw_figure(drawn, zoom=2.0)


def goal_switches(
    run: Run, phylogeny: nx.DiGraph, kinds: ClassRelations | None = None
) -> GoalSwitches:
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
    origins, taken = _read(run, phylogeny)
    searched = np.array(run.searched)
    if len(searched) <= MOST_CLASSES:
        names, places = [run.classes[index] for index in searched], np.arange(len(searched))
    elif kinds := kinds or _relate_by_wordnet(run):
        names, places = [*kinds.broad], kinds.places[searched]
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
    counts = _sum_between(origins[:, searched], taken[:, searched], places, len(names))
    return GoalSwitches(
        groups=tuple(names),
        counts=counts.tolist(),
        expected=(counts.sum() * share / max(1, share.sum())).tolist(),
        origins=origins,
        taken=taken,
    )


def _relate_by_wordnet(run: Run) -> ClassRelations | None:
    from .relations import relate_by_wordnet  # which a run of few classes does not need

    return relate_by_wordnet(run.classes)


def _sum_between(
    origins: csr_array, taken: csr_array, places: np.ndarray, count: int
) -> np.ndarray:
    each = np.arange(len(places))
    member = coo_array((np.ones(len(places)), (each, places)), shape=(len(places), count)).tocsr()
    summed: np.ndarray = ((origins @ member).T @ (taken @ member)).toarray()
    return summed


def _read(run: Run, graph: nx.DiGraph) -> tuple[csr_array, csr_array]:
    """Read goal switches: of each child with one, the classes it came from, and those it took.

    From class to class they would be up to K x K numbers, as an elite may hold most classes.
    """
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
