"""Training a LeNet by gradient descent with momentum and one cycle of the learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import torch
import torch.nn.functional as F

from neatfool import ExperimentError

from .attack import Attack, perturb
from .lenet import LeNet, normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.ood import Digits


_TEST_BATCH: Final = 1000
WARM_UP: Final = 0.5
"""The share of an adversarial training in which epsilon grows from 0 to its value. A network that
is attacked in full from the start learns more slowly."""


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: How often to train on each image, at least 1.
        seed: The seed of the first weights and of the images' order.
        batch: Images a step, at least 1.
        learning_rate: The highest of the cycle, above 0.
        momentum: The gradient's momentum, in [0, 1).
        weight_decay: The factor of the weights' L2 penalty, at least 0.
        attack: What changes each training image first; None trains on the images as they are.
    """

    epochs: int = 12
    seed: int = 0
    batch: int = 128
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    attack: Attack | None = None

    def steps(self, images: int) -> int:
        """Count the steps of an epoch."""
        return math.ceil(images / self.batch)


@dataclass(frozen=True)
class Step:
    """A step of the training.

    Attributes:
        epoch: Its epoch, from 1.
        loss: The mean cross-entropy, in nats, of this epoch's images so far.
        accuracy: On the test images, in [0, 1], after an epoch's last step; else None.
    """

    epoch: int
    loss: float
    accuracy: float | None = None


def new_lenet(seed: int) -> LeNet:
    """Make a LeNet with random weights, equal for equal seeds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LeNet()


def train(network: LeNet, training: Digits, test: Digits, recipe: Recipe) -> Iterator[Step]:
    """Train a network in place, on its device, and test it after each epoch.

    With an attack, the network learns from the attacked images only (Madry et al., 2018).

    The result is the same on the same machine with the same number of threads. The network is in
    evaluation mode after each epoch. The test chooses nothing.

    Raises:
        ExperimentError: The loss became infinite or NaN.
    """
    images, labels = _to_tensors(training, next(network.parameters()).device)
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
            _check_loss(total, epoch, recipe)
            last = seen == len(images)
            yield Step(epoch, total / seen, measure_accuracy(network, test) if last else None)


def _check_loss(loss: float, epoch: int, recipe: Recipe) -> None:
    if not math.isfinite(loss):
        raise ExperimentError(
            f"the loss became {loss} in epoch {epoch}; give a lower --learning-rate than "
            f"{recipe.learning_rate}"
        )


@torch.inference_mode()
def measure_accuracy(network: LeNet, digits: Digits) -> float:
    """Measure the share of digits, in [0, 1], that a network recognises in evaluation mode."""
    network.eval()
    images, labels = _to_tensors(digits, next(network.parameters()).device)
    right = 0
    parts = torch.split(images, _TEST_BATCH), torch.split(labels, _TEST_BATCH)
    for part, truth in zip(*parts, strict=True):
        right += int((network(normalise(part)).argmax(1) == truth).sum())
    return right / len(labels)


def _to_tensors(digits: Digits, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.tensor(digits.images, device=device).unsqueeze(1)
    return images, torch.tensor(digits.labels, device=device).long()
