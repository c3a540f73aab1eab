"""Writes confidences, times, counts, seeds and names for people."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Final

__all__ = [
    "among",
    "counted",
    "distinct_names",
    "duration",
    "format_seeds",
    "four_digits",
    "level",
    "listed",
    "name_seeds",
    "percent",
    "share",
    "slug",
    "spending",
]

SMALLEST: Final = 1e-6
"""A smaller confidence is written as 0.0 %: it says nothing about an image."""
SUREST: Final = 0.9999
"""A larger confidence is written as "> 99.99 %": rounded numbers near 1 cannot be told apart."""


def percent(confidence: float, rank: float = 0.0) -> str:
    """Write a confidence so that it claims no more than is known.

    Args:
        confidence: A probability in [0, 1]. It may be 1 only because it was rounded.
        rank: Its rank, where readers compare near-certainties. If it is log-odds (above 1), they
            follow a confidence above 99.99 %.

    Returns:
        ``"63.2 %"``, ``"99.4 %"`` or ``"99.98 %"``, cut and not rounded up. Above 99.99 %:
        ``"> 99.99 %"``, or ``"> 99.99 % (log-odds 17.2)"``. Below 1 %, two digits: ``"0.21 %"``,
        ``"0.0034 %"``. Below 0.0001 %: ``"0.0 %"``.
    """
    if confidence > SUREST:
        return f"> {level(SUREST)}" + (f" (log-odds {rank:.1f})" if rank > 1 else "")
    if confidence < SMALLEST:
        return "0.0 %"
    if confidence < 0.01:
        places = 1 - math.floor(math.log10(100 * confidence))
    else:
        places = 2 if confidence >= 0.999 else 1
    digit = Decimal(1).scaleb(-places)
    cut = (100 * Decimal(repr(float(confidence)))).quantize(digit, ROUND_FLOOR)
    return f"{cut} %"


def four_digits(score: float) -> str:
    """Write a number that may have any size with four digits: ``"-12.35"``, ``"20,481"``."""
    score += 0.0  # there is no -0
    return f"{score:,.0f}" if 1e4 <= abs(score) < 1e9 else f"{score:.4g}"


def share(part: float, digits: int = 0) -> str:
    """Write a share of some things: ``"46 %"``; ``"-"`` for NaN, a share of none.

    Only all of them are ``"100 %"``, and only none are ``"0 %"``: 999 of 1,000 are ``"> 99 %"``.

    Args:
        part: From 0 to 1.
        digits: Digits after the point.
    """
    if math.isnan(part):
        return "-"
    least, rounded = 10.0**-digits, round(100 * part, digits) + 0.0
    if rounded == 100 and part < 1:
        return f"> {100 - least:.{digits}f} %"
    if rounded == 0 and part > 0:
        return f"< {least:.{digits}f} %"
    return f"{rounded:.{digits}f} %"


def level(part: float) -> str:
    """Write a threshold or a tick, which somebody chose, with all its digits: ``"99.99 %"``."""
    return f"{100 * part:.8g} %"


def unbroken(text: str) -> str:
    """Keep numbers with their signs in one line of a page: ``"> 99.99 %"``."""
    return re.sub(r"(?<=[<>]) (?=\d)| (?=%)", "\u00a0", text)


def format_seeds(seeds: Iterable[int]) -> str:
    """Write seeds as :func:`~neatfool.parse_seeds` reads them, with ranges."""
    ranges: list[list[int]] = []
    for seed in seeds:
        if ranges and seed == ranges[-1][1] + 1:
            ranges[-1][1] = seed
        else:
            ranges.append([seed, seed])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)


def name_seeds(seeds: Sequence[int]) -> str:
    """Write seeds with their noun: ``"seed 3"``, ``"seeds 1-3"``."""
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {format_seeds(seeds)}"


def duration(seconds: float) -> str:
    """Write a time: ``"8 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(count: int, one: str, many: str) -> str:
    """Write a number with its noun: ``"1 query"``, ``"1,200 queries"``."""
    return f"{count:,} {one if count == 1 else many}"


def among(count: int, whole: int, one: str, many: str) -> str:
    """Write a part of some things: ``"all 10 images"``, ``"3 of 10 images"``.

    Args:
        count: How many; of one or two, all are "the only image" or "both images".
        whole: Of how many.
        one: Their noun.
        many: Their noun in the plural.
    """
    if count == whole:
        return {0: f"no {one}", 1: f"the only {one}", 2: f"both {many}"}.get(
            whole, f"all {whole:,} {many}"
        )
    if count == 0 and whole > 1:
        return f"none of the {whole:,} {many}"
    return f"{count:,} of {counted(whole, one, many)}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Write one word or more as a list: ``"cat, dog and owl"``."""
    *others, end = words
    return f"{', '.join(others)} {last} {end}" if others else end


def left_out(refused: int) -> str:
    """Say how many images have no score: ``"3 images got no usable score and were left out"``."""
    were = "was" if refused == 1 else "were"
    return f"{counted(refused, 'image', 'images')} got no usable score and {were} left out"


def spending(requests: Mapping[str, tuple[int, int]]) -> str:
    """Write what a target was asked: ``"9 queries in 3 requests (2 answered, 1 timed out)"``."""
    sent = sum(count for count, _ in requests.values())
    queries = sum(images for _, images in requests.values())
    parts = ", ".join(f"{count:,} {outcome}" for outcome, (count, _) in requests.items())
    whole = f"{counted(queries, 'query', 'queries')} in {counted(sent, 'request', 'requests')}"
    return f"{whole} ({parts})"


def slug(name: str) -> str:
    """Shorten a name to at most 40 characters that every file system takes: a-z, 0-9, hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Append its index to each name that occurs more than once.

    Args:
        names: The names, in the order of a target's scores.

    Returns:
        As many names, all different: for two cranes ``("crane (0)", "owl", "crane (2)")``.
    """
    while len(set(names)) < len(names):  # "a (0)" may be a given name, too
        counts = Counter(names)
        names = [f"{name} ({n})" if counts[name] > 1 else name for n, name in enumerate(names)]
    return tuple(names)
