"""Random numbers in compiled code: a stream for each child.

The state of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
2014) is one number, and its n-th output depends only on the seed and n. So each child has a stream
of its own, which costs nothing to start. All operations are on integers but one exact product, so
the numbers are the same on every machine.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.compiling import inlined, inner
from neatfool.cppn.genome.genes import SPARE_BITS, STEP
from neatfool.cppn.genome.genes import scramble as scramble_arrays

TAU: Final = math.tau
_MASK: Final = 2**64 - 1
_11: Final = np.uint64(11)

scramble = inner(scramble_arrays)


def seed_array(seeds: Sequence[int]) -> Array:
    """Give seeds, modulo 2**64, as uint64 [N]."""
    return np.array([seed & _MASK for seed in seeds], np.uint64)


def first_numbers(seeds: Array) -> Array:
    """Give the first number of the stream of each seed: float64 [N], in [0, 1)."""
    return np.asarray((scramble_arrays((seeds,)) >> _11) * 2.0**-53)


@inner
def draw(stream: Array) -> float:
    """Draw the next number of a stream, uint64 [1]: uniform in [0, 1), a multiple of 2**-53."""
    bits = scramble((stream[0],)) >> _11
    stream[0] += STEP
    return np.float64(bits) * 2.0**-53


@inlined
def draw_place(count: int, stream: Array) -> int:
    """Draw one of the places 0 to ``count`` - 1; all are equally likely."""
    return int(draw(stream) * count)


@inner
def draw_normal(stream: Array) -> float:
    """Draw from the standard normal distribution, by Box and Muller's method."""
    radius = math.sqrt(-2.0 * math.log(1.0 - draw(stream)))
    return radius * math.cos(TAU * draw(stream))


@inner
def choose(count: int, probability: float, scale: float, stream: Array, chosen: Array) -> int:
    """Choose some of the places 0 to ``count`` - 1, each with one probability, independently.

    Write them to ``chosen``, in order; say how many. ``scale`` is that of :func:`scale_of`: a
    geometric number of places is skipped up to the next one, so that no number is drawn for each.
    """
    found = 0
    if scale == 0.0:
        if probability > 0.0:
            for place in range(count):
                chosen[place] = place
            found = count
        return found
    place = int(math.log(1.0 - draw(stream)) * scale)
    while place < count:
        chosen[found] = place
        found += 1
        place += 1 + int(math.log(1.0 - draw(stream)) * scale)
    return found


def scale_of(probability: float) -> float:
    """Give the factor for the logarithm of a uniform number that makes the places to skip.

    log(1 - u) / log(1 - p) is at least n with probability (1 - p)^n. 0 stands for "all or none".
    """
    return max(1.0 / math.log1p(-probability), -1e15) if 0.0 < probability < 1.0 else 0.0


@inner
def new_id(kind: int, first: int, second: int, again: int) -> int:
    """Give the id of a new node: the marking of a kind and numbers."""
    words = (
        np.uint64(np.int64(kind)),
        np.uint64(np.int64(first)),
        np.uint64(np.int64(second)),
        np.uint64(np.int64(again)),
    )
    return int(np.int64(scramble(words) >> SPARE_BITS))
