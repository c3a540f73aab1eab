"""What verifying a run found: the scores of its saved images, recorded and measured."""

from dataclasses import asdict, dataclass
from statistics import median

from neatfool.run.statistics import TOLERANCE
from neatfool.spec.json import Json
from neatfool.wording import counted, percent


@dataclass(frozen=True)
class VerificationResult:
    """The score of a saved image, recorded and measured; ranks differ even near certainty."""

    name: str
    index: int
    recorded: float
    measured: float
    recorded_rank: float = 0.0
    measured_rank: float = 0.0

    @property
    def difference(self) -> float:
        """The distance between the two confidences."""
        return abs(self.recorded - self.measured)


@dataclass(frozen=True, repr=False)
class Verdict:
    """The scores of a run's saved images now; ``str`` sums them up in two sentences.

    Attributes:
        results: The score of each image, in the order of the classes; at least one. Each has
            ``name`` and ``index`` (of its class), ``recorded``, ``measured`` and ``difference``.
        tolerance: The largest difference to the recorded confidence that counts as equal.
    """

    results: tuple[VerificationResult, ...]
    tolerance: float = TOLERANCE

    @property
    def wrong(self) -> list[VerificationResult]:
        """The images whose scores differ from the record."""
        return [result for result in self.results if not result.difference <= self.tolerance]

    def summary(self) -> dict[str, Json]:
        """Give it as ``neatfool verify --json`` does."""
        measured = [result.measured for result in self.results]
        return {
            "images": len(self.results),
            "wrong": len(self.wrong),
            "largest_difference": max(result.difference for result in self.results),
            "median": median(measured),
            "min": min(measured),
            "classes_ge_0.99": sum(value >= 0.99 for value in measured),
            "classes_ge_0.9999": sum(value >= 0.9999 for value in measured),
            "classes": [asdict(result) for result in self.results],
        }

    def __str__(self) -> str:
        whole = self.summary()
        ranks = [result.measured_rank for result in self.results]
        scored = counted(whole["images"], "image", "images")
        return (
            f"{scored} scored from their files: {whole['wrong']} wrong, largest difference "
            f"{whole['largest_difference']:.1e}. Median {percent(whole['median'], median(ranks))}, "
            f"lowest {percent(whole['min'], min(ranks))}; {whole['classes_ge_0.9999']} of them "
            ">= 99.99 %."
        )

    def __repr__(self) -> str:
        return f"<Verdict {self}>"
