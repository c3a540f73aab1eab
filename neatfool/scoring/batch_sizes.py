"""How many images a call has, and how many candidates each part of a generation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final

from neatfool.network.network import Graph, Network
from neatfool.spec.image_spec import ImageSpec

SHARE: Final = 16
"""A part for workers is at most this share of what is left, so that all end at one time."""
MOST: Final = 16
"""It has at most so many candidates, so that many workers have work,"""
FEWEST: Final = 4
"""and at least so many, as each part costs a millisecond. It is at least one batch."""
LARGEST_AUTOMATIC_BATCH: Final = 256
PARTS: Final = 4
"""A generation is divided into this many parts: one is scored while the next is bred."""
SMALL_IMAGE: Final = 64 * 64


def automatic_batch_size(generation_size: int, largest: int = LARGEST_AUTOMATIC_BATCH) -> int:
    """Give the smallest batch that divides a generation into the fewest of at most ``largest``."""
    return math.ceil(generation_size / math.ceil(generation_size / largest))


def exact_batch_size(
    spec: ImageSpec, networks: Sequence[Network], generation_size: int, graph: Graph
) -> int:
    """Choose how many images a network scores exactly in a call."""
    # On a CPU small batches are as fast, and need less padding where few images are confirmed. But
    # if operations are not fused, oneDNN's convolutions are slower for fewer than 16 large images.
    on_cpu = networks[0].device.type == "cpu"
    if on_cpu and spec.height * spec.width > SMALL_IMAGE:
        weights = [each for network in networks for each in network.module.parameters()]
        of_convolutions = sum(each.numel() for each in weights if each.dim() > 2)
        # Not of a transformer's products.
        convolves = 2 * of_convolutions >= sum(each.numel() for each in weights)
        return min(16 if graph in {"eager", "frozen"} and convolves else 2, generation_size)
    return automatic_batch_size(math.ceil(generation_size / PARTS), 32 if on_cpu else 64)


def part_size(generation_size: int, batch: int, screening: int, parts: int) -> int:
    """Choose how many candidates, in whole batches, are scored while the next are made."""
    if screening and screening % batch == 0:
        batch = screening
    batches = math.ceil(generation_size / batch)
    return math.ceil(batches / parts) * batch


def part_sizes_for_workers(
    generation_size: int, batch: int, screening: int, parts: int
) -> Iterator[int]:
    """Choose how many candidates each part of a generation has: fewer at its end."""
    if screening % batch:
        # Batches begin with each part, so the parts are those of a run without an engine.
        yield from repeat(part_size(generation_size, batch, screening, parts))
    batch = screening or batch
    left = math.ceil(generation_size / batch)
    while True:
        count = max(min(left // SHARE, MOST // batch), math.ceil(FEWEST / batch))
        left -= count
        yield count * batch
