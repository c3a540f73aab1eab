"""The measures of a comparison as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.comparison.series import CONFIDENCES, THRESHOLDS
from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool.comparison.groups import Summary
    from neatfool.comparison.significance import RankTest

UNKNOWN: Final = "-"
_LEVELS: Final = {name: float(name.rpartition("_")[2]) for name in THRESHOLDS}
_NAMES: Final = {
    "median": "median confidence",
    "mean": "mean confidence",
    "minimum": "lowest confidence",
    **{name: f"classes >= {100 * level:g} %" for name, level in _LEVELS.items()},
    "replacements": "replacements",
    "goal_switches": "goal switches",
    "nodes": "nodes",
    "connections": "connections",
}


def name_of(measure: str) -> str:
    """Name a measure: ``"median confidence"``, ``"classes >= 99 %"``."""
    return _NAMES[measure]


def short_name_of(measure: str) -> str:
    """Name a measure in short: ``"median"``, ``">= 99 %"``."""
    return _NAMES[measure].removesuffix(" confidence").removeprefix("classes ")


def value_in_words(measure: str, value: float) -> str:
    """Write a value of a measure."""
    if not np.isfinite(value):
        return UNKNOWN
    if measure in CONFIDENCES:
        return percent(value)
    return f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:,.1f}"


def in_words(measure: str, summary: Summary) -> str:
    """Write a median with its quartiles: ``"47.5 % [46.0 to 48.1]"``."""
    median, lower, upper = (
        value_in_words(measure, float(values[0]))
        for values in (summary.median, summary.lower, summary.upper)
    )
    if summary.n[0] < 2 or lower == upper:
        return median
    return f"{median} [{lower.removesuffix(' %')} to {upper.removesuffix(' %')}]"


def pair_in_words(test: RankTest | None) -> str:
    """Write a test in two lines: its U of all pairs, and p."""
    if test is None:
        return UNKNOWN
    return f"U {test.u:g}/{test.n[0] * test.n[1]}\n{p_in_words(test.p)}"


def p_in_words(p: float) -> str:
    """Write a p-value: ``"p = 0.032"``, ``"p < 0.0001"``."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
