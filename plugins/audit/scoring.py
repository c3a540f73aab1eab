"""Measures runs for an audit, or finds again what was measured."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from neatfool import ExperimentError, Run, analysis, behind, open_scorer
from neatfool.files import read_json
from neatfool.measure import measuring_code
from neatfool.ood import in_distribution as find_known
from neatfool.present import Facts, Output, save

from .bootstrap import Shares, tell_apart
from .card import Defence, DetectorSummary, NetworkTransfer, TransferSummary
from .confidence import KNOWN, ConfidenceRecord, count_queries, score_kinds

Kind = TypeVar("Kind", bound=Facts)


class AuditScores(Facts):
    """How sure the target is of each kind of images."""

    kinds: list[ConfidenceRecord]
    in_distribution: str | None
    hashes: list[str]

    @property
    def known(self) -> ConfidenceRecord | None:
        """How sure it is of in-distribution images, if there are any."""
        return next((each for each in self.kinds if each.group == KNOWN), None)


@dataclass(frozen=True)
class MeasurementCache:
    """Measures runs with up to ``most`` queries, or finds in a folder what was measured."""

    runs: Sequence[Run]
    known: str | Path | None
    """In-distribution images; the target's own if absent."""
    sample: int
    folder: Path | None
    console: Output
    most: int | None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def _stamp(self) -> list[object]:
        """Tell one folder of in-distribution images from another, or from what it was before."""
        path = Path(self.known or "")
        if self.folder is None or self.known is None or not path.exists():
            return []
        times = [file.lstat().st_mtime_ns for file in [*path.rglob("*")] or [path]]
        return [str(self.known), len(times), max(times, default=0)]

    def looked(self) -> AuditScores:
        """Score images of each kind."""

        def make() -> AuditScores:
            most = self.most if self.runs[0].requests else None
            evolved = sum(min(self.sample, len(run)) for run in self.runs)
            least = count_queries(evolved, self.sample)
            scorer = open_scorer(self.runs[0], max_queries=most, images=least)
            with closing(scorer):
                target, known = behind(scorer.target), None
                if self.known or not (scorer.costs or len(target.photographs()) < 2):
                    known = find_known(target, self.known)
                shown = len(known.unseen) if known else 0
                total = count_queries(evolved, self.sample, known=shown)
                scorer.check_allowed(total, most)
                with self.console.progress(total) as note:
                    kinds = score_kinds(self.runs, scorer, known, sample=self.sample, note=note)
                text = f"{shown:,} in-distribution images ({known.source})" if known else None
            hashes = [*known.hashes] if known else []
            return AuditScores(kinds=kinds, in_distribution=text, hashes=hashes)

        return self._once("sureness", AuditScores, {"in_distribution": self._stamp}, make)

    def transfer(self, files: Sequence[str | Path]) -> TransferSummary:
        """Show images of each run to other networks."""

        def make() -> TransferSummary:
            found = analysis.transfer(
                self.runs, to=paths, sample=self.sample, max_queries=self.most, console=self.console
            )
            self.notes.extend(found.notes)
            networks = []
            for place, network in enumerate(found.networks):
                figures = [run.networks[place] for run in found.runs]
                if network.key != found.runs[0].own and all(each.images for each in figures):
                    networks.append(
                        NetworkTransfer(
                            label=network.label,
                            experiment=network.experiment,
                            images=sum(each.images for each in figures),
                            top1=Shares.of(each.top1 or 0.0 for each in figures),
                            confidence=Shares.of(each.median or 0.0 for each in figures),
                        )
                    )
            if not networks:
                self.notes.append(
                    "The networks of --to are the audited one, or know none of its classes; so "
                    "nothing is known of other networks."
                )
            sample = min(run.elites for run in found.runs)
            return TransferSummary(sample=sample, networks=networks)

        paths = [Path(file) for file in files]
        texts = {str(path): path.read_text(encoding="utf-8") for path in paths if path.is_file()}
        return self._once("transfer", TransferSummary, {"to": texts}, make)

    def defence(self) -> Defence | None:
        """Ask OOD detectors about images of each run; None if there can be none."""

        def make() -> Defence:
            found = analysis.detect(
                self.runs, in_distribution=self.known, sample=self.sample, console=self.console
            ).runs
            seeds = np.repeat(np.arange(len(found)), [len(run.shown) for run in found])
            classes = np.array([index for run in found for _, index, _ in run.shown])
            detectors = []
            for place, each in enumerate(found[0].detectors):
                # A detector's scores are the larger, the more outlying; here, the surer.
                inside = -np.array(each.known)
                fooling = -np.concatenate([run.detectors[place].fooling for run in found])
                auroc, passing = tell_apart(inside, fooling, seeds, classes)
                names = each.model_dump(include={"name", "looks_at"})
                detectors.append(DetectorSummary(**names, auroc=auroc, passing_95=passing))
            return Defence(in_distribution=found[0].in_distribution.text, detectors=detectors)

        try:
            return self._once("defence", Defence, {"in_distribution": self._stamp}, make)
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
        stamp = {
            "runs": runs,
            "sample": self.sample,
            "by": measuring_code(Path(__file__).parent),
            **options,
        }
        given = json.loads(json.dumps(stamp))
        file = self.folder / "measured" / f"{name}.json"
        # There may be none, or one of another version.
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = read_json(file)
            if kept["of"] == given:
                result = kind.model_validate(kept["result"])
                self.notes.extend(map(str, kept["notes"]))
                return result
        before = len(self.notes)
        result = make()
        kept = {"of": given, "notes": self.notes[before:], "result": result.model_dump()}
        save(file, json.dumps(kept, indent=1).encode(), within=self.folder)
        return result
