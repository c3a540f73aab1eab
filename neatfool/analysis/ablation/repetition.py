"""Whether a picture repeats itself, and where its copies lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import Field
from scipy import fft, ndimage

from neatfool.present.finding import Facts

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
MIRRORED: Final = 0.5
"""A picture is its own mirror image if the two correlate at least so much."""


class Repetition(Facts):
    """How a picture repeats itself."""

    steps: tuple[Step, ...] = Field(
        description="moves, in rows and columns, that bring the picture onto itself: one for "
        "stripes, two for a pattern like a wallpaper's, none if it is only mirrored"
    )
    mirrors: tuple[str, ...] = Field(
        description="where it is not moved but mirrored: `rows` if its upper half is its lower "
        "half upside down, `columns` if its left half is its right half"
    )
    likeness: float = Field(
        description="the correlation of the picture with itself, moved by the first step, or "
        "mirrored"
    )


def find_repetition(image: np.ndarray) -> Repetition | None:
    """Find how a picture repeats itself: moved by a period, or else mirrored.

    Args:
        image: [C, H, W].

    Returns:
        None if no part of the picture is like another.
    """
    if (found := find_period(image)) and label_copies(image.shape[1:], found).max() > 0:
        return found
    pixels = image - image.mean((1, 2), keepdims=True, dtype=np.float64)
    power = max(float((pixels**2).sum()), 1e-9)
    likeness = {
        name: float((pixels * np.flip(pixels, axis)).sum()) / power
        for name, axis in (("rows", 1), ("columns", 2))
    }
    mirrors = tuple(name for name, alike in likeness.items() if alike >= MIRRORED)
    if not mirrors:
        return None
    alike = min(likeness[name] for name in mirrors)
    return Repetition(steps=(), mirrors=mirrors, likeness=alike)


def find_period(image: np.ndarray) -> Repetition | None:
    """Find the period of a picture by its autocorrelation; None if it has none."""
    alike = autocorrelation(image)
    peaks = _peaks(alike)
    if not peaks:
        return None
    best = max(alike[step] for step in peaks)
    near = [step for step in peaks if alike[step] >= max(ALIKE, NEARLY_BEST * best)]
    near.sort(key=lambda step: (np.hypot(*step), step))
    first = near[0]
    seconds = (_second(alike, first, step) for step in near[1:])
    steps = (first, *[step for step in seconds if step][:1])
    return Repetition(steps=steps, mirrors=(), likeness=float(alike[first]))


def autocorrelation(image: np.ndarray) -> np.ndarray:
    """Correlate a picture with itself, moved by up to half of its size.

    Only what overlaps counts, with the mean and the variance that it has there (Padfield, 2012).

    Returns:
        float64 [2h + 1, 2w + 1] with h = H // 2 and w = W // 2, from -1 to 1, to be indexed by
        (rows, columns), which may be negative.
    """
    pixels = image - image.mean((1, 2), keepdims=True, dtype=np.float64)
    rows, columns = pixels.shape[1:]
    size = [fft.next_fast_len(2 * side, real=True) for side in (rows, columns)]
    there, plain, squared = (
        fft.rfft2(each, size) for each in (np.ones((1, rows, columns)), pixels, pixels**2)
    )

    def moved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Sum a(x) b(x + step) over all x, for each step, of functions given by their spectra."""
        found: np.ndarray = fft.irfft2(a.conj() * b, size)
        return found

    count = np.maximum(moved(there, there).round(), 1)
    ahead, behind = moved(there, plain), moved(plain, there)
    covariance = moved(plain, plain) - ahead * behind / count
    spreads = [moved(there, squared) - ahead**2 / count, moved(squared, there) - behind**2 / count]
    variances = [np.maximum(spread.sum(0), 0) for spread in spreads]
    least = 1e-6 * max(float((pixels**2).sum()), 1e-6)
    whole = covariance.sum(0) / np.sqrt(np.maximum(variances[0] * variances[1], least**2))
    high, wide = rows // 2, columns // 2
    down, across = np.arange(2 * high + 1), np.arange(2 * wide + 1)
    down[high + 1 :] -= 2 * high + 1
    across[wide + 1 :] -= 2 * wide + 1
    result: np.ndarray = np.clip(whole[np.ix_(down, across)], -1, 1)
    return result


def _peaks(alike: np.ndarray) -> list[Step]:
    """Give the steps, each in one of its two directions, at which a copy lies."""
    highest = ndimage.maximum_filter(alike, 3, mode="wrap") == alike
    found = []
    for row, column in np.argwhere(highest & (alike >= ALIKE)):
        step = (_signed(row, alike.shape[0]), _signed(column, alike.shape[1]))
        # The map goes to half of the sides.
        reach = max(2 * abs(part) / side for part, side in zip(step, alike.shape, strict=True))
        long_enough = step > (0, 0) and np.hypot(*step) >= SHORTEST
        if long_enough and reach <= 2 * LONGEST and _dips(alike, (0, 0), step):
            found.append(step)
    return found


def _signed(place: int, length: int) -> int:
    return int(place) if place <= length // 2 else int(place) - length


def _dips(alike: np.ndarray, start: Step, end: Step) -> bool:
    """Tell whether the correlation falls on the straight way from one step to another."""
    points = max(abs(end[0] - start[0]), abs(end[1] - start[1])) + 1
    way = np.rint(np.linspace(start, end, points)).astype(int)
    lowest = alike[way[:, 0], way[:, 1]].min()
    return bool(lowest <= min(alike[start], alike[end]) - DIP)


def _second(alike: np.ndarray, first: Step, other: Step) -> Step | None:
    """Turn a step into one that leads across the first; None if it only leads along stripes."""
    times = round((first[0] * other[0] + first[1] * other[1]) / np.hypot(*first) ** 2)
    across = (other[0] - times * first[0], other[1] - times * first[1])
    turn = abs(first[0] * across[1] - first[1] * across[0])
    aside = turn >= SIDEWAYS * np.hypot(*first) * np.hypot(*across) > 0
    return across if aside and _dips(alike, (0, 0), across) else None


def label_copies(shape: Sequence[int], repetition: Repetition) -> np.ndarray:
    """Number the copies of what is repeated, from the middle of the picture outwards.

    Each copy is a stripe or a parallelogram, one period wide, or a half or a quarter of a mirrored
    picture. What the picture's edge cuts to less than half of a copy belongs to none.

    Returns:
        int64 [rows, columns]: 0 for the most central copy, 1 for the next; -1 for none.
    """
    rows, columns = shape
    places = np.mgrid[:rows, :columns] - np.array([rows - 1, columns - 1])[:, None, None] / 2
    steps = [np.array(step, float) for step in repetition.steps]
    if repetition.mirrors:
        mirrored = [name in repetition.mirrors for name in ("rows", "columns")]
        cells = (places[mirrored] > 0).astype(int)
    elif len(steps) == 1:
        cells = np.rint(np.tensordot(steps[0] / (steps[0] @ steps[0]), places, 1)).astype(int)[None]
    else:
        cells = np.rint(np.tensordot(np.linalg.inv(np.stack(steps, 1)), places, 1)).astype(int)
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
