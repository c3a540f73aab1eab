"""What emitters learn of their candidates: how far each improves the archive.

All that they learn comes from exact scores. Screening, which depends on a measured speed, would
show through in what emitters do next, so the scheme has no ``bar`` and every candidate is scored
exactly.
"""

import base64
import zlib
from typing import Any, Final

import numpy as np

from neatfool import Archive, Scores, rank

FARTHEST: Final = 1e9
"""Log-odds beyond this count as this, because CMA-ES takes finite numbers only."""
NOT_ADDED, IMPROVED, NEW = 0, 1, 2


def judge(archive: Archive, scores: Scores) -> np.ndarray:
    """Compare exact scores of N candidates with the archive before they enter it.

    Returns:
        float64 [N, 2]: 0 for no improvement, 1 for a better image of some class, 2 for the first of
        one; and the largest gain in log-odds in any niche, negative if none is won.
    """
    ranks = np.clip(rank(scores), -FARTHEST, FARTHEST)
    bar = np.minimum(archive.ranks[archive.classes], FARTHEST)
    empty = np.isneginf(bar)
    ours = ranks[:, archive.classes]
    gains = np.where(empty, ours, ours - np.where(empty, 0, bar))
    wins = np.where(empty, ours > -FARTHEST, gains > 0)
    status = np.where((wins & empty).any(1), NEW, np.where(wins.any(1), IMPROVED, NOT_ADDED))
    # No class may have turned up yet.
    return np.stack([status, gains.max(1, initial=-np.inf)], axis=1)


def write_array(array: np.ndarray) -> str:
    """Write an array's numbers, without its shape, as text for a state in JSON."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(little.tobytes())).decode()


def read_array(text: str, dtype: Any) -> np.ndarray:
    """Read what :func:`write_array` wrote of that type: an array of one dimension."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)
