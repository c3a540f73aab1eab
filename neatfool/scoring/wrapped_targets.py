"""Targets around another: its logits are divided by a temperature, or it is shown several views.

What is shown follows from the image's bytes, the run's seed and the number of the view.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import expit, log_softmax, logit

from neatfool.errors import ExperimentError, PluginError, cause, option
from neatfool.network.devices import computing_on, is_out_of_memory
from neatfool.scoring.checks import SHAPE, check_scores, saved_images
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import Scores
from neatfool.spec.seeds import derive_seeds
from neatfool.spec.target import Differentiable, Guard, MeteredTarget, MultiView, Target

if TYPE_CHECKING:
    from neatfool.experiment.view_settings import ViewSettings

TINY: Final = 1e-300
"""A smaller probability counts as this one, whose logarithm is finite."""
PASSED_ON: Final = (
    *("batch_size", "concurrency", "networks", "no_gradients", "fingerprint", "self_check"),
    *("photographs", "fit_photograph", "close"),
)
"""What is the target's own, with views and without."""
CACHE: Final = 2**18
"""So many values fit a processor's cache, with those that they are made from."""


class TemperedTarget(Target, Guard):
    """A target whose logits are divided by a temperature. Detectors look at the target itself."""

    def __init__(self, target: Target, temperature: float, *, name: str) -> None:
        """Wrap a target, which messages call ``name``."""
        if isinstance(target, MeteredTarget | Guard) or target.spec.is_objective:
            fault = "is for a classifier that you ask for nothing and that no detector guards"
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


