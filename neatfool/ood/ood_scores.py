"""Scores of OOD detectors, of a target that is looked into."""

import copy
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import nn

from neatfool.errors import ExperimentError
from neatfool.network.network import Network
from neatfool.ood.detector import (
    Answers,
    Detector,
    MissingPackage,
    Needs,
    detector_names,
    make_detector,
)
from neatfool.ood.in_distribution import InDistribution
from neatfool.spec.scores import Scores
from neatfool.spec.target import Differentiable, MeteredTarget, Target, behind

NORMALISED: Final = 0.02
"""Logits are logarithms of probabilities if these sum to one up to so much: a quantised network
rounds each to 256 steps."""


class OutlierScores(NamedTuple):
    """A detector's scores. The larger a score, the more outlying the image.

    Attributes:
        looks_at: What the detector looks at, in a few words.
        known: float64 [M], of the in-distribution images that were held out.
        images: float64 [N], of the images that were asked about.
    """

    looks_at: str
    known: np.ndarray
    images: np.ndarray


class DetectionScores(NamedTuple):
    """What detectors say of some images.

    Attributes:
        scores: Those of each detector that works here, by name.
        left_out: The detectors that do not, and why.
    """

    scores: dict[str, OutlierScores]
    left_out: dict[str, str]


def ask_detectors(
    target: Target,
    images: Any,
    known: InDistribution,
    names: Iterable[str] = (),
    note: Callable[[str, int], None] = lambda stage, images: None,
) -> DetectionScores:
    """Ask detectors about images that fool a target.

    Args:
        target: The target. A guarded one stands for the target behind its guard.
        images: uint8 [N, C, H, W] of the target's size; at least one.
        known: In-distribution images.
        names: The detectors' names; if there are none, all whose names stand alone.
        note: Told what is under way, and how many more images were shown to the target.

    Raises:
        ExperimentError: A name is wrong, or no detector works here.
    """
    left_out: dict[str, str] = {}
    detectors: dict[str, Detector] = {}
    for name in ([names] if isinstance(names, str) else names) or detector_names():
        try:
            detectors[name] = make_detector(name)
        except MissingPackage as error:
            left_out[name] = str(error)
        except ExperimentError as error:
            raise ExperimentError(f"--detectors {name}: {error}") from error
    target = behind(target)
    possible: set[Needs] = {"probabilities"}
    for need in sorted({each.needs for each in detectors.values()} - possible):
        try:
            InspectedTarget(target, {need})
            possible.add(need)
        except ExperimentError as error:
            left_out |= {name: str(error) for name, e in detectors.items() if e.needs == need}
    inspected = InspectedTarget(target, possible)

    def ask(stage: str, some: torch.Tensor) -> Any:
        note(stage, 0)
        return inspected.ask_all(some, lambda more: note(stage, more))

    held_out = ask("in-distribution images", known.held_out)
    fitted = ask("in-distribution images", known.fitted) if known.divided else held_out
    fooling = ask("fooling images", torch.as_tensor(images))
    scores = {}
    for name, detector in detectors.items():
        if name in left_out:
            continue
        note(f"detector {name}", 0)
        try:
            detector.look_at(inspected.head)
            if detector.fits:
                known.check_divided(name)
                detector.fit(fitted)
            both = [detector.score(each).detach().double() for each in (held_out, fooling)]
        except ExperimentError as error:
            left_out[name] = str(error)
            continue
        scores[name] = OutlierScores(detector.looks_at, both[0].numpy(), both[1].numpy())
    if not scores:
        raise ExperimentError(f"no detector works here: {'; '.join(left_out.values())}")
    return DetectionScores(scores, left_out)


class LinearWithInput(nn.Linear):
    """A linear layer whose output is followed by its input."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Compute float [N, K + F] of float [N, F]."""
        outputs = super().forward(features)
        return torch.cat([outputs, features.to(outputs.dtype)], -1)


