"""The result of scoring the saved images again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool.spec.json import Json

TOLERANCE = 1e-4
"""The largest difference that counts as equal: processors and batches round differently."""


@dataclass(frozen=True)
class Verified:
    """The score of a saved image, recorded and measured.

    Attributes:
        name: Its class.
        index: The index of its class.
        recorded: The recorded confidence.
        measured: The confidence that the target gives the saved file now.
        recorded_rank: The recorded rank; ranks differ even if confidences round to 1.
        measured_rank: The rank of the saved file now.
    """

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
        results: The score of each image, in the order of the classes; at least one.
        tolerance: The largest difference to the recorded confidence that counts as equal.
    """

    results: tuple[Verified, ...]
    tolerance: float = TOLERANCE

    @property
    def wrong(self) -> list[Verified]:
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
        return (
            f"{whole['images']} images scored from their files: {whole['wrong']} wrong, largest "
            f"difference {whole['largest_difference']:.1e}. Median "
            f"{percent(whole['median'], median(ranks))}, lowest "
            f"{percent(whole['min'], min(ranks))}; {whole['classes_ge_0.9999']} of "
            f"{whole['images']} classes >= 99.99 %."
        )

    def __repr__(self) -> str:
        return f"<Verdict {self}>"
