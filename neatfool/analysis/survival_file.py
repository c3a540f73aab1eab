"""What survives of a run, kept in its folder: its report, galleries and exports show it."""

from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from pydantic import Field

from neatfool.analysis.survival.finding import Survival
from neatfool.files import read_json
from neatfool.fooling.opening import open_run
from neatfool.present.finding import Facts
from neatfool.present.saving import save, write_report
from neatfool.run.individual import EliteView
from neatfool.run.run import Run

FILE: Final = "survival.json"


class KeptImage(Facts):
    """What survives of an image."""

    genome: int = Field(description="its number in the run")
    changes: dict[str, tuple[float, bool]] = Field(
        description="for each change, as `jpeg=75`, the confidence after it, and whether the class "
        "is top-1 then"
    )


class KeptSurvival(Facts):
    """What survives of a run."""

    title: str = Field(description="what a report says above it")
    text: str = Field(description="what was done, in a few sentences")
    bars: tuple[tuple[str, float, str], ...] = Field(
        description="the changes at their usual strengths, each with the share of images that keep "
        "their class, and their median confidence in words"
    )
    own_target: bool = Field(description="whether the run's own target scored")
    usual: dict[str, str] = Field(description="the changes at their usual strengths, in words")
    images: dict[str, KeptImage] = Field(description="the images, by class")

    def of(self, elite: EliteView) -> dict[str, tuple[float, bool]]:
        """Give what survives of an elite; nothing if it came after this was measured."""
        image = self.images.get(elite.name)
        return image.changes if image and image.genome == elite.candidate_id else {}


def keep_survival(survival: Survival) -> list[Path]:
    """Write RUN/survival.json for each run, and the runs' reports again, which show it.

    Returns:
        The reports.

    Raises:
        StorageError: A file cannot be written.
    """
    reports = []
    for run in survival.runs:
        folder, bars, images = Path(run.path), run.summary(), {}
        for row, (name, genome) in enumerate(zip(run.classes, run.genomes, strict=True)):
            changes = {
                f"{kind.name}={point.strength:g}": (
                    round(point.confidences[row], 6),
                    point.first[row],
                )
                for kind in run.kinds
                for point in kind.points
            }
            images[name] = KeptImage(genome=genome, changes=changes)
        kept = KeptSurvival(
            title=bars.title,
            text=bars.text,
            bars=tuple(bars.rows),
            own_target=run.own_target,
            usual={f"{kind.name}={kind.usual:g}": kind.words for kind in run.kinds},
            images=images,
        )
        save(folder / FILE, f"{kept.model_dump_json()}\n".encode())
        with closing(open_run(folder)) as opened:
            reports.append(write_report(opened))
    return reports


def read_survival(run: Run) -> KeptSurvival | None:
    """Read what was kept of a run; None if nothing was, or if the file is another program's."""
    with suppress(OSError, ValueError):
        return KeptSurvival.model_validate(read_json(run.path / FILE))
    return None
