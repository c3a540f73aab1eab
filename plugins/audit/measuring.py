"""What survives, what transfers and what a detector catches; each measured once, and kept."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from pydantic import ValidationError

from neatfool import ExperimentError, choose_elites, open_scorer, read_json
from neatfool.analysis import survive, transfer
from neatfool.present import save

from .card import Asked, Defence, Detector, Part, Shares, Survival, Surviving, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from neatfool import Output, Run, Scorer
    from neatfool.analysis import Transfer as Transferred

Kind = TypeVar("Kind", bound=Part)
KINDS: Final = ("jpeg=75", "blur=1", "move=3")
"""What is done to the images, as ``neatfool survive`` names it; and they are drawn larger."""
TIMES: Final = 4
"""How much larger."""
FOLDER: Final = "measured"


@dataclass(frozen=True)
class Measuring:
    """Measures runs, or remembers what was measured.

    Attributes:
        runs: The finished runs, one for each seed.
        sample: How many images of each are looked at.
        folder: Where results are kept.
        console: Shows progress.
        most: How many queries may be sent, if the target costs something to ask.
        notes: What is to be said about it.
    """

    runs: Sequence[Run]
    sample: int
    folder: Path
    console: Output
    most: int | None = None
    notes: list[str] = field(default_factory=list)

    def survival(self) -> Survival:
        """Change images of each run, and score them again."""
        return self._once("survival", Survival, {"kinds": self.kinds}, self._survival)

    def transfer(self, files: Sequence[Path]) -> Transfer:
        """Show images of each run to other networks."""
        said = {str(file): file.read_text(encoding="utf-8") for file in files if file.is_file()}
        return self._once("transfer", Transfer, {"to": said}, lambda: self._transfer(files))

    def defence(self, folder: Path | None) -> Defence | None:
        """Ask OOD detectors about images of each run; None if there can be none."""
        try:
            return self._once(
                "defence",
                Defence,
                {"in_distribution": str(folder)},
                lambda: self._defence(folder),
            )
        except ExperimentError as error:
            self.notes.append(f"What a detector would have caught is not known: {error}.")
            return None

    @property
    def kinds(self) -> list[str]:
        """The kinds of changes, with their strengths."""
        spec = self.runs[0].spec
        return [*KINDS, f"drawn={TIMES * max(spec.height, spec.width)}"]

    def _once(
        self, name: str, kind: type[Kind], options: dict[str, Any], make: Callable[[], Kind]
    ) -> Kind:
        """Read a result that was kept, or make it and keep it."""
        runs = [[run.info["identity"], run.info["target"], run.evaluations] for run in self.runs]
        of = json.loads(json.dumps({"runs": runs, "sample": self.sample, **options}))
        file = self.folder / FOLDER / f"{name}.json"
        try:
            kept = read_json(file)
            if kept["of"] == of:
                self.notes.extend(map(str, kept["notes"]))
                return kind.model_validate(kept["result"])
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            pass  # There is none, or it is of another version.
        before = len(self.notes)
        result = make()
        told = {"of": of, "notes": self.notes[before:], "result": result.model_dump()}
        save(file, json.dumps(told, indent=1).encode(), within=self.folder)
        return result

    def _survival(self) -> Survival:
        most = None
        if self.most is not None:
            most = count_queries(len(self.runs), self.sample, transfer=False)
        found = survive(
            self.runs,
            kinds=self.kinds,
            sample=self.sample,
            max_queries=most,
            console=self.console,
        ).runs
        return Survival(
            sample=min(run.elites for run in found),
            saved=Shares.of(run.as_saved.median for run in found),
            changes=[
                Surviving(
                    kind=kind.name,
                    what=kind.words,
                    strength=kind.usual,
                    kept=Shares.of(run.kinds[number].usually.kept for run in found),
                    confidence=Shares.of(run.kinds[number].usually.median for run in found),
                )
                for number, kind in enumerate(found[0].kinds)
            ],
        )

    def _scorer(self, run: Run) -> closing[Scorer]:
        return closing(open_scorer(run, max_queries=self.most if run.requests else None))

    def _transfer(self, files: Sequence[Path]) -> Transfer:
        told = transfer(
            self.runs,
            to=files,
            sample=self.sample,
            max_queries=self.most,
            console=self.console,
        )
        self.notes.extend(told.notes)
        summed = _sum_up(told)
        if not summed.networks:
            self.notes.append(
                "The networks of --to are the audited one, or know none of its classes; so nothing "
                "is known of other networks."
            )
        return summed

    def _defence(self, folder: Path | None) -> Defence:
        from neatfool.ood import KEPT, behind, count_images, detect, in_distribution

        from ..detect.wording import levels

        chosen = [choose_elites(run, sample=self.sample, seed=1) for run in self.runs]
        pixels = [elite.saved_pixels() for elites in chosen for elite in elites]
        with self._scorer(self.runs[0]) as scorer:
            known = in_distribution(behind(scorer.target), folder)
            with self.console.progress(count_images(len(pixels), known)) as note:
                found = detect(scorer.target, np.stack(pixels), known, note=note)
        detections = found.split([len(elites) for elites in chosen])
        told = (known.describe(), found.lacks)
        self.notes.extend(f"Detectors: {text}" for text in told if text)

        def passing(place: int, kept: float) -> Shares | None:
            if kept not in levels(found):
                return None
            return Shares.of(each.rows[place].passing(kept) for each in detections)

        return Defence(
            in_distribution=found.in_distribution.describe(),
            few=found.in_distribution.few,
            detectors=[
                Detector(
                    name=row.name,
                    auroc=Shares.of(each.rows[place].auroc for each in detections),
                    passing_95=passing(place, KEPT[0]),
                    passing_99=passing(place, KEPT[1]),
                )
                for place, row in enumerate(found.rows)
            ],
            left_out=found.left_out,
        )


def count_queries(runs: int, sample: int, *, transfer: bool) -> int:
    """Count the images that an audit shows to its target after the search."""
    return runs * sample * (len(KINDS) + 2 + transfer)


def _sum_up(told: Transferred) -> Transfer:
    own, known = told.runs[0].own, told.in_distribution
    agreement = {
        each.key: each.top1 for each in (known.agreement if known else ()) if each.first_of == own
    }
    asked = []
    for place, network in enumerate(told.networks):
        seen = [run.networks[place] for run in told.runs]
        if network.key == own or not all(each.images for each in seen):
            continue
        asked.append(
            Asked(
                label=network.label,
                experiment=network.experiment,
                images=sum(each.images for each in seen),
                top1=Shares.of(each.top1 or 0.0 for each in seen),
                confidence=Shares.of(each.median or 0.0 for each in seen),
                agreement=agreement.get(network.key),
            )
        )
    return Transfer(
        sample=min(run.elites for run in told.runs),
        photographs=known.number if known else 0,
        networks=asked,
    )
