"""Reads lists of seeds."""

import re
from itertools import pairwise
from typing import Final

from neatfool.errors import ExperimentError
from neatfool.wording import format_seeds

MOST_SEEDS: Final = 10_000
"""A list has at most this many seeds: a longer one is a typing error."""


_HIGHEST: Final = 2**63 - 1


_PART: Final = re.compile(r"(\d{1,19})(?:\s*-\s*(\d{1,19}))?", re.ASCII)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds and ranges of seeds (both ends included), separated by commas, in their order.

    Raises:
        ExperimentError: The text is not such a list, or holds a seed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, last = _range(part.strip(), text)
        if last - first >= MOST_SEEDS - len(seeds):
            raise ExperimentError(f"seeds {text!r}: more than {MOST_SEEDS:,}; give fewer")
        seeds += range(first, last + 1)
    twice = sorted({seed for seed, other in pairwise(sorted(seeds)) if seed == other})
    if twice:
        raise ExperimentError(
            f"seeds {text!r}: {format_seeds(twice)} twice; name each once: a second run is the same"
        )
    return tuple(seeds)


def _range(part: str, text: str) -> tuple[int, int]:
    match = _PART.fullmatch(part)
    if not match:
        fault = f"{part!r} is not a seed" if part else "one comma is too many"
        raise ExperimentError(f"seeds {text!r}: {fault}; write 1-5, or 1,3,7-9")
    first = int(match[1])
    last = int(match[2] or first)
    if last < first:
        raise ExperimentError(f"seeds {text!r}: {part} runs backwards; write {last}-{first}")
    if last > _HIGHEST:
        raise ExperimentError(f"seeds {text!r}: {last} is above {_HIGHEST}, the highest seed")
    return first, last
