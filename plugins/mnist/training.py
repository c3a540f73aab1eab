"""MNIST, and training a LeNet by gradient descent with momentum and one cycle of the rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs
import torch
import torch.nn.functional as F

from neatfool import ExperimentError, TargetError
from neatfool.ood import has_mnist, read_mnist

from .attack import Attack, perturb, to_tensors
from .lenet import LeNet, normalise, recognise

if TYPE_CHECKING:
    from neatfool.ood import Digits, Mnist

WARM_UP: Final = 0.5
"""The share of an adversarial training in which epsilon grows from 0 to its value. A network that
is attacked in full from the start learns more slowly."""


@dataclass(frozen=True)
class Recipe:
    """How to train."""

    epochs: int = 12
    """How often to train on each image, at least 1."""
    seed: int = 0
    """The seed of the first weights and of the images' order."""
    batch: int = 128
    """Images a step, at least 1."""
    learning_rate: float = 0.05
    """The highest of the cycle, above 0."""
    momentum: float = 0.9
    """The gradient's momentum, in [0, 1)."""
    weight_decay: float = 5e-4
    """The factor of the weights' L2 penalty, at least 0."""
    attack: Attack | None = None
    """What changes each training image first; None trains on the images as they are."""

    def steps(self, images: int) -> int:
        """Count the steps of an epoch."""
        return math.ceil(images / self.batch)


@dataclass(frozen=True)
class Step:
    """A step of the training."""

    epoch: int
    """Its epoch, from 1."""
    loss: float
    """The mean cross-entropy, in nats, of this epoch's images so far."""
    accuracy: float | None = None
    """On the test images, in [0, 1], after an epoch's last step; else None."""


def read(folder: Path | None) -> Mnist:
    """Read MNIST from a folder with its four idx files; download it if there is none.

    Raises:
        ExperimentError: A file is missing or damaged.
        TargetError: The download failed.
    """
    return download() if folder is None else read_mnist(folder)


def download(cache: Path | None = None) -> Mnist:
    """Download the data set with torchvision, or read it from the cache (by default the user's).

    Raises:
        TargetError: The download failed.
        ExperimentError: The cached files are damaged.
    """
    from torchvision.datasets import MNIST

    cache = platformdirs.user_cache_path("neatfool") if cache is None else cache
    folder = cache / "MNIST" / "raw"  # where torchvision puts it
    if not has_mnist(folder):
        try:
            MNIST(str(cache), download=True)
        except (RuntimeError, OSError) as error:
            cause = " ".join(str(error).split())
            raise TargetError(
                f"MNIST cannot be downloaded to {cache} ({cause}); if you are offline, get its "
                "four idx files elsewhere and give their folder with --data"
            ) from error
    return read_mnist(folder)


def new_lenet(seed: int, outputs: int = 10) -> LeNet:
    """Make a LeNet with random weights, equal for equal seeds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LeNet(outputs)


def train(network: LeNet, training: Digits, test: Digits, recipe: Recipe) -> Iterator[Step]:
    """Train a network in place, on its device, and test it after each epoch.

    With an attack, the network learns from the attacked images only (Madry et al., 2018).

    The result is the same on the same machine with the same number of threads. The network is in
    evaluation mode after each epoch. The test chooses nothing.

    Raises:
        ExperimentError: The loss became infinite or NaN.
    """
    images, labels = to_tensors(training, network)
    generator = torch.Generator().manual_seed(recipe.seed)
    # Halves the time on a CPU.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
    )
    steps, done = recipe.epochs * recipe.steps(len(images)), 0
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=steps
    )
    for epoch in range(1, recipe.epochs + 1):
        network.train()
        order = torch.randperm(len(images), generator=generator).to(images.device)
        total, seen = 0.0, 0
        for chosen in torch.split(order, recipe.batch):
            pixels = images[chosen]
            if recipe.attack is not None:
                warm = min(1, done / steps / WARM_UP)
                attack = replace(recipe.attack, epsilon=warm * recipe.attack.epsilon)
                pixels = perturb(network, pixels, labels[chosen], attack, generator)
            loss = F.cross_entropy(network(normalise(pixels)), labels[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            done += 1
            total, seen = total + loss.item() * len(chosen), seen + len(chosen)
            if not math.isfinite(total):
                raise ExperimentError(
                    f"the loss became {total} in epoch {epoch}; give a lower --learning-rate than "
                    f"{recipe.learning_rate}"
                )
            last = seen == len(images)
            yield Step(epoch, total / seen, measure_accuracy(network, test) if last else None)


def measure_accuracy(network: LeNet, digits: Digits) -> float:
    """Measure the share of digits, in [0, 1], that a network recognises in evaluation mode."""
    return float((recognise(network, digits.images) == digits.labels).mean())
