"""Even places of a line, and positions that are moved apart."""

from collections.abc import Sequence

import numpy as np


def evenly(count: int, most: int) -> list[int]:
    """Choose at most so many places of a line, at equal distances, the first and last included."""
    places = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return [*dict.fromkeys(places.tolist())]


def spread(
    wanted: Sequence[float], gaps: Sequence[float], weights: Sequence[float] | None = None
) -> list[float]:
    """Move positions as little as possible so that neighbours keep their distance.

    This minimises the sum of squared moves, weighted by how much each of the N positions resists,
    by isotonic regression after the N - 1 gaps are subtracted.
    """
    from scipy.optimize import isotonic_regression

    if not wanted:
        return []
    offsets = np.cumsum([0.0, *gaps])
    places: list[float] = (
        isotonic_regression(wanted - offsets, weights=weights).x + offsets
    ).tolist()
    return places
