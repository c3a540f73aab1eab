"""What a target answers, and how it orders images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Scores:
    """What a target says of N images and its K classes.

    Attributes:
        probs: Floats [N, K] in [0, 1], the confidence in each class. A torch tensor or anything
            else that numpy can read is taken too.
        logits: Floats [N, K], the values before the softmax, if the target has them. Selection
            uses them: a float32 softmax reaches exactly 1.0, and search stalls on ties.
        ok: Bools [N], False where an image could not be scored; all True if absent.
        exact: Bools [N], False where the scores are only those of a screening, because they are
            too low to matter: such an image takes no niche. The framework's business: a target
            leaves it absent, which says that all are exact.
    """

    probs: np.ndarray
    logits: np.ndarray | None = None
    ok: np.ndarray | None = None
    exact: np.ndarray | None = None

    def part(self, rows: Any) -> Scores:
        """Give the scores of some images, which are chosen as numpy does."""

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return Scores(self.probs[rows], part(self.logits), part(self.ok), part(self.exact))


@dataclass(frozen=True)
class Labels:
    """What a target says of N images that names only some classes of each: its best few, say.

    A class that is not named has no confidence, and its niche is not claimed.

    Attributes:
        found: For each image the confidence, in [0, 1], by class name. A name that is not among
            the classes of the target's spec becomes a further class if the spec is ``open``; else
            the image is refused.
        ok: Bools [N], False where an image could not be scored; all True if absent.
    """

    found: Sequence[Mapping[str, float]]
    ok: Sequence[bool] | None = None


def log_odds(logits: np.ndarray) -> np.ndarray:
    """Turn logits into the log-odds of each class against all others.

    ``z_c - logsumexp(z_j, j != c)``, in float64: strictly monotonic in the class's probability
    and free of the ties that a softmax has near one.

    Args:
        logits: Floats [N, K] with K >= 2; some but not all of a row may be -inf.

    Returns:
        float64 [N, K].
    """
    z = np.array(logits, dtype=np.float64)
    rows = np.arange(len(z))
    winner = z.argmax(axis=1)
    z -= z[rows, winner][:, None]
    weights = np.exp(z)
    others = weights.sum(axis=1, keepdims=True) - weights
    others[rows, winner] = 1.0
    odds: np.ndarray = z - np.log(others)
    # The winner's own weight would cancel the others away, so theirs are summed without it.
    z[rows, winner] = -np.inf
    runner_up = z.max(axis=1)
    # Where all others are ruled out (-inf), the winner is certain, and its odds are infinite.
    at_most = np.where(np.isneginf(runner_up), 0.0, runner_up)
    with np.errstate(divide="ignore"):
        odds[rows, winner] = -(at_most + np.log(np.exp(z - at_most[:, None]).sum(axis=1)))
    return odds


def rank(scores: Scores) -> np.ndarray:
    """Give what selection compares: log-odds where there are logits, else probabilities.

    Args:
        scores: Scores [N, K].

    Returns:
        float64 [N, K], -inf in the rows that are not ``ok`` or not ``exact``, and for a probability
        of zero: what has no confidence at all takes no niche, not even an empty one.
    """
    if scores.logits is None:
        ranks = np.array(scores.probs, dtype=np.float64)
        ranks[ranks == 0] = -np.inf
    else:
        ranks = log_odds(np.asarray(scores.logits))
    for usable in (scores.ok, scores.exact):
        if usable is not None:
            ranks[~np.asarray(usable)] = -np.inf
    return ranks
