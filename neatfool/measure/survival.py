"""What a run's folder keeps of its survival, for its report, gallery and export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from neatfool.files import read_json
from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool.run.run import Run

SURVIVAL_FILE: Final = "survival.json"
"""The file in a run's folder that keeps its survival."""


class ImageSurvival(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """What survives of an image."""

    genome: int
    """its number in the run"""
    changes: dict[str, tuple[float, bool]]
    """for each change, as `jpeg=75`, the confidence after it, and whether the class is top-1
    then"""


class SurvivalRecord(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
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
