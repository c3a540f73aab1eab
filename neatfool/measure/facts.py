"""What measures share: which run a finding is of, and steps of scoring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from neatfool.present.blocks import Cell, Facts
from neatfool.run.images import from_pillow as from_pillow
from neatfool.wording import among, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer

FEW: Final = 50
"""Of fewer images, one is more than 2 %."""
AT_A_TIME: Final = 64
"""Images that are scored together, at least: enough for concurrent calls."""


class RunFacts(Facts):
    """What a measure says of a run."""

    path: str
    """the run's folder"""
    name: str
    """the run's name"""
    seed: int
    """the run's seed"""
    evaluations: int
    """how many images the run had scored"""
    elites: int
    """how many of its elites were looked at"""
    elites_of_run: int
    """how many elites it has"""
    picture: Cell | None = Field(None, exclude=True, repr=False)

    @staticmethod
    def facts(run: Run, elites: Sequence[EliteView]) -> dict[str, Any]:
        """Give these fields for a run of which some elites were looked at."""
        facts = {name: getattr(run, name) for name in ("name", "seed", "evaluations")}
        facts |= {"path": str(run.path), "elites": len(elites), "elites_of_run": len(run)}
        best = max(elites, key=lambda elite: elite.rank)
        figure = run.spec.format_score(best.confidence)
        return facts | {"picture": Cell(best.png, best.name, figure)}

    @property
    def label(self) -> str:
        """The run: ``"imagenet (seed 1)"``."""
        return f"{self.name} (seed {self.seed})"

    @property
    def subject(self) -> str:
        """What was looked at: ``"imagenet (seed 1) after 8,000 images: 20 of 1,000 elites"``."""
        elites = among(self.elites, self.elites_of_run, "elite", "elites")
        return f"{self.label} after {counted(self.evaluations, 'image', 'images')}: {elites}"


def batch_slices(count: int, *scorers: Scorer) -> list[slice]:
    """Divide things to score into whole batches of the scorer with the largest ones."""
    largest = max((scorer.batch_size for scorer in scorers), default=1)
    step = -(-AT_A_TIME // largest) * largest
    return [slice(start, start + step) for start in range(0, count, step)]
