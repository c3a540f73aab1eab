"""What runs are compared in: one table, from which all tables, files and figures follow."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from neatfool import CONFIDENCE_THRESHOLDS, level, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool import GenerationReport


@dataclass(frozen=True)
class Measure:
    """A number that each generation of a run has.

    Attributes:
        key: Its name in files.
        title: Its name for people.
        kind: A confidence, a count of classes, a count of changes since the run began (the
            generations add up), or a size of genomes.
        read: Takes it from a generation's statistics.
        tested: Whether groups are tested for a difference in it.
    """

    key: str
    title: str
    kind: Literal["confidence", "classes", "changes", "size"]
    read: Callable[[GenerationReport], float]
    tested: bool = False

    @property
    def short_title(self) -> str:
        """The title for a narrow column: ``"median"``, ``">= 99 %"``."""
        return self.title.removesuffix(" confidence").removeprefix("classes ")

    def in_words(self, value: float) -> str:
        """Write a value of it, or ``"-"`` for NaN."""
        if not np.isfinite(value):
            return "-"
        if self.kind == "confidence":
            return percent(value)
        return f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:,.1f}"


def _named(key: str, title: str, kind: Literal["confidence", "changes", "size"]) -> Measure:
    return Measure(key, title, kind, attrgetter(key), tested=key in {"median", "mean"})


def _classes(place: int, least: float) -> Measure:
    title = f"classes >= {level(least)}"
    return Measure(
        f"classes_ge_{least:g}", title, "classes", lambda it: it.classes_ge[place], tested=True
    )


MEASURES: Final = {
    measure.key: measure
    for measure in (
        _named("median", "median confidence", "confidence"),
        _named("mean", "mean confidence", "confidence"),
        _named("minimum", "lowest confidence", "confidence"),
        *(_classes(place, least) for place, least in enumerate(CONFIDENCE_THRESHOLDS)),
        _named("replacements", "replacements", "changes"),
        _named("goal_switches", "goal switches", "changes"),
        _named("nodes", "nodes", "size"),
        _named("connections", "connections", "size"),
    )
}
"""All measures by their keys, in the order in which they are shown."""
TESTED: Final = [measure for measure in MEASURES.values() if measure.tested]
