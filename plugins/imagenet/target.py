"""The target: one or several networks that were trained on ImageNet."""

import math
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

import torch
import torch.nn.functional as F
from PIL.Image import Image
from torch import nn

from neatfool import ExperimentError, ImageSpec, Network, Scores, Target, fit_photograph, models

from . import Options, labels_for, read_labels

RECOGNISED: Final = 3
"""The network must recognise this many photographs. With fewer known ones there is no check."""


def log_mean_softmax(logits: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """Compute the log of the mean softmax over ``dim``, which is also logits of the mean."""
    logs = logits.log_softmax(-1)
    return logs.logsumexp(dim) - math.log(logits.shape[dim])


class ResizingNetwork(nn.Module):
    """A network whose images are resized to its ``size``, (height, width)."""

    def __init__(self, module: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.module, self.size = module, size

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Resize images, bilinear and antialiased, and run the network."""
        resized = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        return self.module(resized)  # type: ignore[no-any-return]


class TenCrops(nn.Module):
    """Sees the four corners, the middle, and their mirror images, each of (height, width)."""

    def __init__(self, module: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.module = module
        self.size = size

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits of the mean: the logarithms of the mean probabilities [N, K]."""
        height, width = self.size
        down, right = images.shape[-2] - height, images.shape[-1] - width
        corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
        parts = [images[..., y : y + height, x : x + width] for y, x in corners]
        parts += [part.flip(-1) for part in parts]
        logits = self.module(torch.cat(parts)).float()
        return log_mean_softmax(logits.view(len(parts), len(images), -1))


class ExactNetwork(Network):
    """A network without a half precision."""

    half = None


class ImageNetTarget(Target):
    """One network, or the mean of several; images have the size of the largest network's."""

    def __init__(self, options: Options) -> None:
        asked = {"weights", "size", "mean", "std", "output", "outputs", "gradients"}
        given = options.model_dump(include=asked)
        self.classifiers = [
            models.load_classifier(models.Request(each, **given)) for each in options.models
        ]
        self._ten = options.crops == "ten"
        self._checked = options.check_photographs
        self.spec = self._common_spec(options)
        self._outputs = options.outputs
        self.networks = [self._network(each, options.device) for each in self.classifiers]
        outputs = {network.settle(self.spec.shape).outputs for network in self.networks}
        # Their copies serve from now on, so that the memory of the loaded weights is freed.
        for number, network in enumerate(self.networks):
            module = network.module
            while isinstance(module, ResizingNetwork | TenCrops):
                module = module.module
            self.classifiers[number] = replace(self.classifiers[number], module=module)
        if "multi_label" in outputs and len(self.networks) > 1:
            raise ExperimentError("[target] ensemble: of a sigmoid for each class there is no mean")
        self.spec = replace(self.spec, sums_to_one="multi_label" not in outputs)
        lacking = [each for each in self.classifiers if each.differentiable is None]
        self.no_gradients = "; ".join(f"{each.name}: {each.no_gradients}" for each in lacking)
        if not lacking:
            self._differentiable = [
                network
                if each.copy is None
                else self._network(replace(each, module=each.copy, traceable=True), options.device)
                for each, network in zip(self.classifiers, self.networks, strict=True)
            ]
            self.logits_of = self._logits_of
        on_cpu = self.networks[0].device.type == "cpu"
        # On a CPU twenty parts are as fast as thousands, in less memory.
        self.batch_size = 2 if self._ten and on_cpu else None

    def score(self, images: torch.Tensor) -> Scores:
        """Score uint8 [N, C, H, W]; the mean of several networks in float64, else in float32."""
        if len(self.networks) == 1:
            scores: Scores = self.networks[0].score(images)
            return scores
        logs = _mean([network(images) for network in self.networks])
        return Scores(logs.exp().cpu().numpy(), logs.cpu().numpy())

    def _logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits [N, K] of floats [N, C, H, W] in [0, 255], for torch to differentiate."""
        if len(self._differentiable) == 1:
            return self._differentiable[0].logits_of(images)
        return _mean([network.logits_of(images) for network in self._differentiable])

    def describe(self) -> str:
        """Describe the networks and how they see an image."""
        height, width = self.spec.height, self.spec.width
        lines = []
        for each in self.classifiers:
            lines.append(f"{each.name}: weights of {each.source}")
            lines.append(f"  {each.preprocessing.describe(uncropped=self._ten)}")
            lines += [f"  {each.found}"] if each.found else []
        if not self.spec.sums_to_one:
            lines.append("  each class has a sigmoid of its own")
        shown = f"Evolved images are drawn at {width}x{height} pixels"
        shown += ", and scored as the mean of ten parts" * self._ten
        if len(self.classifiers) > 1:
            shown += (
                "; smaller networks see them resized; photographs are prepared as for "
                f"{self._largest.name}; and confidences are the mean of the networks'"
            )
        known = len(models.photographs_showing(self.spec.classes))
        check = f"Checked on {known} photographs."
        if not self._checked or known < RECOGNISED:
            why = "its classes are not ImageNet's" if self._checked else "check_photographs = no"
            check = f"Not checked on photographs: {why}."
        return "\n".join([*lines, f"{shown}. {check}"])

    def fingerprint(self) -> str:
        """Hash the weights, the preprocessing, and how answers are combined."""
        digest = sha256(repr((self.spec.shape, self.spec.classes, self._ten)).encode())
        for classifier in self.classifiers:
            digest.update(classifier.digest())
        return digest.hexdigest()

    def photographs(self) -> dict[str, Image]:
        """Give the photographs that show some of its classes, 300x300 pixels, by name."""
        return {each.name: each.open() for each in models.photographs_showing(self.spec.classes)}

    def fit_photograph(self, photograph: Image) -> torch.Tensor:
        """Prepare a photograph as for the network of the largest images, uint8 [C, H, W]."""
        return self._largest.preprocessing.prepare(photograph, uncropped=self._ten)

    def self_check(self) -> None:
        """Check each network on a few photographs."""
        known = models.photographs_showing(self.spec.classes)
        if len(known) < RECOGNISED or not self._checked:
            return
        images = torch.cat([fit_photograph(photograph.open(), self) for photograph in known])
        for classifier, network in zip(self.classifiers, self.networks, strict=True):
            # The right class among five is often there even if images are scaled ten times wrongly.
            best = network(images).topk(min(2, len(self.spec.classes))).indices.tolist()
            doubt, names = "its classes are in another order", self.spec.classes
            models.check_recognised(classifier, names, known, best, needed=RECOGNISED, doubt=doubt)

    def _common_spec(self, options: Options) -> ImageSpec:
        """Find the image size and the class names for all networks."""
        named, found = options.class_names, set()
        for each in self.classifiers:
            labels = (
                labels_for(each.count, each.labels)
                if named is None
                else read_labels(named, each.count)
            )
            found.add((each.preprocessing.channels, labels))
        if len(found) > 1:
            raise ExperimentError(
                "[target] ensemble: channels or class names differ; give networks that answer "
                "alike, or class_names if only the names do"
            )
        ((channels, labels),) = found
        height, width = self._input_size(self._largest)
        return ImageSpec(height, width, channels, labels, array="torch")

    @property
    def _largest(self) -> models.Classifier:
        """The network that takes the largest images, which all see."""
        return max(self.classifiers, key=lambda each: math.prod(self._input_size(each)))

    def _input_size(self, classifier: models.Classifier) -> tuple[int, int]:
        preprocessing = classifier.preprocessing
        return preprocessing.uncropped if self._ten else preprocessing.size

    def _network(self, classifier: models.Classifier, device: str) -> Network:
        preprocessing, module = classifier.preprocessing, classifier.module
        if self._ten:
            module = TenCrops(module, preprocessing.size)
        if self._input_size(classifier) != (self.spec.height, self.spec.width):
            module = ResizingNetwork(module, self._input_size(classifier))
        # What another library computes has no half precision to screen in.
        make = Network if classifier.traceable else ExactNetwork
        return make(
            module.eval().requires_grad_(False),
            mean=preprocessing.mean,
            std=preprocessing.std,
            device=device,
            outputs=classifier.outputs or self._outputs,
        )


def _mean(logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """Compute the logarithm of the networks' mean probabilities, in float64."""
    return log_mean_softmax(torch.stack([each.double() for each in logits]))
