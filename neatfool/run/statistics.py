"""The statistics of a generation, and the outcome of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final, Literal

import numpy as np

from neatfool.spec.archive import EMPTY, Archive, GenomeSize, Replacement
from neatfool.spec.scores import Scores


@dataclass(frozen=True)
class Stages:
    """Where a generation's time went, in seconds of wall clock; stages may overlap."""

    breeding: float = 0.0
    rendering: float = 0.0
    scoring: float = 0.0
    selection: float = 0.0
    recording: float = 0.0
    elapsed: float = 0.0


CONFIDENCE_THRESHOLDS: Final = (0.5, 0.9, 0.99, 0.9999)


@dataclass(frozen=True)
class GenerationReport:
    """The statistics of a generation.

    Scores are those of the elites after the generation, over the searched classes. An empty niche
    counts as 0 for a classifier, and is left out for an objective.

    Attributes:
        generation: Its number, from 0.
        evaluations: Images scored since the run began.
        median: Median score over classes. So are ``mean``, ``minimum``, ``lower_quartile``
            and ``upper_quartile``.
        classes_ge: The number of classes at or above each of the ``thresholds``; 0 for an
            objective, whose scores are no confidences.
        elites: The number of distinct candidates among the elites.
        replacements: Niches that changed hands in this generation.
        goal_switches: Replacements whose parent was an elite of other classes only.
        refused: Candidates of this generation without a usable score.
        nodes: Mean nodes of the elites' genomes.
        connections: Mean connections of the elites' genomes.
        confirmed: Candidates of this generation that were scored exactly, not only screened.
        winners: Candidates of this generation that took a niche, each counted once.
        filled: The number of searched classes that have an elite.
        stages: Where the time went.
        thresholds: Those of ``classes_ge``, the same for each generation.
    """

    thresholds: ClassVar[tuple[float, ...]] = CONFIDENCE_THRESHOLDS
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
    winners: int = 0
    filled: int = 0
    stages: Stages = field(default_factory=Stages)

    @classmethod
    def measure(
        cls,
        archive: Archive,
        replacements: Sequence[Replacement],
        scores: Scores,
        sizes: Sequence[GenomeSize],
        *,
        generation: int,
        evaluations: int,
        confirmed: int,
        stages: Stages,
        objective: bool = False,
    ) -> GenerationReport:
        """Measure a generation after selection; ``sizes`` has one for each distinct elite."""
        filled = archive.candidate_ids[archive.classes] != EMPTY
        held = archive.scores[archive.classes][filled if objective else ...]
        values = held if len(held) else np.zeros(1)
        lower, median, upper = np.percentile(values, (25, 50, 75)).tolist()
        thresholds = [math.inf if objective else least for least in CONFIDENCE_THRESHOLDS]
        assert scores.ok is not None
        return cls(
            generation=generation,
            evaluations=evaluations,
            median=median,
            mean=float(values.mean()),
            minimum=float(values.min()),
            lower_quartile=lower,
            upper_quartile=upper,
            classes_ge=tuple(int((values >= least).sum()) for least in thresholds),
            elites=len(sizes),
            replacements=len(replacements),
            goal_switches=sum(replacement.goal_switch for replacement in replacements),
            refused=int((~scores.ok).sum()),
            nodes=float(np.mean([size.nodes for size in sizes] or [0])),
            connections=float(np.mean([size.connections for size in sizes] or [0])),
            confirmed=confirmed,
            winners=len({replacement.elite.candidate.id for replacement in replacements}),
            filled=int(filled.sum()),
            stages=stages,
        )

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


TOLERANCE = 1e-4
"""The largest difference of a score, measured again, that counts as equal: processors and batches
round differently."""
