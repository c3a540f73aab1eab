"""The verdict on a run's saved images, which are scored again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median

from neatfool.files import Json
from neatfool.run.statistics import TOLERANCE
from neatfool.wording import counted, four_digits, percent


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
