"""Whether a picture repeats itself, where its copies lie, and pictures with parts hidden."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import ndimage, signal

from neatfool.present import Facts, evenly

Step = tuple[int, int]

ALIKE: Final = 0.35
"""A picture repeats itself if it and itself moved by a period correlate at least so much."""
NEARLY_BEST: Final = 0.8
"""Of the moves that correlate this part of the best or more, the shortest is the period."""
DIP: Final = 0.25
"""On the way to the next copy the correlation falls by at least this, or there is just one copy:
a picture that changes slowly is like itself a few pixels further, too."""
SHORTEST: Final = 3
"""Pixels of a period: shorter ones are the grain of a picture, not parts of it."""
LONGEST: Final = 0.4
"""The part of a side that a period may have, so that two and a half copies are there to be seen."""
SIDEWAYS: Final = 0.5
"""The least sine of the angle between the two directions in which a pattern repeats itself."""
MOST_COPIES: Final = 16
"""Of more copies, so many are looked at one by one, evenly from the middle to the edge."""


class Repetition(Facts):
    """How a picture repeats itself."""

    steps: tuple[Step, ...]
    """moves, in rows and columns, that bring the picture onto itself: one for stripes, two for a
    pattern like a wallpaper's"""
    likeness: float
    """its correlation with itself, moved so"""


def find_repetition(image: np.ndarray) -> Repetition | None:
    """Find the period of a picture, [C, H, W], by its autocorrelation; None if it has none."""
    alike = _autocorrelation(image)
    sides = np.array(alike.shape)
    highest = ndimage.maximum_filter(alike, 3, mode="wrap") == alike
    places = np.argwhere(highest & (alike >= ALIKE))
    peaks: list[Step] = []
    for step in map(tuple, np.where(places > sides // 2, places - sides, places).tolist()):
        # Each in one of its two directions. The map goes to half of the picture's sides.
        long_enough = step > (0, 0) and np.hypot(*step) >= SHORTEST
        if long_enough and (abs(step / sides) <= LONGEST).all() and _dips(alike, step):
            peaks.append(step)
    if not peaks:
        return None
    best = max(alike[step] for step in peaks)
    near = [step for step in peaks if alike[step] >= max(ALIKE, NEARLY_BEST * best)]
    first, *others = sorted(near, key=lambda step: (np.hypot(*step), step))
    length, steps = np.hypot(*first), [first]
    for other in others:
        # Turned so that it leads across the first; else it only leads along stripes.
        times = round((first[0] * other[0] + first[1] * other[1]) / length**2)
        across = (other[0] - times * first[0], other[1] - times * first[1])
        turn = abs(first[0] * across[1] - first[1] * across[0])
        if turn >= SIDEWAYS * length * np.hypot(*across) > 0 and _dips(alike, across):
            steps.append(across)
            break
    found = Repetition(steps=tuple(steps), likeness=float(alike[first]))
    return found if label_copies(image.shape[1:], found).max() > 0 else None


def _dips(alike: np.ndarray, step: Step) -> bool:
    """Tell whether the correlation falls on the straight way to a step."""
    way = np.rint(np.linspace((0, 0), step, max(map(abs, step)) + 1)).astype(int)
    return bool(alike[*way.T].min() <= min(alike[0, 0], alike[step]) - DIP)


def _autocorrelation(image: np.ndarray) -> np.ndarray:
    """Correlate a picture with itself moved by (rows, columns), up to half of its size."""
    pixels = image - image.mean((1, 2), keepdims=True, dtype=np.float64)
    there = np.ones_like(pixels)
    window = (..., *(slice((side - 1) // 2, side + side // 2) for side in pixels.shape[1:]))

    def moved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Sum a(x) b(x + step) over all x, for each step."""
        sums: np.ndarray = signal.fftconvolve(b, a[:, ::-1, ::-1], axes=(1, 2))[window]
        return sums

    count, ahead = moved(there, there).round(), moved(there, pixels)
    covariance = moved(pixels, pixels) - ahead * ahead[:, ::-1, ::-1] / count
    spread = (moved(there, pixels**2) - ahead**2 / count).sum(0).clip(0)
    least = 1e-6 * max(float((pixels**2).sum()), 1e-6)
    whole = covariance.sum(0) / np.sqrt((spread * spread[::-1, ::-1]).clip(least**2))
    return np.fft.ifftshift(whole.clip(-1, 1))


def label_copies(shape: Sequence[int], repetition: Repetition) -> np.ndarray:
    """Number the copies, int64 [H, W], from the middle outwards; -1 for those cut to a half."""
    rows, columns = shape
    places = np.mgrid[:rows, :columns] - np.array([rows - 1, columns - 1])[:, None, None] / 2
    steps = np.array(repetition.steps, float)
    periods = np.linalg.solve(steps @ steps.T, steps)
    cells = np.rint(np.tensordot(periods, places, 1)).astype(int)
    _, cell, counts = np.unique(
        cells.reshape(len(cells), -1), axis=1, return_inverse=True, return_counts=True
    )
    cell = cell.reshape(-1)
    centres = [np.bincount(cell, place.ravel()) / counts for place in places]
    order = np.argsort(np.hypot(*centres).round(6), kind="stable")
    whole = [each for each in order if counts[each] >= counts.max() / 2]
    numbers = np.full(len(counts), -1)
    numbers[whole] = np.arange(len(whole))
    labels: np.ndarray = numbers[cell].reshape(rows, columns)
    return labels


def _hide(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Give an image, uint8 [C, H, W], its mean colour in some places, bool [H, W]."""
    mean = np.rint(image.mean((1, 2), keepdims=True)).astype(np.uint8)
    hidden: np.ndarray = np.where(where, mean, image)
    return hidden


def hide_tiles(image: np.ndarray, tiles: int) -> list[np.ndarray]:
    """Hide one of tiles x tiles tiles at a time, row by row (Zeiler and Fergus, 2014)."""
    row, column = (
        np.searchsorted(np.rint(np.linspace(0, side, tiles + 1))[1:-1], np.arange(side), "right")
        for side in image.shape[1:]
    )
    labels = row[:, None] * tiles + column
    return [_hide(image, labels == number) for number in range(tiles**2)]


def hide_copies(image: np.ndarray, labels: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
    """Hide copies: all but the inner half, then all but one of some, then each of these alone."""
    copies = int(labels.max()) + 1
    some = evenly(copies, MOST_COPIES)
    hidden = [(labels < 0) | (labels >= max(copies // 2, 1))]
    hidden += [labels != number for number in some]
    hidden += [labels == number for number in some]
    return some, [_hide(image, where) for where in hidden]
