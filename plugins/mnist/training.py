"""MNIST, and training a LeNet by gradient descent with momentum and one cycle of the rate.

The attack that it is trained and tested against is projected gradient descent (PGD), after Madry,
Makelov, Schmidt, Tsipras and Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks"
(2018). The loop is written here, because training needs it on this plugin's own pixels and random
numbers; libraries of attacks would each be a large dependency for it.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
import platformdirs
import torch
import torch.nn.functional as F

from neatfool import ExperimentError, TargetError
from neatfool.ood import Digits, Mnist, has_mnist, read_mnist

from .lenet import LeNet, normalise, recognise

WARM_UP: Final = 0.5
"""The share of an adversarial training in which epsilon grows from 0 to its value. A network that
is attacked in full from the start learns more slowly."""
TEST_STEPS: Final = 40
"""Steps of the attack that a network is tested with, as in the paper's experiment on MNIST."""
TEST_IMAGES: Final = 1000
"""Test images that are attacked: their share is known to 1.6 % (one standard error) or better."""
_TEST_BATCH: Final = 250


@dataclass(frozen=True)
class Attack:
    """How an image may be changed, and how hard the change is sought."""

    epsilon: float = 0.3
    """How far each pixel may move, in (0, 1] of the range from background to ink."""
    steps: int = 7  # gradients that are followed, at least 1


@dataclass(frozen=True)
class Recipe:
    """How to train."""

    epochs: int = 12  # how often to train on each image, at least 1
    seed: int = 0  # the seed of the first weights and of the images' order
    batch: int = 128  # images a step, at least 1
    learning_rate: float = 0.05  # the highest of the cycle, above 0
    momentum: float = 0.9  # the gradient's momentum, in [0, 1)
    weight_decay: float = 5e-4  # the factor of the weights' L2 penalty, at least 0
    attack: Attack | None = None
    """What changes each training image first; None trains on the images as they are."""


@dataclass(frozen=True)
class TrainingEpoch:
    """An epoch of the training."""

    number: int  # from 1
    loss: float  # the mean cross-entropy, in nats, of its images
    accuracy: float  # on the test images, in [0, 1]


def read(folder: Path | None) -> Mnist:
    """Read MNIST from a folder with its four idx files; download it if there is none."""
    if folder is not None:
        return read_mnist(folder)
    from torchvision.datasets import MNIST

    cache = platformdirs.user_cache_path("neatfool")
    folder = cache / "MNIST" / "raw"  # where torchvision puts it
    if not has_mnist(folder):
        click.echo("Downloading MNIST ...", err=True)
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


def train(
    network: LeNet, training: Digits, test: Digits, recipe: Recipe
) -> Iterator[TrainingEpoch]:
    """Train a network in place, on its device, and test it after each epoch.

    With an attack, the network learns from the attacked images only. The test chooses nothing.
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
    steps, done = recipe.epochs * math.ceil(len(images) / recipe.batch), 0
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=steps
    )
    for epoch in range(1, recipe.epochs + 1):
        network.train()
        order = torch.randperm(len(images), generator=generator).to(images.device)
        total = 0.0
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
            total += loss.item() * len(chosen)
            if not math.isfinite(total):
                raise ExperimentError(f"the loss became {total} in epoch {epoch}")
        yield TrainingEpoch(epoch, total / len(images), measure_accuracy(network, test))


def measure_accuracy(network: LeNet, digits: Digits) -> float:
    """Measure the share of digits, in [0, 1], that a network recognises in evaluation mode."""
    return float((recognise(network, digits.images) == digits.labels).mean())


def perturb(
    network: LeNet,
    images: torch.Tensor,
    labels: torch.Tensor,
    attack: Attack,
    generator: torch.Generator,
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = F.cross_entropy,
) -> torch.Tensor:
    """Change images [N, 1, 28, 28] so that a network's loss grows, from a random start in the ball.

    They are floats in [0, 255], at most 255 epsilon from the images, and not rounded.
    """
    original, far = images.float(), 255 * attack.epsilon
    step = far * min(1, 2.5 / attack.steps)  # so that all steps can cross the ball
    lowest, highest = (original - far).clamp(min=0), (original + far).clamp(max=255)
    noise = 2 * torch.rand(original.shape, generator=generator) - 1
    changed = (original + far * noise.to(original.device)).clamp(lowest, highest)
    for _ in range(attack.steps):
        changed.requires_grad_(True)
        (slope,) = torch.autograd.grad(loss(network(normalise(changed)), labels), changed)
        changed = (changed.detach() + step * slope.sign()).clamp(lowest, highest)
    return changed


def margin(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum how far each best wrong logit is above the right one (Carlini and Wagner, 2017).

    Unlike the cross-entropy it has a gradient where a network is certain.
    """
    right = F.one_hot(labels, logits.shape[1]).bool()
    return (logits.masked_fill(right, -torch.inf).amax(1) - logits[right]).sum()


def to_tensors(digits: Digits, network: LeNet) -> tuple[torch.Tensor, torch.Tensor]:
    """Give digits on a network's device: uint8 [N, 1, 28, 28], and their labels, int64 [N]."""
    device = next(network.parameters()).device
    images = torch.tensor(digits.images, device=device).unsqueeze(1)
    return images, torch.tensor(digits.labels, device=device).long()


def choose_attacked(test: Digits) -> Digits:
    """Choose the test images that are attacked: 1,000, evenly spread, or all if they are fewer."""
    apart = max(1, len(test.labels) // TEST_IMAGES)
    return Digits(test.images[::apart][:TEST_IMAGES], test.labels[::apart][:TEST_IMAGES])


def measure_robust_accuracy(
    network: LeNet,
    digits: Digits,
    attack: Attack,
    note: Callable[[str, int], None] = lambda _what, _more: None,
) -> float:
    """Measure the share of digits, in [0, 1], that a network recognises whatever the attack does.

    Each digit is attacked from two random starts: one attack raises the cross-entropy, the other
    the :func:`margin`. It counts if the network recognises it as it is, and after both.
    """
    network.eval()
    generator, safe = torch.Generator().manual_seed(0), 0
    parts = (torch.split(each, _TEST_BATCH) for each in to_tensors(digits, network))
    for part, truth in zip(*parts, strict=True):
        shown = [part] + [
            perturb(network, part, truth, attack, generator, loss=loss)
            for loss in (F.cross_entropy, margin)
        ]
        with torch.inference_mode():
            right = [network(normalise(each)).argmax(1) == truth for each in shown]
        safe += int(torch.stack(right).all(0).sum())
        note("attacking", len(truth))
    return safe / len(digits.labels)