class InspectedTarget:
    """A target, and as much of its network as detectors need.

    Attributes:
        target: The target.
        networks: The networks that it now computes with.
        head: The network's last linear layer, on the CPU; None if no detector needs it.
    """

    def __init__(self, target: Target, needs: Collection[Needs]) -> None:
        """Look into a target.

        Raises:
            ExperimentError: It is metered, or lacks what a detector needs.
        """
        self.target, self._count = target, len(target.spec.classes)
        self.networks: Sequence[Network] = list(target.networks)
        self.head: nn.Linear | None = None
        self._inside: Network | None = None
        if isinstance(target, MeteredTarget):
            raise ExperimentError(
                "the target is metered: it costs something to ask, and a detector would ask it "
                "about all in-distribution images; choose a network of your own"
            )
        if "features" in needs:
            self._look_inside()
        probe = _probe(target.spec.shape)
        scores = self._scores(probe.numpy() if target.spec.array == "numpy" else probe)
        columns = () if scores.logits is None else np.shape(scores.logits)[1:]
        if not target.spec.sums_to_one and columns != (self._count + 1,):
            raise ExperimentError(
                "the target's confidences do not sum to one, and detectors look at probabilities "
                "that do; choose a target whose classes exclude one another"
            )
        # Logarithms of probabilities are no logits: their energy is that of rounding.
        if "logits" in needs and (
            scores.logits is None
            or bool((torch.as_tensor(scores.logits).logsumexp(1).abs() < NORMALISED).all())
        ):
            raise ExperimentError(
                "the target gives probabilities and no logits; choose a detector that needs only "
                "those: msp, entropy or gen"
            )

    def ask(self, images: Any) -> tuple[Scores, Answers]:
        """Give the target's scores of uint8 images, and what detectors look at."""
        if self._inside is None:
            scores = self._scores(images)
            given = scores.probs if scores.logits is None else scores.logits
            logits = torch.as_tensor(given).cpu()
            if scores.logits is None:
                logits = logits.double().clamp(min=1e-30).log()
            return scores, Answers(logits[:, : self._count])
        # A clone, as a network's answer may not be differentiated and detectors may keep it.
        outputs = self._inside(torch.as_tensor(images)).cpu().clone()
        logits, features = outputs[:, : self._count].contiguous(), outputs[:, self._count :]
        probs = logits.softmax(-1).numpy()
        return Scores(probs, logits.numpy()), Answers(logits, features)

    def ask_all(self, some: torch.Tensor, note: Callable[[int], None] = lambda _: None) -> Answers:
        """Give what detectors look at in many uint8 images; ``note`` is told how many are done."""
        size = min(self.target.batch_size or 64, 64)
        batches = []
        for part in torch.split(some, size):
            # Batches of one size, on which a network's last bits depend.
            padded = torch.cat([part, part[:1].expand(size - len(part), -1, -1, -1)])
            answers = self.ask(padded.numpy() if self.target.spec.array == "numpy" else padded)[1]
            batches.append((answers, len(part)))
            note(len(part))

        logits = torch.cat([answers.logits[:count] for answers, count in batches])
        features = [e.features[:count] for e, count in batches if e.features is not None]
        return Answers(logits, torch.cat(features) if features else None)

    def differentiate(self, images: torch.Tensor) -> Answers:
        """Give the same of float images [N, C, H, W] from 0 to 255, for torch to differentiate."""
        assert isinstance(self.target, Differentiable)
        return Answers(self.target.logits_of(images).cpu())

    def _scores(self, images: Any) -> Scores:
        given = self.target.score(images)
        if not isinstance(given, Scores):
            raise ExperimentError("the target names only some classes; take one that scores all")
        return given

    def _look_inside(self) -> None:
        """Let the network's last linear layer give its input, too; the rest must stay as it is."""
        if len(self.networks) != 1:
            raise ExperimentError(
                f"the target has {len(self.networks) or 'no'} PyTorch networks to look into, and "
                "this detector needs one; choose a target with one network, or a detector that "
                "needs only its answers, such as msp or energy"
            )
        network = self.networks[0]

        def refuse(why: str = "") -> ExperimentError:
            return ExperimentError(
                f"{type(network.module).__name__} does not end in a linear layer (nn.Linear) whose "
                f"{self._count} outputs are the target's logits, and this detector looks at what "
                f"that layer takes; choose a detector of the answers, such as msp or energy{why}"
            )

        try:
            module = copy.deepcopy(network.module)
        except Exception as error:  # Any module may come.
            raise refuse(f" ({error})") from error
        linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
        layers = [layer for layer in linear if layer.out_features == self._count]
        if not layers:
            raise refuse()
        self.head = copy.deepcopy(layers[-1]).cpu()
        layers[-1].__class__ = LinearWithInput
        self._inside = Network(
            module,
            mean=network.mean.flatten().tolist(),
            std=network.std.flatten().tolist(),
            device=str(network.device),
            outputs="logits",
        )
        self.networks = [self._inside]
        images = _probe(self.target.spec.shape)
        outputs = self._inside(images).cpu()
        if outputs.shape[1:] != (self._count + self.head.in_features,):
            raise refuse()
        probs = torch.as_tensor(self._scores(images).probs).cpu()
        # Another order of additions makes less.
        if not (outputs[:, : self._count].softmax(-1) - probs).abs().max() <= 1e-4:
            raise refuse()


def _probe(shape: tuple[int, int, int]) -> Any:
    """Make two images: noise and its negative."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(256, (1, *shape), generator=generator, dtype=torch.uint8)
    return torch.cat([noise, 255 - noise])
