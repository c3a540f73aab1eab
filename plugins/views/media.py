"""A screen or a print, seen by a camera: several small changes at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from .kind import Step, draw
from .light import bend
from .sampling import blur

if TYPE_CHECKING:
    from collections.abc import Sequence

PAPER: Final = (250, 247, 238)
"""The white of paper in warm light, and the grey of the ink's black on it."""
INK: Final = (42, 40, 42)
INK_ANGLES: Final = (15, 75, 45)
"""Printers turn the dots of each ink by another angle, in degrees, so that they do not meet."""


class Screen(Step):
    """On a screen, seen by a camera: moire, a slight blur, another gamma, a tint, glow.

    The screen's pixels and the camera's give broad waves. They differ from colour to colour, as
    red, green and blue lie side by side.
    """

    strengths = (25, 50, 75, 100)
    limit = 100
    what = "on a screen, seen by a camera"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Show each image on a screen."""
        strengths = [amount / 100 for amount in amounts]
        drawn = [draw(seed, "screen", 5 + images.shape[1]) for seed in seeds]
        pairs = [*zip(strengths, drawn, strict=True)]
        seen = blur(images, [0.7 * a for a in strengths])
        seen = bend(seen, [0.5 * a * (2 * chance[0] - 1) for a, chance in pairs])
        gains = torch.stack([_screen(images, a, chance) for a, chance in pairs])
        glow = images.new_tensor([[14 * a] for a in strengths])[..., None, None]
        return seen * gains + glow


class Print(Step):
    """Printed and photographed: halftone dots, less contrast, the white of paper."""

    strengths = (25, 50, 75, 100)
    limit = 100
    what = "printed and photographed"

    def see(
        self, images: torch.Tensor, amounts: Sequence[float], seeds: Sequence[int]
    ) -> torch.Tensor:
        """Print each image."""
        strengths = [amount / 100 for amount in amounts]
        dots = torch.stack(
            [a * _dots(images, seed) for a, seed in zip(strengths, seeds, strict=True)]
        )
        # Dots are seen in middle tones; in black they merge, and white has none.
        tone = images / 255
        inked = blur(images + 300 * tone * (1 - tone) * dots, [0.5 * a for a in strengths])
        channels = images.shape[1]
        white = [[255 + a * (_tone(PAPER, c, channels) - 255) for c in range(channels)]
                 for a in strengths]  # fmt: skip
        black = [[a * _tone(INK, c, channels) for c in range(channels)] for a in strengths]
        low, high = (images.new_tensor(each)[..., None, None] for each in (black, white))
        return low + inked / 255 * (high - low)


def _tone(colour: Sequence[int], channel: int, channels: int) -> float:
    return colour[channel] if channels == len(colour) else sum(colour) / len(colour)


def _screen(images: torch.Tensor, strength: float, chance: Sequence[float]) -> torch.Tensor:
    """Make the factors [C, H, W] of a screen's waves and tint."""
    _, period, angle, phase, cross, *tints = chance
    turn, long = math.pi * (angle - 0.5) / 3, 5 + 6 * period
    layers = []
    for channel, tint in enumerate(tints):
        aside = 2 * math.pi * (phase + channel / 3)
        upright = _wave(images, long, turn, aside)
        level = _wave(images, 1.3 * long, turn + math.pi / 2, 2 * math.pi * cross)
        layers.append(1 + strength * (0.13 * upright + 0.07 * level + 0.16 * (tint - 0.5)))
    return torch.stack(layers).to(images)


def _dots(images: torch.Tensor, seed: int) -> torch.Tensor:
    """Make the halftone dots [C, H, W], from -1 to 1."""
    period, turn, *phases = draw(seed, "print", 2 + 2 * images.shape[1])
    layers = []
    for channel in range(images.shape[1]):
        angle = math.radians(INK_ANGLES[channel % 3] + 10 * (turn - 0.5))
        waves = [
            _wave(images, 3 + period, angle + more, 2 * math.pi * phases[2 * channel + part])
            for part, more in enumerate((0, math.pi / 2))
        ]
        layers.append((waves[0] + waves[1]) / 2)
    return torch.stack(layers).to(images)


def _wave(images: torch.Tensor, period: float, angle: float, phase: float) -> torch.Tensor:
    """Draw a wave [H, W] across an image, in float64, from -1 to 1."""
    height, width = images.shape[-2:]
    step = 2 * math.pi / period
    x = torch.arange(width, dtype=torch.float64, device=images.device)
    y = torch.arange(height, dtype=torch.float64, device=images.device)[:, None]
    across, along = step * math.cos(angle) * x + phase, step * math.sin(angle) * y
    # The cosine of the sum, from those of each row and column, which are few.
    return across.cos() * along.cos() - across.sin() * along.sin()
