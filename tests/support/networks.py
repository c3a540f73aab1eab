"""Small networks for the tests of scoring, and images for them."""

import torch
from torch import nn

from neatfool import ImageSpec, Network, Scores, Target

SPEC = ImageSpec(8, 8, 1, ("a", "b", "c"), array="torch")

EXPERIENCED = {"margin": 0.01, "seen": 10_000, "pause": 0}
"""The state of a screening that has learnt how much scores in half precision are off."""


def images_of(count):
    draw = torch.Generator().manual_seed(1)
    return torch.randint(256, (count, 1, 8, 8), generator=draw, dtype=torch.uint8)


def seconds_by(seconds):
    """Make ``SpeedTrial.seconds`` of a table: precision -> the seconds of an image."""
    return lambda _, calls: [seconds[form.precision] for form, _ in calls]


class Flat(nn.Module):
    """One layer, whose weights are always the same."""

    def __init__(self, spec=SPEC, scale=1.0):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        size = (spec.height * spec.width, len(spec.classes))
        self.weights = nn.Parameter(torch.randn(size, generator=draw) * scale)

    def forward(self, pixels):
        return pixels.flatten(1) @ self.weights


class Networked(Target):
    """A target of networks that answer together."""

    spec = SPEC

    def __init__(self, *modules, device="cpu"):
        self.networks = [Network(module.eval(), device=device) for module in modules or [Flat()]]

    def score(self, images):
        logits = torch.stack([network(images) for network in self.networks]).mean(0)
        return Scores(logits.softmax(1).numpy(), logits.numpy())
