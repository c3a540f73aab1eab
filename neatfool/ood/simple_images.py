"""Simple images that no search made: noise, low frequencies, plain colours, blobs and stripes.

They are the unit tests of NINCO (Bitterwolf, Müller and Hein 2023, *In or Out?*), besides gradients
and checks.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from neatfool.spec.image_spec import ImageSpec

WIDTH: Final = 224
"""Blurs are as wide as NINCO's in an image of so many pixels, and one pixel at least."""
TINY: Final = 1e-12


def simple_images(
    spec: ImageSpec, number: int, seed: int = 1, photographs: torch.Tensor | None = None
) -> Iterator[tuple[str, str, str, torch.Tensor]]:
    """Draw images of a target's size, of each kind the same number.

    Args:
        spec: What the images are to be like.
        number: How many of each kind.
        seed: What they depend on.
        photographs: uint8 [M, C, H, W], whose pixels are permuted; no such kind without them.

    Yields:
        The kind, its group (noise, blank or texture), what it is in words, and uint8 [N, C, H, W].
    """
    kinds: list[tuple[str, str, str, Any]] = [
        ("uniform", "noise", "uniform noise", _uniform),
        ("gaussian", "noise", "Gaussian noise", _gaussian),
        ("rademacher", "noise", "noise of two values", _rademacher),
        ("low frequency", "noise", "noise of low frequencies", _low_frequency),
        ("blank", "blank", "blank images", _blank),
        ("gradient", "blank", "gradients", _gradient),
        ("blobs", "texture", "blobs", _blobs),
        ("stripes", "texture", "stripes", _stripes),
        ("checks", "texture", "checks", _checks),
    ]
    if photographs is not None and len(photographs):
        permute = partial(_permuted, np.asarray(photographs))
        kinds.insert(4, ("permuted", "noise", "photographs with permuted pixels", permute))
    for kind, group, what, draw in kinds:
        chance = np.random.default_rng([seed, *kind.encode()])
        images = np.empty((number, *spec.shape), np.uint8)
        for place in range(number):
            images[place] = (255 * draw(chance, spec.shape, place)).round().clip(0, 255)
        yield kind, group, what, torch.from_numpy(images)


# Each draws one image, floats [C, H, W] from 0 to 1; ``place`` lets variants take turns.
def _uniform(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    return chance.uniform(0, 1, shape)


def _gaussian(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    return chance.normal(0.5, chance.choice([0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5]), shape)


def _rademacher(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    return chance.integers(0, 2, shape)


def _low_frequency(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    """Blur noise and stretch it: as a whole, by channel, or around a colour."""
    noise = _blur(chance.uniform(0, 1, shape), chance.choice([10, 15, 25, 40, 60, 85]))
    if place % 3 == 2:
        low, high = np.quantile(noise, (0.025, 0.975), (1, 2), keepdims=True)
        colour = chance.uniform(0, 1, (shape[0], 1, 1))
        return colour + 2 * chance.uniform(0.1, 0.3) * (noise - low) / np.maximum(high - low, TINY)
    axes = (1, 2) if place % 3 else (0, 1, 2)
    width = np.maximum(np.ptp(noise, axes, keepdims=True), TINY)  # 0 for a single pixel
    return (noise - noise.min(axes, keepdims=True)) / width


def _permuted(
    photographs: np.ndarray, chance: np.random.Generator, shape: tuple[int, ...], place: int
) -> Any:
    """Permute the pixels of a photograph; every other is blurred then."""
    pixels = photographs[chance.integers(len(photographs))].reshape(shape[0], -1) / 255
    image = chance.permutation(pixels, axis=1).reshape(shape)
    return _blur(image, chance.choice([1, 1.5, 2, 3, 4, 6, 8])) if place % 2 else image


def _blank(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    """Draw a colour or a grey; the first two are black and white."""
    channels = 1 if place % 2 else shape[0]
    colour = place if place < 2 else chance.uniform(0, 1, (channels, 1, 1))
    return np.broadcast_to(colour, shape)


def _gradient(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    first, second = chance.uniform(0, 1, (2, shape[0], 1, 1))
    return first + (second - first) * (0.5 + _across(chance, shape) / 1.4)


def _blobs(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    values = _blur(chance.binomial(1, 0.7, shape), chance.choice([1.5, 2, 2.5, 3, 3.5, 4]))
    return np.where(values < 0.75, 0, values)


def _stripes(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    """Draw bands across or down: every other image has three, half of these in primary colours."""
    axis = chance.integers(1, 3)
    count = 3 if place % 2 else chance.choice([4, 5, 7, 10, 15, 20])
    colours = chance.uniform(0, 1, (shape[0], count))
    bands = np.arange(shape[axis]) // max(1, shape[axis] // count)
    drawn = (colours.round() if place % 4 == 1 else colours)[:, bands.clip(max=count - 1)]
    return np.broadcast_to(np.expand_dims(drawn, 3 - axis), shape)


def _checks(chance: np.random.Generator, shape: tuple[int, ...], place: int) -> Any:
    """Draw two colours where stripes in two random directions cross."""
    waves = [
        np.sin(2 * np.pi * (chance.uniform(2, 20) * _across(chance, shape) + chance.uniform()))
        for _ in range(2)
    ]
    first, second = chance.uniform(0, 1, (2, shape[0], 1, 1))
    return np.where(waves[0] * waves[1] > 0, first, second)


def _across(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Give how far each pixel lies in a random direction, from -0.7 to 0.7."""
    rows, columns = np.mgrid[: shape[1], : shape[2]] / max(shape[1:])
    angle = chance.uniform(0, 2 * np.pi)
    return (rows - 0.5) * np.sin(angle) + (columns - 0.5) * np.cos(angle)


def _blur(image: np.ndarray, width: float) -> Any:
    """Blur by a Gaussian of a standard deviation as at :data:`WIDTH`, wrapped around the edges."""
    sigma = max(1.0, width * min(image.shape[1:]) / WIDTH)
    rows, columns = np.fft.fftfreq(image.shape[1]), np.fft.rfftfreq(image.shape[2])
    kept = np.exp(-2 * (np.pi * sigma) ** 2 * (rows[:, None] ** 2 + columns**2))
    return np.fft.irfft2(np.fft.rfft2(image) * kept, image.shape[1:])
