"""What came out when the saved images were scored again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool.spec.json import Json

TOLERANCE = 1e-4
"""How far a confidence may be from the recorded one: processors and batches round differently."""


@dataclass(frozen=True)
class Verified:
    """What a saved image scored.

    Attributes:
        name: Its class.
        index: The index of its class.
        recorded: The confidence that the run recorded.
        measured: The confidence that the target gives the saved file now.
        recorded_rank: The rank that the run recorded, which tells certainties apart.
        measured_rank: The rank that the saved file has now.
    """

    name: str
    index: int
    recorded: float
    measured: float
    recorded_rank: float = 0.0
    measured_rank: float = 0.0

    @property
    def difference(self) -> float:
        """How far apart the two are."""
        return abs(self.recorded - self.measured)


@dataclass(frozen=True, repr=False)
class Verdict:
    """What the saved images of a run score now; ``str`` says it in two sentences.

    Attributes:
        results: What each image scores, in the order of the classes; at least one.
        tolerance: How far a confidence may be from the recorded one.
    """

    results: tuple[Verified, ...]
    tolerance: float = TOLERANCE

    @property
    def wrong(self) -> list[Verified]:
        """The images that do not score what was recorded."""
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
        said = self.summary()
        ranks = [result.measured_rank for result in self.results]
        return (
            f"{said['images']} images scored from their files: {said['wrong']} wrong, largest "
            f"difference {said['largest_difference']:.1e}. Median "
            f"{percent(said['median'], median(ranks))}, lowest {percent(said['min'], min(ranks))}; "
            f"{said['classes_ge_0.9999']} of {said['images']} classes >= 99.99 %."
        )

    def __repr__(self) -> str:
        return f"<Verdict {self}>"
