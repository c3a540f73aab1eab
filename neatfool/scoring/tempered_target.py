"""A target whose logits are divided by a temperature: as if another calibration were its own."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import expit, log_softmax, logit

from neatfool.errors import ExperimentError, option
from neatfool.ood.asking import Guarding
from neatfool.scoring.answers import check_scores
from neatfool.scoring.viewed_target import PASSED_ON
from neatfool.spec.scores import Scores
from neatfool.spec.target import Differentiable, Metered, Target

if TYPE_CHECKING:
    from neatfool.spec.image_spec import ImageSpec

LEAST: Final = 1e-300
"""A smaller probability counts as this one, whose logarithm is finite."""


class TemperedTarget(Target, Guarding):
    """A target whose logits are divided by a temperature. Detectors look at the target itself."""

    def __init__(self, target: Target, temperature: float, *, name: str) -> None:
        """Wrap a target, which messages call ``name``.

        Raises:
            ExperimentError: It is metered, or has an OOD detector in front.
        """
        if isinstance(target, Metered | Guarding):
            raise ExperimentError(
                f"{option('target', 'logit_temperature')}: is for a network that you ask for "
                f"nothing and that no detector guards, and {name} is none; leave it out"
            )
        self.inner, self.spec = target, target.spec
        self._temperature, self._name = temperature, name
        for each in {*PASSED_ON} - {"fingerprint"}:
            setattr(self, each, getattr(target, each))
        if isinstance(target, Differentiable):
            inner = target.logits_of
            self.logits_of = lambda images: inner(images) / temperature

    def describe(self) -> str:
        """Say what the target is, and the temperature."""
        said = f"Its logits are divided by {self._temperature:g} (temperature)."
        return "\n".join(filter(None, [self.inner.describe(), said]))

    def score(self, images: Any) -> Scores:
        """Score images with the temperature; a target without logits has those of its answers."""
        scores = check_scores(self.inner.score(images), len(images), self.spec, self._name)
        return temper(scores, self.spec, self._temperature)

    def fingerprint(self) -> str:
        """Hash the target's own with the temperature."""
        known = self.inner.fingerprint()
        return known and sha256(f"{known} / {self._temperature!r}".encode()).hexdigest()


def temper(scores: Scores, spec: ImageSpec, temperature: float) -> Scores:
    """Divide the logits of checked scores by a temperature."""
    probs = np.asarray(scores.probs, np.float64)
    logits = scores.logits
    if logits is None:
        some = probs.clip(LEAST, 1 - 1e-16)
        logits = np.log(some) if spec.sums_to_one else logit(some)
    cooled = np.asarray(logits, np.float64) / temperature
    if spec.stands_alone(cooled.shape[1]):
        return Scores(expit(cooled), cooled, scores.ok, alone=True)
    return Scores(np.exp(log_softmax(cooled, 1))[:, : probs.shape[1]], cooled, scores.ok)