class ViewedTarget(Target, MultiView):
    """A target that scores views of an image; the mean of their confidences counts."""

    def __init__(self, target: Target, showing: ViewSettings, *, name: str, seed: int) -> None:
        """Wrap a target, which messages call ``name``; ``seed`` is the run's."""
        self.target, self.number, self.redraws = target, showing.number, showing.focus > 1
        self._showing, self._name, self._seed = showing, name, seed
        self.spec = target.spec
        for each in PASSED_ON:
            setattr(self, each, getattr(target, each))
        if isinstance(target, MeteredTarget):
            self.meter = target.meter
        if isinstance(target, Differentiable):
            self._logits_of = target.logits_of
            self.logits_of = self._logits_of_all
            self.logits_of_a_view = self._logits_of_the_first

    def describe(self) -> str:
        """Say what the target is, and what it is shown."""
        return "\n".join(filter(None, [self.target.describe(), self._showing.describe()]))

    def score(self, images: Any) -> Scores:
        """Score the views of images, and put together what they score."""
        shown: Any = self.show(torch.as_tensor(images))
        shown = shown.reshape(-1, self.number, *self.spec.shape).transpose(0, 1).contiguous()
        shown = shown.cpu().numpy() if self.spec.array == "numpy" else shown
        target, count = self.target, len(images)
        answers = (target.score(part) for part in shown)
        return self.gather([check_scores(each, count, target.spec, self._name) for each in answers])

    def encodings(self, encoding: Encoding[Any]) -> list[Encoding[Any]]:
        """Give what draws each view if they differ in focus, else the encoding alone."""
        focus = self._showing.focus
        if not self.redraws:
            return [encoding]
        if encoding.in_focus(focus) is encoding:
            fault = f"{option('views', 'focus')} = {focus:g}: the encoding has no band limit"
            advice = "leave it out, or set [encoding] plugin = cppn with a band_limit"
            raise ExperimentError(f"{fault} to change; {advice}")
        limits = np.geomspace(1 / focus, math.sqrt(focus), self.number - 1).tolist()
        return [encoding, *map(encoding.in_focus, limits)]

    def show(self, images: torch.Tensor) -> torch.Tensor:
        """Make views [N * number, C, H, W] of images, or of those drawn for each view."""
        # The last bits may depend on the device, so it is always the networks'.
        for network in self.networks[:1]:
            images = images.to(network.device)
        with torch.no_grad(), computing_on(images.device):
            # A processor is fastest with as little as fits its cache; a GPU with all at once.
            fit = CACHE // (self.number * math.prod(self.spec.shape))
            size = max(1, fit if images.device.type == "cpu" else len(images))
            parts = torch.split(images, size)
            changed = (self._change(part.float(), part, self.number) for part in parts)
            # By way of int16, which is four times as fast.
            return torch.cat([each.round().clamp(0, 255).short().byte() for each in changed])

    def find_unsteady_view(self, images: torch.Tensor, again: Sequence[int]) -> str:
        """Name a view that shows some of the images differently ``again``; empty if none does."""
        for name, view in self._showing.views.items():
            strengths = {name: self._showing.strengths[name]}
            showing = replace(self._showing, strengths=strengths, views={name: view})
            alone = ViewedTarget(self.target, showing, name=self._name, seed=self._seed)
            once = alone.show(images).reshape(len(images), self.number, *self.spec.shape)
            if not torch.equal(once[again].flatten(0, 1), alone.show(images[again])):
                return name
        return ""

    def gather(self, parts: Sequence[Scores]) -> Scores:
        """Put together the checked scores [N, K] of each view."""
        probs = np.stack([part.probs for part in parts]).astype(np.float64).mean(0)
        if self.spec.is_objective:
            return check_scores(probs, len(probs), self.spec, self._name)
        ok = np.all([np.asarray(part.ok) for part in parts], axis=0)
        logits = [torch.from_numpy(part.logits) for part in parts if part.logits is not None]
        if len(logits) < len(parts):
            return Scores(probs, None, ok)
        return Scores(probs, self._join(torch.stack(logits)).numpy(), ok)

    def _show_to_learn(self, images: torch.Tensor, number: int) -> torch.Tensor:
        shown = self._change(images, images.detach().round().to(torch.uint8), number)
        # Gradients ignore the rounding to bytes.
        return shown + (shown.round() - shown).detach()

    def _join(self, logits: torch.Tensor) -> torch.Tensor:
        """Join the logits [number, N, K] of views: give those of the mean probability.

        Of logits that stand alone, these are its log-odds.
        """
        logits = logits.double()
        if self.spec.is_objective:
            return logits.mean(0)
        if self.spec.stands_alone(logits.shape[-1]):
            return F.logsigmoid(logits).logsumexp(0) - F.logsigmoid(-logits).logsumexp(0)
        return logits.log_softmax(-1).logsumexp(0) - math.log(self.number)

    def _logits_of_all(self, images: torch.Tensor) -> torch.Tensor:
        shown = self._show_to_learn(images, self.number)
        parts = [self._logits_of(shown[number :: self.number]) for number in range(self.number)]
        return self._join(torch.stack(parts))

    def _logits_of_the_first(self, images: torch.Tensor) -> torch.Tensor:
        """Compute the logits of the first view; an image with a changed byte has another one."""
        return self._logits_of(self._show_to_learn(images, 1))

    def _change(self, images: torch.Tensor, bytes_: torch.Tensor, number: int) -> torch.Tensor:
        """Make the first views, floats [N * number, C, H, W], of images with bytes ``bytes_``."""
        amounts, seeds = self._draw(saved_images(bytes_).cpu().numpy(), number)
        if images.dim() == SHAPE:
            images = images[:, None].expand(-1, number, -1, -1, -1)
        shown = images.flatten(0, 1)
        named = [*self._showing.views.items()]
        for change, group in groupby(range(len(named)), lambda n: named[n][1].together or n):
            places = [*group]
            names, views = zip(*(named[place] for place in places), strict=True)
            drawn = [
                torch.from_numpy(each[:, places]).to(shown.device) for each in (amounts, seeds)
            ]
            which = f"view {', '.join(map(repr, names))}"
            try:
                if callable(change):
                    changed = change(shown, views, *drawn)
                else:
                    changed = views[0].change(shown, *(each[:, 0] for each in drawn))
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                raise PluginError(f"{which}: {cause(error)}") from error
            if changed.shape != shown.shape or changed.dtype != shown.dtype:
                one, two = (f"{each.dtype} {tuple(each.shape)}" for each in (changed, shown))
                raise PluginError(f"{which}: gave {one} for {two}; give the same")
            shown = changed
        return shown

    def _draw(self, images: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw amounts, float32, and seeds, int64: both [N * number, the named views]."""
        views, strengths = self._showing.views.values(), self._showing.strengths.values()
        sums = (zlib.crc32(np.ascontiguousarray(image).data) for image in images)
        seeds = derive_seeds(self._seed, "views", ids=sums)
        shape = number, len(views), 3
        draws = np.concatenate([np.random.default_rng(seed).random(shape) for seed in seeds])
        harmless, signed = np.reshape([(view.harmless, view.signed) for view in views], (-1, 2)).T
        amounts = harmless + (np.array([*strengths]) - harmless) * draws[..., 0]
        amounts[(draws[..., 1] < 0.5) & (signed > 0)] *= -1
        return amounts.astype(np.float32), (draws[..., 2] * 2**53).astype(np.int64)
