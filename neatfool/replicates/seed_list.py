"""Lists of seeds as people write them: ``1-5`` or ``1,3,7-9``."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from neatfool.errors import ExperimentError
from neatfool.wording import format_seeds

MOST: Final = 10_000
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
        if last - first >= MOST - len(seeds):
            raise ExperimentError(f"seeds {text!r}: more than {MOST:,}; give fewer")
        seeds += range(first, last + 1)
    twice = sorted({seed for seed, other in pairwise(sorted(seeds)) if seed == other})
    if twice:
        raise ExperimentError(
            f"seeds {text!r}: {format_seeds(twice)} twice; name each seed once, since a second run "
            "would be the same"
        )
    return tuple(seeds)


def _range(part: str, text: str) -> tuple[int, int]:
    found = _PART.fullmatch(part)
    if not found:
        what = f"{part!r} is not a seed" if part else "one comma is too many"
        raise ExperimentError(f"seeds {text!r}: {what}; write 1-5, or 1,3,7-9")
    first = int(found[1])
    last = first if found[2] is None else int(found[2])
    if last < first:
        raise ExperimentError(f"seeds {text!r}: {part} runs backwards; write {last}-{first}")
    if last > _HIGHEST:
        raise ExperimentError(f"seeds {text!r}: {last} is above {_HIGHEST}, the highest seed")
    return first, last
