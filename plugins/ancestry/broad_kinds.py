"""The broad kinds of ImageNet's classes (dog, bird, vehicle), which are from WordNet."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import networkx as nx
import numpy as np

from neatfool.measure import match_classes

WORDNET: Final = Path(__file__).with_name("wordnet.tsv")


BROAD: Final = WORDNET.with_name("broad_kinds.tsv")
"""Broad kinds of WordNet in words, with their numbers; the first one that holds a class counts."""


OTHER: Final = "other"


FEWEST_CLASSES: Final = 3


class BroadKinds(NamedTuple):
    """The names of kinds, and the place of each of K classes among them: int64 [K], -1 for none."""

    names: tuple[str, ...]
    places: np.ndarray


def find_kinds(classes: Sequence[str]) -> BroadKinds | None:
    """Find the broad kinds of a target's classes; None if they are not ImageNet's."""
    tree, synsets = nx.DiGraph(), {}
    for number, name, *above in _read_rows(WORDNET)[1:]:
        synsets[number] = name
        tree.add_edges_from((kind, number) for kind in above)
    leaves = [number for number in synsets if not tree.out_degree(number)]
    matched = match_classes(classes, [synsets[number] for number in leaves])
    if len(matched) < FEWEST_CLASSES:
        return None
    broad = {name: {*numbers} for name, *numbers in _read_rows(BROAD)}
    kinds = {}
    for index, place in matched.items():
        above = nx.ancestors(tree, leaves[place])
        kinds[index] = next((kind for kind, numbers in broad.items() if numbers & above), OTHER)
    names = tuple(kind for kind in [*broad, OTHER] if kind in kinds.values())
    places = np.array([names.index(kinds[i]) if i in kinds else -1 for i in range(len(classes))])
    return BroadKinds(names, places)


def _read_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [[cell for cell in row if cell] for row in csv.reader(file, delimiter="\t")]
