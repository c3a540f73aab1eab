"""The classes of two networks are matched by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neatfool.run.individual import EliteView


def find_class(elite: EliteView, classes: Sequence[str]) -> int:
    """Find an elite's class in a list by its name, of several by its index; -1 if it has none."""
    if elite.name in classes[elite.index : elite.index + 1]:
        return elite.index
    return classes.index(elite.name) if elite.name in classes else -1


def _ways(name: str) -> list[list[str]]:
    """Give what a name is compared by, the surest way first: a ``Cardigan`` is no ``cardigan``."""
    synonyms = [part.strip() for part in name.split(",") if part.strip()]
    plain, *plains = (" ".join(t.replace("_", " ").split()).casefold() for t in [name, *synonyms])
    return [[name], [plain], synonyms[:1], synonyms, plains[:1], plains]


def match_classes(ours: Sequence[str], theirs: Sequence[str]) -> dict[int, int]:
    """Find the same classes in two lists, by names of which only one fits: ours, and theirs."""
    if [*ours] == [*theirs]:  # where two classes may have one name
        return {place: place for place in range(len(ours))}
    found: dict[int, int] = {}
    of_ours, of_theirs = [*map(_ways, ours)], [*map(_ways, theirs)]
    for way in range(6):
        places: dict[str, set[int]] = defaultdict(set)
        for place in {*range(len(theirs))} - {*found.values()}:
            for key in of_theirs[place][way]:
                places[key].add(place)
        claims: dict[int, set[int]] = defaultdict(set)
        for index in {*range(len(ours))} - {*found}:
            keys = of_ours[index][way]
            fitting = {place for key in keys for place in places.get(key, ())}
            if len(fitting) == 1:
                claims[fitting.pop()].add(index)
        found |= {claim.pop(): place for place, claim in claims.items() if len(claim) == 1}
    return found
