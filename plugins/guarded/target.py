"""The target: another target, with an OOD detector in front."""

import math
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, Self

import numpy as np
import torch
from PIL.Image import Image

from neatfool import (
    Differentiable,
    ExperimentError,
    Guard,
    Scores,
    Target,
    TargetError,
    fit_photograph,
    load_experiment,
    make_target,
)
from neatfool.ood import InDistribution, InspectedTarget, in_distribution, make_detector
from neatfool.wording import share

from . import Options

SINK: Final = 104.0
"""A rejected image's log-odds are lower than those of any accepted image by this much: an accepted
one with less than exp(-104) has confidence 0 in single precision, too."""
NEVER: Final = 1e4
"""Log-odds against "none of the classes" for an accepted image: its probability is 0 in any
precision, and has a gradient, which minus infinity has not."""


class GuardedTarget(Target, Guard):
    """A target whose confidences are 0 for images that an OOD detector rejects.

    So that a search has a slope to climb, the log-odds of a rejected image are below those of every
    accepted one, and the higher, the surer the classifier is and the nearer the threshold.
    """

    def __init__(
        self,
        inner: Target,
        known: InDistribution,
        *,
        detector: str,
        keeps: float = 0.95,
        inner_fingerprint: str = "",
    ) -> None:
        """Fit a detector; ``inner_fingerprint`` stands for a fingerprint that the target lacks."""
        self.inner = inner
        self._detector = make_detector(detector)
        needs = self._detector.needs
        self.inspected = InspectedTarget(inner, {needs})
        self.networks = self.inspected.networks
        self._detector.look_at(self.inspected.head)
        self._known = known
        self._about = f"{detector}, keeps = {keeps:g}"
        self._inner_fingerprint = inner.fingerprint() or inner_fingerprint
        if self._detector.fits:
            known.check_divided(detector)
            self._detector.fit(self.inspected.ask_all(known.fitted))
        self._scored = self._detector.score(self.inspected.ask_all(known.held_out))
        values = self._scored.double().numpy()
        if not np.isfinite(values).all():
            raise TargetError("the detector's scores of in-distribution images are not numbers")
        # Excesses are measured from the edge, in standard deviations of in-distribution scores.
        self._edge = float(np.quantile(values, keeps, method="higher"))
        self._spread = float(values.std()) or 1.0
        self.threshold = {0.0: -math.inf, 1.0: math.inf}.get(keeps, self._edge)
        array = inner.spec.array if needs != "features" else "torch"
        self.spec = replace(inner.spec, sums_to_one=False, array=array)
        self.batch_size = inner.batch_size
        if not self._detector.differentiable:
            self.no_gradients = f"the detector {detector} is without them; take a formula: energy"
        elif isinstance(inner, Differentiable):
            self.logits_of = self._logits_of

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Make the target that is guarded, and find in-distribution images."""
        experiment = load_experiment(options.guards, to_search=False)
        choice = experiment.resolved()["target"]
        if choice["plugin"] == "guarded":
            raise ExperimentError(f"guards = {options.guards} is guarded already; name its target")
        inner = make_target(experiment)
        try:
            inner.spec.require_classifier(options.guards, "[target] plugin = guarded")
            known = in_distribution(inner, options.in_distribution)
            given = options.model_dump(include={"detector", "keeps"})
            return cls(inner, known, **given, inner_fingerprint=repr(choice))
        except BaseException:
            inner.close()
            raise

    def score(self, images: Any) -> Scores:
        """Score uint8 [N, C, H, W]; the last of K + 1 logits stands for none of the classes."""
        scores, answers = self.inspected.ask(images)
        outlying = self._detector.score(answers)
        accepted = self._passes(outlying).numpy()
        probs = torch.as_tensor(scores.probs).cpu().numpy()
        given = answers.logits if scores.logits is None else torch.as_tensor(scores.logits).cpu()
        logits = self._combine(given.detach(), outlying).numpy()
        if given.shape[1] == len(self.spec.classes):
            logits[accepted, -1] = -np.inf
        return Scores(np.where(accepted[:, None], probs, probs.dtype.type(0)), logits, scores.ok)

    def fingerprint(self) -> str:
        """Hash the guarded target, the detector's options, and the in-distribution images."""
        # What the detector has learnt follows, but for rounding, on which no run should depend.
        digest = sha256(self._inner_fingerprint.encode())
        digest.update(f"{self._about}, softness = 1.0".encode())
        digest.update(self._known.digest())
        return digest.hexdigest()

    def describe(self) -> str:
        """Say what is guarded, and by what."""
        passing = share(float(self._passes(self._scored).float().mean()))
        guard = (
            f"Guarded by an OOD detector ({self._about}): what it scores above "
            f"{self.threshold:.6g} has confidence 0. {passing} of in-distribution images pass."
        )
        return "\n".join([self.inner.describe(), guard, self._known.describe()])

    def photographs(self) -> Mapping[str, Image]:
        """Give the photographs that the guarded target brings along."""
        return self.inner.photographs()

    def fit_photograph(self, photograph: Image) -> torch.Tensor:
        """Prepare a photograph as for the guarded target, uint8 [C, H, W]."""
        return fit_photograph(photograph, self.inner)[0]

    def close(self) -> None:
        """Close the guarded target."""
        self.inner.close()

    def _passes(self, scores: torch.Tensor) -> torch.Tensor:
        """Say which scores pass, bools [N]. What is not a number does not."""
        return scores.double() <= self.threshold

    def _logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute the logits of :meth:`score` for torch to differentiate, float64 [N, K + 1]."""
        answers = self.inspected.differentiate(images)
        return self._combine(answers.logits, self._detector.score(answers))

    def _combine(self, logits: torch.Tensor, outlying: torch.Tensor) -> torch.Tensor:
        """Add a column that stands for none of the classes: an image is surely that, or not."""
        count = len(self.spec.classes)
        logits = logits.double()
        whole = logits.logsumexp(1)
        open_gate = logits[:, count] if logits.shape[1] > count else whole - NEVER
        excess = (outlying.double() - self._edge).relu() / self._spread
        sunk = whole + SINK + excess
        none = torch.where(self._passes(outlying), open_gate, sunk)
        return torch.cat([logits[:, :count], none[:, None]], 1)
