"""Which classes are related, by WordNet or by a table, and how goal switches lead between them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
from pydantic import Field
from scipy.sparse import coo_array, csr_array
from scipy.special import gammaincinv

from neatfool.errors import ExperimentError
from neatfool.measure.facts import match_classes
from neatfool.present.charts.lines import draw_cells, short
from neatfool.present.finding import Facts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neatfool.run.run import Run

WORDNET: Final = Path(__file__).with_name("wordnet.tsv")
FEWEST_CLASSES: Final = 3
"""Fewer classes have no relations that could be tested."""
BROAD: Final = WORDNET.with_name("broad_kinds.tsv")
"""Broad kinds of WordNet in words, with their numbers; the first one that holds a class counts."""
OTHER: Final = "other"
FEWEST_SWITCHES: Final = 5
"""Of fewer, no ratio to chance is given."""
MOST_CLASSES: Final = 24
"""Flows between more classes are shown between their broad kinds."""


@dataclass(frozen=True)
class ClassRelations:
    """What is known of the relations between a target's K classes."""

    source: str
    known: np.ndarray
    """int64 [N], the indices of the classes that are known."""
    likeness: np.ndarray
    """float64 [N, N] from 0 to 1: 1 - ln n / ln N, where n is the number of known classes under the
    smallest kind that holds both. 0 if only the root does. (This is Lin's similarity of 1998, the
    information content of a kind being its share of the classes.)"""
    broad: tuple[str, ...]
    places: np.ndarray
    """int64 [K], the place of each class's broad kind in ``broad``; -1 if it is unknown."""


def find_common_ancestors(
    tree: nx.DiGraph, values: Mapping[Any, float], leaves: Sequence[object]
) -> np.ndarray:
    """Find for each two of N nodes the highest value of their common ancestors, -1 without any."""
    columns: dict[object, list[int]] = {}
    for column, leaf in enumerate(leaves):
        for node in (leaf, *nx.ancestors(tree, leaf)):
            columns.setdefault(node, []).append(column)
    found = np.full((len(leaves), len(leaves)), -1.0)
    for node in sorted(columns, key=values.__getitem__):
        found[np.ix_(columns[node], columns[node])] = values[node]
    return found


def _read_rows(path: Path, delimiter: str = "\t") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        cells = ([cell.strip() for cell in row if cell.strip()] for row in rows)
        return [row for row in cells if row]


def relate_by_wordnet(names: Sequence[str]) -> ClassRelations | None:
    """Say how a target's classes are related by WordNet; None if they are not ImageNet's."""
    tree, theirs = nx.DiGraph(), {}
    for number, name, *kinds in _read_rows(WORDNET)[1:]:
        theirs[number] = name
        tree.add_edges_from((kind, number) for kind in kinds)
    broad = {name: {*numbers} for name, *numbers in _read_rows(BROAD)}
    classes = [number for number in theirs if not tree.out_degree(number)]
    matched = match_classes(names, [theirs[number] for number in classes])
    leaves = {ours: classes[place] for ours, place in matched.items()}
    under = {
        number: next((kind for kind, numbers in broad.items() if numbers & above), OTHER)
        for number in leaves.values()
        for above in [nx.ancestors(tree, number)]
    }
    return _kinds("WordNet 3.0", tree, leaves, under, [*broad, OTHER], count=len(names))


def relate_by_table(path: Path, names: Sequence[str]) -> ClassRelations:
    """Say how a target's classes are related by a table of classes, kinds and broader kinds."""
    try:
        rows = _read_rows(path, ",")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        cause = getattr(error, "strerror", None) or "it is no CSV in UTF-8"
        raise ExperimentError(
            f"{path}: cannot be read: {cause}; give a table of classes and their kinds"
        ) from error
    tree, leaves, under = nx.DiGraph(), {}, {}
    for name, *kinds in rows:
        if name not in names:
            raise ExperimentError(f"{path}: the target has no class {name!r}; name its classes")
        leaves[names.index(name)] = ("class", name)
        way = [("class", name), *(("kind", kind) for kind in kinds), ("root", "")]
        tree.add_edges_from(zip(way[1:], way, strict=False))
        under[way[0]] = kinds[-1] if kinds else OTHER
    if not nx.is_directed_acyclic_graph(tree):
        raise ExperimentError(f"{path}: a kind is of its own kind; write the narrow one first")
    found = _kinds(str(path), tree, leaves, under, sorted({*under.values()}), count=len(names))
    if found is None:
        raise ExperimentError(
            f"{path}: names fewer than {FEWEST_CLASSES} classes; name more of them"
        )
    return found


def _kinds(
    source: str,
    tree: nx.DiGraph,
    leaves: Mapping[int, object],
    under: Mapping[Any, str],
    order: Sequence[str],
    *,
    count: int,
) -> ClassRelations | None:
    if len(leaves) < FEWEST_CLASSES:
        return None
    known = np.array(sorted(leaves))
    ours = [leaves[index] for index in known.tolist()]
    below = dict.fromkeys(tree, 0)
    for leaf in ours:
        for node in (leaf, *nx.ancestors(tree, leaf)):
            below[node] += 1
    values = {node: 1 - np.log(max(n, 1)) / np.log(len(ours)) for node, n in below.items()}
    broad = tuple(kind for kind in order if kind in {under[leaf] for leaf in ours})
    places = np.full(count, -1)
    places[known] = [broad.index(under[leaf]) for leaf in ours]
    return ClassRelations(
        source, known, find_common_ancestors(tree, values, ours).clip(0), broad, places
    )


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
    elif kinds := kinds or relate_by_wordnet(run.classes):
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
