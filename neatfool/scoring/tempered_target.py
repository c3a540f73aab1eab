"""A target whose logits are divided by a temperature."""

from hashlib import sha256
from typing import Any, Final

import numpy as np
from scipy.special import expit, log_softmax, logit

from neatfool.errors import ExperimentError, option
from neatfool.scoring.checks import check_scores
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import Scores
from neatfool.spec.target import Differentiable, Guard, MeteredTarget, Target

TINY: Final = 1e-300
"""A smaller probability counts as this one, whose logarithm is finite."""
PASSED_ON: Final = (
    *("batch_size", "concurrency", "networks", "no_gradients", "fingerprint", "self_check"),
    *("photographs", "fit_photograph", "close"),
)
"""What is the target's own, with views and without."""


class TemperedTarget(Target, Guard):
    """A target whose logits are divided by a temperature. Detectors look at the target itself."""

    def __init__(self, target: Target, temperature: float, *, name: str) -> None:
        """Wrap a target, which messages call ``name``."""
        if isinstance(target, MeteredTarget | Guard):
            fault = "is for a network that you ask for nothing and that no detector guards"
            key = option("target", "logit_temperature")
            raise ExperimentError(f"{key}: {fault}, and {name} is none; leave it out")
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
        some = probs.clip(TINY, 1 - 1e-16)
        logits = np.log(some) if spec.sums_to_one else logit(some)
    cooled = np.asarray(logits, np.float64) / temperature
    if spec.stands_alone(cooled.shape[1]):
        return Scores(expit(cooled), cooled, scores.ok, alone=True)
    return Scores(np.exp(log_softmax(cooled, 1))[:, : probs.shape[1]], cooled, scores.ok)
