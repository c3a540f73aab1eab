"""What emitters learn of their candidates: how far each improves the archive.

All that they learn comes from exact scores. Screening, which depends on a measured speed, would
show through in what emitters do next, so the scheme has no ``bar`` and every candidate is scored
exactly.
"""

import base64
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from neatfool import Archive, Scores, rank

FARTHEST: Final = 1e9
"""Log-odds beyond this count as this, because CMA-ES takes finite numbers only."""
NOT_ADDED, IMPROVED, NEW = 0, 1, 2


@dataclass(frozen=True)
class Feedback:
    """How N candidates compare with the archive."""

    ranks: np.ndarray  # float [N, K], finite
    status: np.ndarray
    """int [N]: 0 for no improvement, 1 for a better image of some class, 2 for the first of one."""
    gain: np.ndarray  # float [N], the largest in log-odds in any niche, negative if none is won

    def part(self, rows: slice) -> "Feedback":
        """Give that of some candidates."""
        return Feedback(self.ranks[rows], self.status[rows], self.gain[rows])


def judge(archive: Archive, scores: Scores) -> Feedback:
    """Compare exact scores with the archive before the candidates enter it."""
    ranks = np.clip(rank(scores), -FARTHEST, FARTHEST)
    bar = np.minimum(archive.ranks[archive.classes], FARTHEST)
    empty = np.isneginf(bar)
    ours = ranks[:, archive.classes]
    gains = np.where(empty, ours, ours - np.where(empty, 0, bar))
    wins = np.where(empty, ours > -FARTHEST, gains > 0)
    status = np.where((wins & empty).any(1), NEW, np.where(wins.any(1), IMPROVED, NOT_ADDED))
    # No class may have turned up yet.
    return Feedback(ranks, status, gains.max(1, initial=-np.inf))


def write_array(array: np.ndarray) -> str:
    """Write an array's numbers, without its shape, as text for a state in JSON."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(little.tobytes())).decode()


def read_array(text: str, dtype: Any) -> np.ndarray:
    """Read what :func:`write_array` wrote of that type: an array of one dimension."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)
