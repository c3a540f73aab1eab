"""Which classes of two networks are the same, by their names."""

from collections import defaultdict
from collections.abc import Sequence


def _ways(name: str) -> list[list[str]]:
    """Give what a name is compared by, the surest way first.

    So a ``cardigan`` stays a garment and a ``Cardigan`` a dog, and ``maillot`` is not ``maillot,
    tank suit`` if there are both.
    """
    synonyms = [part.strip() for part in name.split(",") if part.strip()]
    plain, *plains = (" ".join(t.replace("_", " ").split()).casefold() for t in [name, *synonyms])
    return [[name], [plain], synonyms[:1], synonyms, plains[:1], plains]


def match_classes(ours: Sequence[str], theirs: Sequence[str]) -> dict[int, int]:
    """Find the same classes in two lists: the index of each of ours, and the one in theirs.

    Names are the same if they are equal, case and underscores aside. Commas separate synonyms, as
    in ImageNet's ``tench, Tinca tinca``; one that both names have suffices. What would fit several
    classes fits none, and no class of theirs is found twice.
    """
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
