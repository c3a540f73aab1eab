"""What is fooled: one network that was trained on ImageNet, or several."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import torch

from neatfool import ExperimentError, ImageSpec, Network, Scores, TargetError

from .labels import labels_for, read_labels
from .models import load
from .photographs import with_right_answers
from .request import Request
from .views import Resized, TenCrops, log_mean_softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .classifier import Classifier
    from .options import Options

TRIES: Final = 2
"""Of a network's likeliest classes so many may hold the right one.

Among five there often is one when images are scaled ten times too much or too little."""
IMAGES_OF_TEN: Final = 2
"""Images a call: twenty parts are as fast as thousands on a CPU, and need not so much memory."""
RECOGNISED: Final = 3
"""So many photographs must be recognised; with fewer of known things there is no check."""


class ImageNetTarget:
    """One network, or the mean of several.

    Images are drawn at the size that the network takes: the largest one's, where there are several,
    and the others' are made smaller on the device; a larger one, where ten parts of it are looked
    at.

    Attributes:
        spec: The images it takes and its classes.
        classifiers: The networks as they were loaded.
        networks: The same, ready to be shown images of ``spec``.
        batch_size: The most images a call, where ten parts of each are looked at on a CPU.
    """

    def __init__(self, options: Options) -> None:
        """Load the networks.

        Args:
            options: Which, and how they look at images.

        Raises:
            ExperimentError: There is no such model, file or device, what it needs is not
                installed, or the networks do not go together.
            TargetError: Weights are damaged, cannot be had, or are another network's.
        """
        self.classifiers = [
            load(Request(model, options.weights, options.size, options.mean, options.std))
            for model in options.models
        ]
        self._ten = options.crops == "ten"
        self._checked = options.check_photographs
        self.spec = self._common_spec(options)
        self.networks = [self._network(each, options.device) for each in self.classifiers]
        on_cpu = self.networks[0].device.type == "cpu"
        self.batch_size = IMAGES_OF_TEN if self._ten and on_cpu else None

    def score(self, images: torch.Tensor) -> Scores:
        """Say what images show.

        Args:
            images: uint8 [N, C, H, W].

        Returns:
            Probabilities [N, K] and logits of them: float32 of one network, float64 of the mean of
            several.
        """
        if len(self.networks) == 1:
            return self.networks[0].score(images)
        logs = _mean([network(images) for network in self.networks])
        return Scores(logs.exp().cpu().numpy(), logs.cpu().numpy())

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute what :meth:`score` does, for torch to differentiate.

        Args:
            images: Floats [N, C, H, W] in the range of bytes, 0 to 255.

        Returns:
            Logits [N, K].
        """
        if len(self.networks) == 1:
            return self.networks[0].logits_of(images)
        return _mean([network.logits_of(images) for network in self.networks])

    def describe(self) -> str:
        """Say which networks there are, and what becomes of an image."""
        height, width = self.spec.height, self.spec.width
        lines = []
        for each in self.classifiers:
            lines += [
                f"{each.name}: weights of {each.source}",
                f"  {each.preprocessing.describe()}",
            ]
        lines.append(
            f"Evolved images are drawn at {width}x{height} pixels"
            + "; what is scored is the mean of ten parts of each" * self._ten
            + "; networks that take smaller ones get them resized (bilinear, antialiased)"
            * any(self._wanted(each) != (height, width) for each in self.classifiers)
            + "; confidences are the mean of the networks'" * (len(self.classifiers) > 1)
            + ". "
            + self._describe_check()
        )
        return "\n".join(lines)

    def fingerprint(self) -> str:
        """Hash the weights, how images are scaled, and the way the answers are put together."""
        digest = sha256(repr((self.spec.shape, self.spec.classes, self._ten)).encode())
        for classifier in self.classifiers:
            digest.update(classifier.digest())
        return digest.hexdigest()

    def self_check(self) -> None:
        """Show each network a few photographs.

        Raises:
            TargetError: It recognises too few of them.
        """
        known = with_right_answers(self.spec.classes)
        if len(known) < RECOGNISED or not self._checked:
            return
        size = self.spec.height, self.spec.width
        for classifier, network in zip(self.classifiers, self.networks, strict=True):
            prepare = classifier.preprocessing.prepare
            images = torch.stack([prepare(photograph.open(), size) for photograph, _ in known])
            best = network(images).topk(min(TRIES, len(self.spec.classes))).indices.tolist()
            missed = [
                f"{photograph.name} (it said {self.spec.classes[said[0]]})"
                for (photograph, right), said in zip(known, best, strict=True)
                if right.isdisjoint(said)
            ]
            if len(known) - len(missed) < RECOGNISED:
                raise TargetError(
                    f"imagenet: {classifier.name} (weights of {classifier.source}) recognised "
                    f"{len(known) - len(missed)} of {len(known)} photographs; at least "
                    f"{RECOGNISED} are needed. Not: {', '.join(missed)}. These are not its "
                    "weights, or its classes are in another order, or images are not scaled as "
                    f"when it was trained ({classifier.preprocessing.describe()}). If all of that "
                    "is right, say [target] check_photographs = no"
                )

    def _describe_check(self) -> str:
        known = len(with_right_answers(self.spec.classes))
        if not self._checked:
            return "Not checked on photographs, as was asked for."
        if known < RECOGNISED:
            return "Not checked on photographs: its classes are not ImageNet's."
        return f"Checked on {known} photographs."

    def _common_spec(self, options: Options) -> ImageSpec:
        """Find the size of image that suits all networks, and what their classes are called."""
        first = self.classifiers[0]
        sizes = [self._wanted(each) for each in self.classifiers]
        for each in self.classifiers:
            if each.count != first.count or (
                each.preprocessing.channels != first.preprocessing.channels
            ):
                raise ExperimentError(
                    f"[target] ensemble: {each.name} has {each.count} classes and "
                    f"{each.preprocessing.channels} channels, {first.name} {first.count} and "
                    f"{first.preprocessing.channels}; give networks that answer alike"
                )
        named = options.class_names
        labels = [
            labels_for(each.count, each.labels) if named is None else read_labels(named, each.count)
            for each in self.classifiers
        ]
        if len(set(labels)) > 1:
            raise ExperimentError(
                "[target] ensemble: the networks call their classes differently; if they are in "
                "the same order, say [target] class_names = FILE"
            )
        height, width = max(sizes, key=lambda size: size[0] * size[1])
        return ImageSpec(height, width, first.preprocessing.channels, labels[0], array="torch")

    def _wanted(self, classifier: Classifier) -> tuple[int, int]:
        preprocessing = classifier.preprocessing
        return preprocessing.uncropped if self._ten else preprocessing.size

    def _network(self, classifier: Classifier, device: str) -> Network:
        preprocessing, module = classifier.preprocessing, classifier.module
        if self._ten:
            module = TenCrops(module, preprocessing.size)
        if self._wanted(classifier) != (self.spec.height, self.spec.width):
            module = Resized(module, self._wanted(classifier))
        return Network(
            module.eval().requires_grad_(False),
            mean=preprocessing.mean,
            std=preprocessing.std,
            device=device,
        )


def _mean(logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """Compute the logarithm, in float64, of the mean of several networks' probabilities."""
    return log_mean_softmax(torch.stack([each.double() for each in logits]))
