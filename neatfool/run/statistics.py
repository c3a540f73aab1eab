"""The statistics of a generation, the outcome of a run, and of scoring its images again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, ClassVar, Final, Literal

import numpy as np

from neatfool.spec.archive import EMPTY, Archive, GenomeSize, Replacement
from neatfool.spec.json import Json
from neatfool.spec.scores import Scores
from neatfool.wording import counted, four_digits, percent


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
"""The largest difference that counts as equal: processors and batches round differently."""


@dataclass(frozen=True)
class VerificationResult:
    """The score of a saved image, recorded and measured; ranks differ even near certainty.

    ``scale`` is 1 for a confidence. For the score of an objective it is its size, or a thousandth
    of the largest score's, if that is more.
    """

    name: str
    index: int
    recorded: float
    measured: float
    recorded_rank: float = 0.0
    measured_rank: float = 0.0
    scale: float = 1.0

    @property
    def difference(self) -> float:
        """The distance between the two scores; for an objective as a share of ``scale``."""
        return abs(self.recorded - self.measured) / self.scale


@dataclass(frozen=True, repr=False)
class Verdict:
    """The scores of a run's saved images now; ``str`` sums them up in two sentences.

    Attributes:
        results: The score of each image, in the order of the classes; at least one. Each has
            ``name`` and ``index`` (of its class), ``recorded``, ``measured`` and ``difference``.
        tolerance: The largest difference to the recorded score that counts as equal.
        objective: Whether the scores are those of an objective, and no confidences.
    """

    results: tuple[VerificationResult, ...]
    tolerance: float = TOLERANCE
    objective: bool = False

    @property
    def wrong(self) -> list[VerificationResult]:
        """The images whose scores differ from the record."""
        return [result for result in self.results if not result.difference <= self.tolerance]

    def summary(self) -> dict[str, Json]:
        """Give it as ``neatfool verify --json`` does."""
        measured = [result.measured for result in self.results]
        levels = () if self.objective else (0.99, 0.9999)
        return {
            "images": len(self.results),
            "wrong": len(self.wrong),
            "largest_difference": max(result.difference for result in self.results),
            "median": median(measured),
            "min": min(measured),
            **{f"classes_ge_{t}": sum(value >= t for value in measured) for t in levels},
            "classes": [asdict(result) for result in self.results],
        }

    def __str__(self) -> str:
        whole = self.summary()
        ranks = [result.measured_rank for result in self.results]
        scored = counted(whole["images"], "image", "images")
        relative = "relative " if self.objective else ""
        scored += f" scored from their files: {whole['wrong']} wrong, largest {relative}difference "
        scored += f"{whole['largest_difference']:.1e}. Median"
        if self.objective:
            return f"{scored} {four_digits(whole['median'])}, lowest {four_digits(whole['min'])}."
        return (
            f"{scored} {percent(whole['median'], median(ranks))}, lowest "
            f"{percent(whole['min'], min(ranks))}; {whole['classes_ge_0.9999']} of them >= 99.99 %."
        )

    def __repr__(self) -> str:
        return f"<Verdict {self}>"
