"""Random numbers for children: a cheap stream for each seed.

Seeding Python's generator takes 3 µs, as long as the rest of a small child's mutation. The state of
SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) is one
number, and its n-th output depends only on the seed and n. So numpy makes the first numbers of all
streams of a batch at once. It uses integer operations and one exact product, so that the numbers
are the same on every machine and in every batch.

Children compute with these numbers in Python's ``math``: numpy's logarithm and cosine depend on the
processor and on a number's place in its array.
"""

from __future__ import annotations

from itertools import chain, count
from math import cos, log, log1p, sqrt, tau
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Draw = Callable[[], float]
    """Gives the next number of a stream: uniform in [0, 1), a multiple of 2**-53."""

T = TypeVar("T")

_MASK = 2**64 - 1
_NUMBERS_AT_ONCE = 1 << 12
"""The most numbers made at once: this many stay in a processor's cache until they are drawn."""


def streams(seeds: Sequence[int], expected: int = 64) -> Iterator[Draw]:
    """Give a stream of random numbers for each seed.

    Args:
        seeds: The seed of each stream, modulo 2**64.
        expected: About how many numbers will be drawn from each stream. Streams are endless, but
            further numbers cost more.
    """
    streams_at_once = max(1, _NUMBERS_AT_ONCE // expected)
    for first in range(0, len(seeds), streams_at_once):
        some = [seed & _MASK for seed in seeds[first : first + streams_at_once]]
        for seed, numbers in zip(some, _numbers(some, 0, expected), strict=True):
            yield chain(numbers, _rest(seed, expected)).__next__


def _numbers(seeds: Sequence[int], first: int, count: int) -> list[list[float]]:
    """Make outputs ``first`` to ``first + count - 1`` of SplitMix64, the upper 53 bits of each."""
    steps = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    z = np.array(seeds, np.uint64)[:, None] + steps * np.uint64(0x9E3779B97F4A7C15)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    rows: list[list[float]] = ((z >> np.uint64(11)) * 2.0**-53).tolist()
    return rows


def _rest(seed: int, first: int, size: int = 256) -> Iterator[float]:
    for start in count(first, size):
        yield from _numbers([seed], start, size)[0]


def normal(draw: Draw) -> float:
    """Draw from the standard normal distribution, by Box and Muller's method."""
    return sqrt(-2.0 * log(1.0 - draw())) * cos(tau * draw())


def one_of(items: Sequence[T], draw: Draw) -> T:
    """Draw one of some items; all are equally likely."""
    return items[int(draw() * len(items))]


class EachWithProbability:
    """Draws a subset of items: each item is in it with the same probability, independently.

    It draws a geometric number of items to skip up to the next one, and no number for each item.
    """

    def __init__(self, probability: float) -> None:
        self.probability = min(max(probability, 0.0), 1.0)
        # log(1 - u) / log(1 - p) is at least n with probability (1 - p)^n.
        self._scale = 0.0
        if 0.0 < self.probability < 1.0:
            self._scale = max(1.0 / log1p(-self.probability), -1e15)

    def of(self, items: Sequence[T], draw: Draw) -> Sequence[T]:
        """Draw a subset, in the items' order."""
        if not self._scale:
            return items if self.probability else ()
        scale, end, subset = self._scale, len(items), []
        place = int(log(1.0 - draw()) * scale)
        while place < end:
            subset.append(items[place])
            place += 1 + int(log(1.0 - draw()) * scale)
        return subset
