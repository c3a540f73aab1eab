"""What measures share: which run a finding is of, and steps of scoring.

And what a run's folder keeps of its survival, for its report, gallery and export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from neatfool.files import read_json
from neatfool.present.blocks import Cell
from neatfool.present.finding import Facts, Finding
from neatfool.run.images import from_pillow as from_pillow
from neatfool.wording import among, counted, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer

FEW: Final = 50
"""Of fewer images, one is more than 2 %."""
AT_A_TIME: Final = 64
"""Images that are scored together, at least: enough for concurrent calls."""
SURVIVAL_FILE: Final = "survival.json"
"""The file in a run's folder that keeps its survival."""


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


class MultiRunResult(Finding):
    """A finding on one run or several."""

    runs: tuple[RunFacts, ...]

    @property
    def title(self) -> str:
        """The runs' names."""
        return " · ".join(dict.fromkeys(run.name for run in self.runs))


class ImageSurvival(Facts):
    """What survives of an image."""

    genome: int
    """its number in the run"""
    changes: dict[str, tuple[float, bool]]
    """for each change, as `jpeg=75`, the confidence after it, and whether the class is top-1
    then"""


class SurvivalRecord(Facts):
    """What survives of a run."""

    title: str
    """what a report says above it"""
    text: str
    """what was done, in a few sentences"""
    bars: tuple[tuple[str, float, str], ...]
    """the changes at their usual strengths, each with the share of images that keep their class,
    and their median confidence in words"""
    own_target: bool
    """whether the run's own target scored"""
    usual: dict[str, str]
    """the changes at their usual strengths, in words"""
    images: dict[str, ImageSurvival]
    """the images, by class"""

    def of(self, name: str, genome: int) -> dict[str, tuple[float, bool]]:
        """Give what survives of an elite; nothing if it came after this was measured."""
        image = self.images.get(name)
        return image.changes if image and image.genome == genome else {}

    def words_of(self, name: str, genome: int) -> list[tuple[str, str, bool]]:
        """Give the same of the usual changes: in words, the confidence, whether it is top-1."""
        changes = self.of(name, genome)
        kept = ((words, changes[key]) for key, words in self.usual.items() if key in changes)
        return [(words, percent(sure), first) for words, (sure, first) in kept]


def read_survival(run: Run) -> SurvivalRecord | None:
    """Read what was kept of a run; None if nothing was, or if the file is another program's.

    Where elites have been replaced since, its text says so.
    """
    try:
        kept = SurvivalRecord.model_validate(read_json(run.path / SURVIVAL_FILE))
    except (OSError, ValueError):
        return None
    now = {elite.name: elite.candidate_id for elite in run.elites}
    replaced = sum(now.get(name) != image.genome for name, image in kept.images.items())
    if replaced:
        since = f"Since then, {replaced:,} of these {len(kept.images):,} elites were replaced: "
        text = f"{kept.text} {since}neatfool survive --report measures the new ones."
        return kept.model_copy(update={"text": text})
    return kept
