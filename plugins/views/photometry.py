"""Other light and other detail; and a screen or a print, seen by a camera."""

import io
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from neatfool import Register, hookimpl

from .geometry import Step, blur, draw, factors

MIDDLE: Final = 127.5
LEVEL: Final = 1 / 255
PAPER: Final = (250, 247, 238)
"""The white of paper in warm light, and the grey of the ink's black on it."""
INK: Final = (42, 40, 42)
INK_ANGLES: Final = (15, 75, 45)
"""Printers turn the dots of each ink by another angle, in degrees, so that they do not meet."""


def _light(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Make brighter or darker: 30 is all values times 1.3 or 0.7."""
    return images * factors([1 + amount / 100 for amount in amounts], images)


def _contrast(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Give more or less contrast: move all values away from middle grey, or towards it."""
    spread = factors([1 + amount / 100 for amount in amounts], images)
    return (images - MIDDLE) * spread + MIDDLE


def _gamma(images: Tensor, amounts: Sequence[float], seeds: Sequence[int] = ()) -> Tensor:
    """Raise all values, from 0 to 1, to the power 2^s: 1 squares them, and -1 takes the root.

    So black and white stay as they are. Below one level values are on a line to 0: a root is
    infinitely steep there, and gradients should be finite.
    """
    power = factors([2.0**amount for amount in amounts], images).double()
    values = images.double().clamp(0, 255) / 255
    raised = values.clamp(min=LEVEL) ** power
    return (255 * torch.where(values < LEVEL, values * LEVEL ** (power - 1), raised)).to(images)


def _defocus(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Blur, as out of focus, by a Gaussian of this standard deviation."""
    return blur(images, amounts)


def _sharpen(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Sharpen as cameras do: add this share of what a blur of one pixel takes away."""
    lost = images - blur(images, [1.0] * len(images))
    return images + factors([amount / 100 for amount in amounts], images) * lost


def _noise(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Add noise, as in dim light, of this standard deviation; there are 256 levels."""
    shape = images.shape[1:]
    noise = [np.random.default_rng(seed).standard_normal(shape, np.float32) for seed in seeds]
    return images + factors(amounts, images) * torch.from_numpy(np.stack(noise)).to(images)


def _jpeg(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Save as JPEG of this quality (by Pillow, colours at half the size), and open again.

    Gradients pass as if it were not.
    """
    given = images.detach()
    # Twice as fast as bytes at once.
    levels = given.round().clamp(0, 255).short().byte().cpu().numpy()
    planes: list[np.ndarray] = []
    for image, amount in zip(levels, amounts, strict=True):
        parts, file = [Image.fromarray(plane) for plane in image], io.BytesIO()
        whole = parts[0] if len(parts) == 1 else Image.merge("RGB", parts)
        whole.save(file, "JPEG", quality=min(max(round(amount), 1), 100))
        with Image.open(file, formats=["JPEG"]) as opened:
            planes += map(np.asarray, opened.split())
    decoded = torch.from_numpy(np.stack(planes).reshape(images.shape)).to(images)
    return decoded + (images - given) if images.requires_grad else decoded


def _screen(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Show on a screen, to a camera: moire, blur, gamma, tint, glow. 100 is a phone held close.

    The screen's pixels and the camera's give broad waves, which differ from colour to colour.
    """
    strengths = [amount / 100 for amount in amounts]
    drawn = [draw(seed, "screen", 5 + images.shape[1]) for seed in seeds]
    pairs = [*zip(strengths, drawn, strict=True)]
    shown = blur(images, [0.7 * a for a in strengths])
    shown = _gamma(shown, [0.5 * a * (2 * chance[0] - 1) for a, chance in pairs])
    gains = torch.stack([_gains(images, a, chance) for a, chance in pairs])
    glow = images.new_tensor([[14 * a] for a in strengths])[..., None, None]
    return shown * gains + glow


def _print(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Print and photograph: dots of 3 to 4 pixels, less contrast, paper. 100 is a newspaper."""
    strengths = [amount / 100 for amount in amounts]
    dots = torch.stack([a * _dots(images, seed) for a, seed in zip(strengths, seeds, strict=True)])
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


def _gains(images: Tensor, strength: float, chance: Sequence[float]) -> Tensor:
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


def _dots(images: Tensor, seed: int) -> Tensor:
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


def _wave(images: Tensor, period: float, angle: float, phase: float) -> Tensor:
    """Draw a wave [H, W] across an image, in float64, from -1 to 1."""
    height, width = images.shape[-2:]
    step = 2 * math.pi / period
    x = torch.arange(width, dtype=torch.float64, device=images.device)
    y = torch.arange(height, dtype=torch.float64, device=images.device)[:, None]
    across, along = step * math.cos(angle) * x + phase, step * math.sin(angle) * y
    # The cosine of the sum, from those of each row and column, which are few.
    return across.cos() * along.cos() - across.sin() * along.sin()


VIEWS: Final = {
    "light": Step(_light, "brighter or darker", (10, 30, 50, 70), 95, signed=True),
    "contrast": Step(_contrast, "with more or less contrast", (10, 30, 50, 70), 95, signed=True),
    "gamma": Step(
        _gamma, "with another gamma", (0.25, 0.5, 1, 1.5), 2, unit="powers of 2", signed=True
    ),
    "blur": Step(_defocus, "blurred", (0.5, 1, 2, 3), 8, unit="pixels"),
    "sharpen": Step(_sharpen, "sharpened", (50, 100, 200, 400), 1000),
    "noise": Step(_noise, "noisy", (4, 8, 16, 32), 128, unit="levels"),
    "jpeg": Step(_jpeg, "saved as JPEG", (90, 75, 50, 25), 1, unit="quality", harmless=100.0),
    "screen": Step(_screen, "on a screen, seen by a camera", (25, 50, 75, 100), 100),
    "print": Step(_print, "printed and photographed", (25, 50, 75, 100), 100),
}


@hookimpl
def neatfool_register_views(register: Register) -> None:
    """Register the views of this module."""
    for name, view in VIEWS.items():
        register(name, lambda _options, view=view: view)
