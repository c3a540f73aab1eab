"""Asking a target how sure it is of images in one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from scipy.special import logit

from neatfool import ExperimentError, fit_images, rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import EliteView, Scorer

LARGEST_ODDS: Final = 100.0
"""Log-odds are cut off here, so that they are always numbers: no network is as sure as that."""
SUREST: Final = 1e-12
"""Where a target gives no logits, confidences nearer to 0 or 1 than this count as this."""


@dataclass(frozen=True)
class Score:
    """How sure a target is of an image's class.

    Attributes:
        confidence: From 0 to 1.
        log_odds: The logarithm of the confidence in the class over that in all others. It still
            tells images apart whose confidences all round to 1.
    """

    confidence: float
    log_odds: float

    def lost(self, other: Score) -> float:
        """Give the share of the confidence that another image has not: 1 if nothing is left.

        It is below 0 if the target is surer of the other image.
        """
        return 1 - other.confidence / self.confidence if self.confidence else 0.0


def ask(scorer: Scorer, elite: EliteView, images: torch.Tensor) -> list[Score]:
    """Score images in an elite's class; equal images are scored once.

    Args:
        scorer: The target.
        elite: Its class is looked up by name.
        images: uint8 [N, C, H, W], resized if the target takes another size.

    Raises:
        TargetError: The target failed.
        BudgetSpent: The budget does not suffice.
    """
    fitted = fit_images(images, scorer.spec)
    first: dict[bytes, int] = {}
    for row, image in enumerate(fitted.cpu().numpy()):
        first.setdefault(image.tobytes(), row)
    places = {row: place for place, row in enumerate(first.values())}
    scores = scorer.score(fitted[list(places)])
    probs = np.asarray(scores.probs, np.float64)
    column = {name: place for place, name in enumerate(scorer.spec.classes)}.get(elite.name)
    if column is None or column >= probs.shape[1]:  # an open target may not have met it yet
        confidences = np.zeros(len(places))
    else:
        confidences = probs[:, column]
    odds = logit(np.clip(confidences, SUREST, 1 - SUREST))
    if scores.logits is not None and column is not None:
        usable = probs.sum(1) > 0
        odds[usable] = rank(scores.part(usable))[:, column]
    odds = np.clip(odds, -LARGEST_ODDS, LARGEST_ODDS)
    found = [Score(float(c), float(o)) for c, o in zip(confidences, odds, strict=True)]
    return [found[places[first[image.tobytes()]]] for image in fitted.cpu().numpy()]


def check_classes(scorer: Scorer, elites: Sequence[EliteView]) -> None:
    """Refuse a target that does not know the elites' classes.

    Raises:
        ExperimentError: It does not.
    """
    known = {*scorer.spec.classes}
    unknown = [elite.name for elite in elites if elite.name not in known]
    if unknown and not scorer.spec.open:
        raise ExperimentError(
            f"{scorer.name}: does not know {len(unknown)} of {len(elites)} classes, for example "
            f"{unknown[0]!r}; give a target with the same class names, or choose with --classes"
        )


def stack(images: Sequence[np.ndarray]) -> torch.Tensor:
    """Put pictures together: uint8 [N, C, H, W]."""
    return torch.from_numpy(np.stack(images))
