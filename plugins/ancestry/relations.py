"""Which classes of a target are related: by WordNet, or by a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import networkx as nx
import numpy as np

from neatfool import ExperimentError
from neatfool.measure import match_classes

WORDNET: Final = Path(__file__).with_name("wordnet.tsv")
FEWEST_CLASSES: Final = 3
"""Fewer classes have no relations that could be tested."""
BROAD: Final = WORDNET.with_name("broad_kinds.tsv")
"""Broad kinds of WordNet in words, with their numbers; the first one that holds a class counts."""
OTHER: Final = "other"


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
    return _relate("WordNet 3.0", tree, leaves, under, [*broad, OTHER], count=len(names))


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
    found = _relate(str(path), tree, leaves, under, sorted({*under.values()}), count=len(names))
    if found is None:
        raise ExperimentError(
            f"{path}: names fewer than {FEWEST_CLASSES} classes; name more of them"
        )
    return found


def _relate(
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
