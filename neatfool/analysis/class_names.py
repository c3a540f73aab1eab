"""Which classes of two networks are the same, by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()


def _synonyms(name: str) -> list[str]:
    return [part.strip() for part in name.split(",") if part.strip()]


_WAYS: Final[tuple[Callable[[str], list[str]], ...]] = (
    lambda name: [name],
    lambda name: [_plain(name)],
    lambda name: _synonyms(name)[:1],
    _synonyms,
    lambda name: [_plain(part) for part in _synonyms(name)[:1]],
    lambda name: [_plain(part) for part in _synonyms(name)],
)
"""What two names are compared by, the surest way first. So a ``cardigan`` stays a garment and a
``Cardigan`` a dog, and ``maillot`` is not ``maillot, tank suit`` if there are both."""


def match_classes(ours: Sequence[str], theirs: Sequence[str]) -> dict[int, int]:
    """Find the same classes in two lists.

    Names are the same if they are equal, case and underscores aside. Commas separate synonyms, as
    in ImageNet's ``tench, Tinca tinca``; one that both names have suffices. What would fit several
    classes fits none.

    Returns:
        For each class of ours that is found: its index, and the index in theirs. No class of
        theirs is found twice.
    """
    found: dict[int, int] = {}
    for way in _WAYS:
        places: dict[str, set[int]] = defaultdict(set)
        for place in {*range(len(theirs))} - {*found.values()}:
            for key in way(theirs[place]):
                places[key].add(place)
        claims: dict[int, set[int]] = defaultdict(set)
        for index in {*range(len(ours))} - {*found}:
            fitting = {place for key in way(ours[index]) for place in places.get(key, ())}
            if len(fitting) == 1:
                claims[fitting.pop()].add(index)
        found |= {claim.pop(): place for place, claim in claims.items() if len(claim) == 1}
    return found
