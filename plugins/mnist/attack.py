"""Projected gradient descent (PGD), the attack that a network is trained and tested against.

After Madry, Makelov, Schmidt, Tsipras and Vladu, "Towards Deep Learning Models Resistant to
Adversarial Attacks" (2018). The loop is written here, because training needs it on this plugin's
own pixels and random numbers; libraries of attacks would each be a large dependency for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F

from neatfool.ood import Digits

from .lenet import LeNet, normalise

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
    steps: int = 7
    """Gradients that are followed, at least 1."""

    @property
    def step(self) -> float:
        """How far a step moves each pixel: 2.5 epsilon / steps, so that it can cross the ball."""
        return min(self.epsilon, 2.5 * self.epsilon / self.steps)


def perturb(
    network: LeNet,
    images: torch.Tensor,
    labels: torch.Tensor,
    attack: Attack,
    generator: torch.Generator,
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = F.cross_entropy,
) -> torch.Tensor:
    """Change images so that a network's loss grows, from a random start within the ball.

    Args:
        network: What is attacked; its weights stay as they are, without gradients.
        images: uint8 or floats [N, 1, 28, 28] in [0, 255].
        labels: int64 [N], which digits they are.
        attack: How far and how often.
        generator: Where the random start comes from, on the CPU.
        loss: From logits [N, 10] and labels to the number that is to grow.

    Returns:
        float32 [N, 1, 28, 28] in [0, 255], each pixel at most 255 epsilon from the image's. They
        are not rounded to grey levels.
    """
    original = images.float()
    far, step = 255 * attack.epsilon, 255 * attack.step
    lowest, highest = (original - far).clamp(min=0), (original + far).clamp(max=255)
    noise = 2 * torch.rand(original.shape, generator=generator) - 1
    changed = (original + far * noise.to(original.device)).clamp(lowest, highest)
    for _ in range(attack.steps):
        changed.requires_grad_(True)
        (slope,) = torch.autograd.grad(loss(network(normalise(changed)), labels), changed)
        changed = (changed.detach() + step * slope.sign()).clamp(lowest, highest)
    return changed


def margin(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum how far each best wrong logit is above the right one.

    Unlike the cross-entropy it has a gradient where a network is certain (Carlini and Wagner,
    2017).
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

    Args:
        network: The network; it is put into evaluation mode.
        digits: The digits.
        attack: How far and how often.
        note: Called with what is under way, and how many more digits are done.
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
