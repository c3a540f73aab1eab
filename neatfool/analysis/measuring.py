"""Measures runs for an audit, or finds again what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from pydantic import ValidationError

from neatfool.analysis.card import PASSING, Asked, Defence, Detector, Transfer
from neatfool.analysis.detection import detect
from neatfool.analysis.estimates import Shares, tell_apart, threshold_of
from neatfool.analysis.sureness import Sureness, count_images, look
from neatfool.analysis.transferability.measure import transfer
from neatfool.errors import ExperimentError
from neatfool.files import read_json
from neatfool.fooling.opening import open_scorer
from neatfool.ood.in_distribution import count_in_distribution
from neatfool.present.finding import Facts
from neatfool.present.saving import save

if TYPE_CHECKING:
    from neatfool.present.output import Output
    from neatfool.run.run import Run

Kind = TypeVar("Kind", bound=Facts)
FOLDER: Final = "measured"
MOST_KNOWN: Final = 300
"""About so many images a target brings along; the bar of progress counts with them."""


class Looked(Facts):
    """How sure the target is of each kind of images."""

    kinds: list[Sureness]
    in_distribution: str | None


@dataclass(frozen=True)
class Measuring:
    """Measures runs, or remembers what was measured."""

    runs: Sequence[Run]
    """The runs."""
    sample: int
    """How many images of each are looked at."""
    folder: Path | None
    """Where results are kept; None if they are not."""
    console: Output
    """Shows progress."""
    most: int | None
    """How many queries may be sent, if the target costs something to ask."""
    notes: list[str] = field(default_factory=list)
    """What is to be said about it."""

    def looked(self, folder: Path | None) -> Looked:
        """Score images of each kind."""
        options = {"in_distribution": _stamp(folder)}
        return self._once("sureness", Looked, options, lambda: self._looked(folder))

    def transfer(self, files: Sequence[str | Path]) -> Transfer:
        """Show images of each run to other networks."""
        paths = [Path(file) for file in files]
        told = {str(path): path.read_text(encoding="utf-8") for path in paths if path.is_file()}
        return self._once("transfer", Transfer, {"to": told}, lambda: self._transfer(paths))

    def defence(self, folder: Path | None) -> Defence | None:
        """Ask OOD detectors about images of each run; None if there can be none."""
        try:
            asked = {"in_distribution": _stamp(folder)}
            return self._once("defence", Defence, asked, lambda: self._defence(folder))
        except ExperimentError as error:
            self.notes.append(f"What a detector would have caught is not known: {error}.")
            return None

    def _once(
        self, name: str, kind: type[Kind], options: dict[str, Any], make: Callable[[], Kind]
    ) -> Kind:
        """Read a result that was kept, or make it and keep it."""
        if self.folder is None:
            return make()
        runs = [[run.info["identity"], run.info["target"], run.evaluations] for run in self.runs]
        of = json.loads(json.dumps({"runs": runs, "sample": self.sample, **options}))
        file = self.folder / FOLDER / f"{name}.json"
        try:
            kept = read_json(file)
            if kept["of"] == of:
                result = kind.model_validate(kept["result"])
                self.notes.extend(map(str, kept["notes"]))
                return result
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            pass  # There is none, or it is of another version.
        before = len(self.notes)
        result = make()
        told = {"of": of, "notes": self.notes[before:], "result": result.model_dump()}
        save(file, json.dumps(told, indent=1).encode(), within=self.folder)
        return result

    def _looked(self, folder: Path | None) -> Looked:
        most = self.most if self.runs[0].requests else None
        evolved = sum(min(self.sample, len(run)) for run in self.runs)
        with closing(open_scorer(self.runs[0], max_queries=most)) as scorer:
            known = 0 if scorer.costs else MOST_KNOWN
            known = known if folder is None else count_in_distribution(folder)
            total = count_images(evolved, self.sample) + known
            scorer.check_allowed(total, most)
            with self.console.progress(total) as note:
                kinds, text = look(self.runs, scorer, sample=self.sample, folder=folder, note=note)
        return Looked(kinds=kinds, in_distribution=text)

    def _transfer(self, files: Sequence[Path]) -> Transfer:
        found = transfer(
            self.runs, to=files, sample=self.sample, max_queries=self.most, console=self.console
        )
        self.notes.extend(found.notes)
        own, known = found.runs[0].own, found.in_distribution
        agreeing = {
            each.key: each.top1
            for each in (known.agreement if known else ())
            if each.first_of == own
        }
        asked = []
        for place, network in enumerate(found.networks):
            seen = [run.networks[place] for run in found.runs]
            if network.key == own or not all(each.images for each in seen):
                continue
            asked.append(
                Asked(
                    label=network.label,
                    experiment=network.experiment,
                    images=sum(each.images for each in seen),
                    top1=Shares.of(each.top1 or 0.0 for each in seen),
                    confidence=Shares.of(each.median or 0.0 for each in seen),
                    agreement=agreeing.get(network.key),
                )
            )
        if not asked:
            self.notes.append(
                "The networks of --to are the audited one, or know none of its classes; so nothing "
                "is known of other networks."
            )
        return Transfer(
            sample=min(run.elites for run in found.runs),
            photographs=known.number if known else 0,
            networks=asked,
        )

    def _defence(self, folder: Path | None) -> Defence:
        found = detect(
            self.runs, in_distribution=folder, sample=self.sample, console=self.console
        ).runs
        known = found[0].in_distribution
        if found[0].warning:
            self.notes.append(f"Detectors: {found[0].warning}")
        seeds = np.repeat(np.arange(len(found)), [len(run.shown) for run in found])
        classes = np.array([index for run in found for _, index, _ in run.shown])
        detectors = []
        for place, each in enumerate(found[0].detectors):
            # A detector's scores are the larger, the more outlying; here, the surer.
            inside = -np.array(each.known)
            fooling = -np.concatenate([run.detectors[place].fooling for run in found])
            auroc, passing = tell_apart(inside, fooling, seeds, classes)
            curve = [float((fooling >= threshold_of(inside, kept)).mean()) for kept in PASSING]
            detectors.append(
                Detector(
                    name=each.name,
                    looks_at=each.looks_at,
                    auroc=auroc,
                    passing_95=passing,
                    curve=curve,
                )
            )
        return Defence(in_distribution=known.text, detectors=detectors)


def _stamp(folder: Path | None) -> list[object]:
    """Tell one folder of in-distribution images from another, or from what it was before."""
    if folder is None:
        return []
    files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    times = [file.stat().st_mtime_ns for file in files]
    return [str(folder), len(files), max(times, default=0)]
