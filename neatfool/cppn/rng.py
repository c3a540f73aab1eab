"""Random numbers of breeding: a stream for each child, in compiled code.

The state of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
2014) is one number, and its n-th output depends only on the seed and n, so a stream costs nothing
to start. All operations are on integers but one exact product, so the numbers are the same on every
machine. A stream is uint64 [1]: the arguments called ``random``.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.genome.genes import SPARE_BITS, STEP
from neatfool.cppn.genome.genes import scramble as scramble_arrays
from neatfool.cppn.jit import inlined, inner

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
def draw(random: Array) -> float:
    """Draw the next number of a stream: uniform in [0, 1), a multiple of 2**-53."""
    bits = scramble((random[0],)) >> _11
    random[0] += STEP
    return np.float64(bits) * 2.0**-53


@inlined
def draw_place(count: int, random: Array) -> int:
    """Draw one of the places 0 to ``count`` - 1; all are equally likely."""
    return int(draw(random) * count)


@inner
def draw_normal(random: Array) -> float:
    """Draw from the standard normal distribution, by Box and Muller's method."""
    radius = math.sqrt(-2.0 * math.log(1.0 - draw(random)))
    return radius * math.cos(TAU * draw(random))


@inner
def choose(count: int, probability: float, random: Array, chosen: Array) -> int:
    """Choose some of the places 0 to ``count`` - 1, each with one probability; say how many.

    Up to the next one, a geometric number of places is skipped: log(1 - u) / log(1 - p) is at least
    n with probability (1 - p)^n.
    """
    found = 0
    if not 0.0 < probability < 1.0:
        for place in range(count if probability > 0.0 else 0):
            chosen[place] = place
            found += 1
        return found
    scale = max(1.0 / math.log1p(-probability), -1e15)
    place = int(math.log(1.0 - draw(random)) * scale)
    while place < count:
        chosen[found] = place
        found += 1
        place += 1 + int(math.log(1.0 - draw(random)) * scale)
    return found


@inner
def new_id(kind: int, first: int, second: int, again: int) -> int:
    """Give the id of a new node: the marking of a kind and numbers."""
    one, other = np.uint64(np.int64(first)), np.uint64(np.int64(second))
    words = np.uint64(np.int64(kind)), one, other, np.uint64(np.int64(again))
    return int(np.int64(scramble(words) >> SPARE_BITS))
