"""Scoring changed images: who still has which confidence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import ExperimentError, fit_images

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from neatfool import Scorer

    from .changes import Change
    from .chosen import Chosen

AT_A_TIME: Final = 64
"""Images that are changed and scored together, at least: enough for concurrent calls."""


@dataclass(frozen=True)
class Point:
    """What the target says of the images, changed in one way.

    Attributes:
        confidences: float64 [N], the confidence in the class that each image is an elite of.
        first: Bools [N], whether no other class has more.
        kept: Of the images that had their class in the first place as saved, the share that still
            have it; 0 if none had.
    """

    confidences: np.ndarray
    first: np.ndarray
    kept: float = 1.0

    @property
    def median(self) -> float:
        """The median confidence."""
        return float(np.median(self.confidences))

    @property
    def quartiles(self) -> tuple[float, float]:
        """The lower and the upper quartile."""
        lower, upper = np.quantile(self.confidences, (0.25, 0.75))
        return float(lower), float(upper)

    @property
    def top1(self) -> float:
        """The share of all images whose class has the first place."""
        return float(self.first.mean())


@dataclass(frozen=True)
class Survival:
    """What of a run survives.

    Attributes:
        chosen: The elites.
        target: The name of the target that scored them.
        own: Whether that is the run's own target.
        seed: The seed of directions, signs and noise.
        saved: The images as they were saved.
        curves: For each change a point at each of its strengths.
    """

    chosen: Chosen
    target: str
    own: bool
    seed: int
    saved: Point
    curves: list[tuple[Change, list[Point]]]

    @cached_property
    def usual(self) -> list[tuple[Change, Point]]:
        """Each change with its point at the usual strength."""
        return [
            (change, points[change.strengths.index(change.usual)]) for change, points in self.curves
        ]


def measure(
    chosen: Chosen,
    scorer: Scorer,
    changes: Sequence[Change],
    *,
    seed: int,
    own: bool,
    note: Callable[[str, int], None] = lambda what, images: None,
) -> Survival:
    """Change images in all ways, and score them.

    Args:
        chosen: The elites.
        scorer: The target.
        changes: What happens to their images.
        seed: Kept in the result.
        own: Whether it is the run's own target; kept in the result.
        note: Told what is under way, and how many images have been scored since it was last told.

    Raises:
        ExperimentError: The target does not know the classes.
        TargetError: The target failed.
        BudgetSpent: The budget does not suffice.
    """
    _check(chosen, scorer)
    size = -(-AT_A_TIME // scorer.batch_size) * scorer.batch_size
    parts = [range(at, min(at + size, len(chosen))) for at in range(0, len(chosen), size)]

    def point(what: str, make: Callable[[range], torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
        found = []
        for rows in parts:
            note(what, 0)
            found.append(_score(chosen, rows, make(rows), scorer))
            note(what, len(rows))
        confidences, first = zip(*found, strict=True)
        return np.concatenate(confidences), np.concatenate(first)

    saved = Point(*point("as saved", lambda rows: chosen.images[rows.start : rows.stop].float()))
    curves = []
    for change in changes:
        points = []
        for strength in change.strengths:
            confidences, first = point(
                change.name,
                lambda rows, change=change, strength=strength: change.apply(  # type: ignore[misc]
                    chosen, rows, strength
                ),
            )
            kept = float(first[saved.first].mean()) if saved.first.any() else 0.0
            points.append(Point(confidences, first, kept))
        curves.append((change, points))
    return Survival(chosen, scorer.name, own, seed, saved, curves)


def _check(chosen: Chosen, scorer: Scorer) -> None:
    known = {*scorer.spec.classes}
    unknown = [elite.name for elite in chosen.elites if elite.name not in known]
    if unknown and not scorer.spec.open:
        raise ExperimentError(
            f"{scorer.name}: does not know {len(unknown)} of {len(chosen)} classes, for example "
            f"{unknown[0]!r}; give a target with the same class names, or choose with --classes"
        )


def _score(
    chosen: Chosen, rows: range, images: torch.Tensor, scorer: Scorer
) -> tuple[np.ndarray, np.ndarray]:
    """Score images; give their confidences in their own classes, and whether these are first."""
    probs = np.asarray(scorer.score(fit_images(images, scorer.spec)).probs, np.float64)
    columns = {name: column for column, name in enumerate(scorer.spec.classes)}
    confidences = np.zeros(len(rows))
    for place, row in enumerate(rows):
        column = columns.get(chosen.elites[row].name)
        if column is not None and column < probs.shape[1]:
            confidences[place] = probs[place, column]
    first = (confidences > 0) & (confidences >= probs.max(axis=1, initial=0.0))
    return confidences, first
