"""A target's scores, and how they rank images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from neatfool.errors import TargetError

ROUNDING: Final = 1e-3
"""How far a sum of probabilities may be from one: half-precision networks round this much."""


@dataclass(frozen=True)
class Scores:
    """A target's scores of N images for its K classes.

    Attributes:
        probs: Floats [N, K] in [0, 1], the confidence in each class. A torch tensor or anything
            else that numpy can read will do.
        logits: Floats [N, K], the values before the softmax, if the target has them. Selection
            uses them: a float32 softmax reaches exactly 1.0, and search stalls on ties. Or
            [N, K + 1], if the last column stands for none of the classes. If the spec says
            ``sums_to_one=False``, [N, K] are the values before each class's own sigmoid.
        ok: Bools [N], False for an image that could not be scored; all True if absent.
        exact: Bools [N], False for an image that was only screened, as its scores are too low to
            take a niche; all True if absent. The framework sets it, a target leaves it absent.
        alone: Whether each class's logit is its log-odds, whatever the others are. The framework
            sets it by the spec.
        measures: float64 [N, D], the measures of an objective with a grid. The framework sets
            them. Such an image has the score -inf in all cells but its own.
    """

    probs: np.ndarray
    logits: np.ndarray | None = None
    ok: np.ndarray | None = None
    exact: np.ndarray | None = None
    alone: bool = False
    measures: np.ndarray | None = None

    def part(self, rows: Any) -> Scores:
        """Give the scores of some images, chosen by any index that numpy takes."""

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        arrays = part(self.logits), part(self.ok), part(self.exact)
        measures = part(self.measures)
        return Scores(self.probs[rows], *arrays, alone=self.alone, measures=measures)


@dataclass(frozen=True)
class Labels:
    """The scores of N images by a target that names only some classes: its best few, say.

    An image has confidence 0 in a class that is not named, and does not take its niche.

    Attributes:
        found: For each image the confidence, in [0, 1], by class name. A name that the target's
            spec does not list becomes a new class if the spec is ``open``; else the image is
            refused.
        ok: Bools [N], False for an image that could not be scored; all True if absent.
    """

    found: Sequence[Mapping[str, float]]
    ok: Sequence[bool] | None = None


def log_odds(logits: np.ndarray) -> np.ndarray:
    """Turn logits into the log-odds of each class against all others.

    ``z_c - logsumexp(z_j, j != c)``, in float64. It rises with the class's probability, and has
    no ties near one as a softmax has.

    Args:
        logits: Floats [N, K] with K >= 2; some, but not all, of a row may be -inf.

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
    # The winner's weight is so large that subtracting it would lose the others; sum them alone.
    z[rows, winner] = -np.inf
    runner_up = z.max(axis=1)
    # If all others are -inf, the winner is certain and its odds are infinite.
    at_most = np.where(np.isneginf(runner_up), 0.0, runner_up)
    with np.errstate(divide="ignore"):
        odds[rows, winner] = -(at_most + np.log(np.exp(z - at_most[:, None]).sum(axis=1)))
    return odds


def rank(scores: Scores) -> np.ndarray:
    """Give the numbers that selection compares: log-odds if there are logits, else probabilities.

    Returns:
        float64 [N, K]. It is -inf in rows that are not ``ok`` or not ``exact``, and for a
        probability of zero, so that such an image takes no niche, not even an empty one.
    """
    if scores.logits is None:
        ranks = np.array(scores.probs, dtype=np.float64)
        ranks[ranks == 0] = -np.inf
    elif scores.alone:
        ranks = np.array(scores.logits, dtype=np.float64)
    else:
        ranks = log_odds(np.asarray(scores.logits))[:, : scores.probs.shape[1]]
    for usable in (scores.ok, scores.exact):
        if usable is not None:
            ranks[~np.asarray(usable)] = -np.inf
    return ranks


def as_numbers(values: Any, what: str, name: str) -> np.ndarray:
    """Turn numbers of any kind, tensors included, into an array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        narrow = values.is_floating_point() and values.element_size() < 4
        values = values.float() if narrow else values
    try:
        array = np.asarray(values)
        numeric = array.dtype.kind in "fiub"
    except ValueError:
        numeric = False
    if not numeric:
        raise TargetError(f"{name}: {what} are not numbers; give an array of floats")
    return array


def as_array(values: Any, what: str, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Turn numbers into an array of floats or truth values, which must have a shape."""
    array = as_numbers(values, what, name)
    if array.shape != shape:
        kind = "[images, classes]" if len(shape) > 1 else "[images]"
        raise TargetError(f"{name}: {what} have shape {array.shape}, not {kind} = {shape}")
    return array if array.dtype.kind in "fb" else array.astype(np.float32)
