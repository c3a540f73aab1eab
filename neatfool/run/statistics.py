"""The statistics of a generation, and the outcome of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Stages:
    """Where a generation's time went, in seconds of wall clock.

    The stages may add up to more than ``elapsed``: a network scores in a thread of its own while
    the next candidates are bred and drawn.
    """

    breeding: float = 0.0
    rendering: float = 0.0
    scoring: float = 0.0
    selection: float = 0.0
    recording: float = 0.0
    elapsed: float = 0.0


@dataclass(frozen=True)
class GenerationReport:
    """The statistics of a generation.

    Confidences are those of the elites after the generation, over the searched classes; an empty
    niche counts as 0.

    Attributes:
        generation: Its number, from 0.
        evaluations: Images scored since the run began.
        median: Median confidence over classes. So are ``mean``, ``minimum``, ``lower_quartile``
            and ``upper_quartile``.
        classes_ge: The number of classes at or above each of :data:`CONFIDENCE_THRESHOLDS`.
        elites: The number of distinct candidates among the elites.
        replacements: Niches that changed hands in this generation.
        goal_switches: Replacements whose parent was an elite of other classes only.
        refused: Candidates of this generation without a usable score.
        nodes: Mean nodes of the elites' genomes.
        connections: Mean connections of the elites' genomes.
        confirmed: Candidates of this generation that were scored exactly, not only screened.
        stages: Where the time went.
    """

    generation: int
    evaluations: int
    median: float
    mean: float
    minimum: float
    lower_quartile: float
    upper_quartile: float
    classes_ge: tuple[int, ...]
    elites: int
    replacements: int
    goal_switches: int
    refused: int
    nodes: float
    connections: float
    confirmed: int
    stages: Stages = field(default_factory=Stages)

    def row(self) -> dict[str, float]:
        """Give all its numbers by name, with ``classes_ge`` and ``stages`` spread out."""
        numbers: dict[str, Any] = asdict(self)
        stages, counts = numbers.pop("stages"), numbers.pop("classes_ge")
        for least, count in zip(CONFIDENCE_THRESHOLDS, counts, strict=True):
            numbers[f"classes_ge_{least:g}"] = count
        return {**numbers, **stages}


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        reason: ``"finished"``, ``"spent"`` (the budget ran out), ``"paused"`` (the target could
            not be reached), ``"interrupted"`` or ``"failed"``.
        generation: The last recorded generation, or -1.
        evaluations: Images scored in all.
        seconds: Wall-clock seconds of this process's part of the run.
        cause: Why the budget or the target stopped the run.
    """

    reason: Literal["finished", "spent", "paused", "interrupted", "failed"]
    generation: int
    evaluations: int
    seconds: float
    cause: str = ""


CONFIDENCE_THRESHOLDS = (0.5, 0.9, 0.99, 0.9999)
"""The thresholds of ``GenerationReport.classes_ge``."""
