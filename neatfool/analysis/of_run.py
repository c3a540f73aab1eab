"""What measures share: which run a finding is of, how much was looked at, and steps of scoring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from neatfool.present.finding import Facts, Finding
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer

AT_A_TIME: Final = 64
"""Images that are scored together, at least: enough for concurrent calls."""


class OfRun(Facts):
    """What a measure says of a run."""

    path: str = Field(description="the run's folder")
    name: str = Field(description="the run's name")
    seed: int = Field(description="the run's seed")
    evaluations: int = Field(description="how many images the run had scored")
    elites: int = Field(description="how many of its elites were looked at")
    elites_of_run: int = Field(description="how many elites it has")

    @staticmethod
    def facts(run: Run, elites: int) -> dict[str, Any]:
        """Give these fields for a run of which some elites were looked at."""
        facts = {name: getattr(run, name) for name in ("name", "seed", "evaluations")}
        return facts | {"path": str(run.path), "elites": elites, "elites_of_run": len(run)}

    @property
    def label(self) -> str:
        """The run: ``"imagenet, seed 1"``."""
        return f"{self.name}, seed {self.seed}"

    @property
    def subject(self) -> str:
        """What was looked at: ``"imagenet, seed 1, after 8,000 images: 20 elites of 1,000"``."""
        of_all = f" of {self.elites_of_run:,}" if self.elites < self.elites_of_run else ""
        count = counted(self.elites, "elite", "elites")
        return f"{self.label}, after {self.evaluations:,} images: {count}{of_all}"


def in_steps(count: int, *scorers: Scorer) -> list[slice]:
    """Divide things to score into whole batches of the scorer with the largest ones."""
    largest = max(scorer.batch_size for scorer in scorers)
    step = -(-AT_A_TIME // largest) * largest
    return [slice(start, start + step) for start in range(0, count, step)]


class OfRuns(Finding):
    """A finding on one run or several."""

    runs: tuple[OfRun, ...]

    @property
    def title(self) -> str:
        """The runs' names."""
        return " · ".join(dict.fromkeys(run.name for run in self.runs))
