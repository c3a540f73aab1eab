"""What networks say of images: confidences and ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neatfool import rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import Scores


@dataclass(frozen=True)
class Answers:
    """What a network says of N images.

    Attributes:
        probs: float64 [N, K], its confidence in each class.
        odds: float64 [N, K], what orders the classes: log-odds, or the confidences where it gives
            no logits. It is -inf for a class that the network does not name.
    """

    probs: np.ndarray
    odds: np.ndarray

    def first(self) -> list[int | None]:
        """Give the class in the first place for each image; None if it could not be scored."""
        best = self.odds.argmax(axis=1)
        known = np.isfinite(self.odds.max(axis=1)) | (self.odds.max(axis=1) == np.inf)
        return [int(place) if ok else None for place, ok in zip(best, known, strict=True)]


def gather(parts: Sequence[Scores], classes: int) -> Answers:
    """Put a network's scores together; one that learns of new classes gives ever more columns."""

    def whole(values: Sequence[np.ndarray], missing: float) -> np.ndarray:
        padded = [
            np.pad(each, ((0, 0), (0, classes - each.shape[1])), constant_values=missing)
            for each in values
        ]
        return np.concatenate(padded)

    probs = [np.asarray(part.probs, np.float64) for part in parts]
    return Answers(whole(probs, 0.0), whole([rank(part) for part in parts], -np.inf))


@dataclass(frozen=True)
class Seen:
    """How a network sees N images, each in one class.

    Attributes:
        columns: The network's number of each image's class; None if it has no such class.
        known: Bools [N], whether the image counts: whether the network has its class.
        confidences: float64 [N], the confidence in the class; NaN where it does not count.
        ranks: float64 [N], the place of the class, from 1; NaN where the network does not place
            it, as one that names only its best few.
    """

    columns: Sequence[int | None]
    known: np.ndarray
    confidences: np.ndarray
    ranks: np.ndarray

    @property
    def count(self) -> int:
        """How many images count."""
        return int(self.known.sum())

    def among(self, places: int) -> np.ndarray:
        """Say of which images the class is among the first places: bools [N]."""
        found: np.ndarray = self.ranks <= places
        return found

    def share(self, places: int) -> float:
        """Give the share of images whose class is among the first places; NaN if none counts."""
        return float(self.among(places)[self.known].mean()) if self.count else float("nan")

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """The lower quartile of the confidences, the median and the upper quartile."""
        if not self.count:
            return (float("nan"),) * 3
        low, middle, high = np.quantile(self.confidences[self.known], (0.25, 0.5, 0.75))
        return float(low), float(middle), float(high)

    @property
    def median_rank(self) -> float:
        """The median place; NaN if the network does not place half of the classes."""
        if not self.count:
            return float("nan")
        ranks = np.nan_to_num(self.ranks[self.known], nan=np.inf)
        # Not the mean of two, which may be infinite; the lower of the two in the middle is a rank.
        middle = float(np.sort(ranks)[(len(ranks) - 1) // 2])
        return middle if np.isfinite(middle) else float("nan")


def see(answers: Answers, columns: Sequence[int | None], also_known: np.ndarray) -> Seen:
    """Look up each image's class.

    Args:
        answers: What the network says.
        columns: The network's number of each image's class; None if it has no such class.
        also_known: Bools [N], where a class that it does not have counts as one without confidence,
            as it might have named it.
    """
    count = len(answers.probs)
    known = np.array([column is not None for column in columns], bool) | also_known
    confidences = np.where(known, 0.0, np.nan)
    ranks = np.full(count, np.nan)
    for row, column in enumerate(columns):
        if column is not None:
            confidences[row] = answers.probs[row, column]
            if (own := answers.odds[row, column]) > -np.inf:
                ranks[row] = 1 + (answers.odds[row] > own).sum()
    return Seen(columns, known, confidences, ranks)
