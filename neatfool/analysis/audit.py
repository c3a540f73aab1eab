"""An audit: how easily is a classifier fooled? Finished runs become its report card."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from pydantic import ValidationError

from neatfool.analysis.card import (
    LEVELS,
    Asked,
    Card,
    Check,
    Classifier,
    Counts,
    Defence,
    Detector,
    Moment,
    OfClass,
    Searched,
    Shares,
    Survival,
    Surviving,
    Transfer,
    Until,
)
from neatfool.analysis.course import read_course
from neatfool.analysis.detection import KEPT, detect
from neatfool.analysis.references import put_beside, read_references
from neatfool.analysis.survival.measure import survive
from neatfool.analysis.transferability.measure import transfer
from neatfool.errors import ExperimentError
from neatfool.files import read_json
from neatfool.fooling.opening import open_runs
from neatfool.present.finding import Facts
from neatfool.present.output import Output
from neatfool.present.saving import save
from neatfool.wording import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from neatfool.analysis.course import Course
    from neatfool.run.run import Run

Kind = TypeVar("Kind", bound=Facts)
KINDS: Final = ("jpeg=75", "blur=1", "move=3")
"""What is done to the images, as ``neatfool survive`` names it; and they are drawn larger."""
TIMES: Final = 4
"""How much larger."""
FOLDER: Final = "measured"
MOMENTS: Final = 120
"""The course has at most about so many points: all that a chart can show."""
NAMED: Final = 10
"""How many classes are named that fell first, and how many that resist."""
FEW: Final = 50
"""Fewer images than these give rough shares."""
NOT_OF_THE_SEARCH: Final = {"device", "renderer", "learn_at_once"}
"""Options that change how fast images come, but not which."""
NOTES: Final = (
    "This is a lower bound: a longer or better search fools the classifier at least as well. "
    "Compare it only with audits of the same budget and the same search.",
    "The median lies in the middle of the classes: of ten, it is the mean of the fifth and the "
    "sixth. How soon asks for the first half of them: of ten, it is when the fifth had an image.",
)


def audit(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    to: Sequence[str | Path] = (),
    in_distribution: str | Path | None = None,
    sample: int = 100,
    limit: float | None = None,
    max_queries: int | None = None,
    chosen: Sequence[str] = (),
    keep: str | Path | None = None,
    console: Output | None = None,
) -> Card:
    """Make the report card of a classifier from runs that fooled it.

    Args:
        runs: Finished runs of one experiment that differ in their seed, or the folders that hold
            them.
        to: Experiments' files, whose networks see the images, too.
        in_distribution: A folder of images for the detectors; by default the target's own.
        sample: How many images of each run to change, to show to others and to detectors.
        limit: The median confidence above which the card's check fails.
        max_queries: The most images to send to a target that costs something to ask.
        chosen: The sections of the experiment that its user left open.
        keep: A folder where what was measured is kept, and found again.
        console: Shows how far it is.

    Raises:
        UntrustedRun: Somebody else made a run.
        RunError: A run has no elites.
        NeatfoolError: A target cannot be loaded, or failed.
    """
    with open_runs(runs, scored=True) as opened:
        folder = None if keep is None else Path(keep)
        measuring = _Measuring(opened, sample, folder, console or Output(quiet=True), max_queries)
        parts = {
            "survival": measuring.survival(),
            "transfer": measuring.transfer(to) if to else None,
            "defence": measuring.defence(in_distribution),
        }
        card = _fill(opened, parts, limit)
        references = read_references()
        beside = put_beside(card, references)
        unseen = sorted({each.name for each in references} - {each.name for each in beside})
        told = [*_notes(card, chosen, unseen), *by_threshold(opened), *measuring.notes]
        return card.model_copy(update={"beside": beside, "notes": [*NOTES, *told]})


def kind_of_search(experiment: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the sections of a run's experiment that say how it searched."""
    return {
        name: {key: value for key, value in values.items() if key not in NOT_OF_THE_SEARCH}
        for name, values in experiment.items()
        if name not in {"experiment", "plugins", "target", "engine"}
    }


def count_queries(runs: int, sample: int, *, transfer: bool) -> int:
    """Count the images that an audit shows to its target after the search."""
    return runs * sample * (len(KINDS) + 2 + transfer)


def _fill(runs: Sequence[Run], parts: Mapping[str, Any], limit: float | None) -> Card:
    """Read what the runs found, and fill in the card."""
    courses = [read_course(run) for run in runs]
    names = list(dict.fromkeys(name for course in courses for name in course.classes))
    order = _order([_of_class(courses, runs, names, place) for place in range(len(names))])
    named = min(NAMED, -(-len(order) // 2))
    first, last = order[:named], order[max(named, len(order) - named) :]
    median = Shares.of(course.values["median"][-1] for course in courses)
    run, spec, target = runs[0], runs[0].spec, runs[0].info["target"]
    images = max(each.evaluations for each in runs)
    elites = {e.name: (e.png, percent(e.confidence)) for e in run.elites}
    return Card(
        neatfool=str(run.info["versions"]["neatfool"]),
        name=run.name,
        classifier=Classifier(
            name=str(target["name"]),
            options=run.experiment["target"],
            fingerprint=str(target["fingerprint"]),
            classes=len(names),
            nothing=[*spec.nothing],
            height=spec.height,
            width=spec.width,
            channels=spec.channels,
        ),
        images=run.experiment["experiment"].get("images") or images,
        seeds=[each.seed for each in runs],
        search=kind_of_search(run.experiment),
        runs=[Searched(seed=e.seed, path=str(e.path), images=e.evaluations) for e in runs],
        median=median,
        rejected=Shares.of(each.rejected / max(1, len(each)) for each in runs)
        if spec.nothing
        else None,
        until=[
            Until(confidence=level, images=Counts.of(_until(course, level) for course in courses))
            for level in LEVELS
        ],
        first=first,
        last=last,
        course=_moments(courses),
        **parts,
        beside=[],
        check=None if limit is None else Check(above=limit, failed=median.median > limit),
        notes=[],
        pictures={each.name: elites[each.name] for each in first + last if each.name in elites},
    )


def _notes(card: Card, chosen: Sequence[str], unseen: Sequence[str]) -> Iterator[str]:
    """Say what to bear in mind."""
    if unseen:
        yield (
            f"Not beside it: {', '.join(unseen)}. What was recorded of them begins after "
            f"{card.images:,} images; try more."
        )
    if chosen:
        yield (
            f"The file has no section {' and '.join(f'[{name}]' for name in chosen)}, so the audit "
            "searched in the way that has served best for images of this size."
        )
    if card.search.get("scheme", {}).get("learn"):
        yield "The search used the classifier's gradients, too."
    if len(card.seeds) < 3:
        yield "With fewer than three seeds, the range says little about chance."
    if card.survival.sample < FEW:
        yield (
            f"Only {card.survival.sample} images of each run were changed, so the shares are rough."
        )
    if card.transfer is None:
        yield "Whether the images fool other networks was not asked. Name some with --to."


def by_threshold(runs: Sequence[Run]) -> Iterator[str]:
    """Say how many classes came to the confidence from which their user believes the classifier."""
    above = [each for run in runs if (each := run.above_threshold) is not None]
    if above:
        low, high = min(above)[0], max(above)[0]
        reached = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        yield (
            f"{reached} of {above[0][1]:,} classes have an image at or above the confidence from "
            "which you believe the classifier ([target] threshold)."
        )


def _until(course: Course, level: float) -> int | None:
    reached = course.values[f"classes_ge_{level:g}"] * 2 >= len(course.classes)
    return int(course.evaluations[reached.argmax()]) if reached.any() else None


def _moments(courses: Sequence[Course]) -> list[Moment]:
    ends = np.unique(np.concatenate([course.evaluations for course in courses]))
    ends = ends[ends <= min(course.reach for course in courses)]
    some = np.unique(np.linspace(0, len(ends) - 1, min(MOMENTS, len(ends))).round().astype(int))
    grid = ends[some]
    medians = np.array([course.at("median", grid) for course in courses])
    shares = [
        np.median(
            [course.at(f"classes_ge_{level:g}", grid) / len(course.classes) for course in courses],
            axis=0,
        )
        for level in LEVELS
    ]
    return [
        Moment(
            images=int(images),
            median=float(np.median(medians[:, place])),
            lowest=float(medians[:, place].min()),
            highest=float(medians[:, place].max()),
            shares=[float(each[place]) for each in shares],
        )
        for place, images in enumerate(grid)
    ]


def _of_class(
    courses: Sequence[Course], runs: Sequence[Run], names: Sequence[str], place: int
) -> OfClass:
    fell, ends, indices = [], [], []
    for course, run in zip(courses, runs, strict=True):
        own = course.classes.index(names[place]) if names[place] in course.classes else -1
        indices += [run.searched[own]] * (own >= 0)
        mine = course.replaced == own
        above = mine & (course.confidences >= LEVELS[0])
        fell.append(int(course.replaced_at[above].min()) if above.any() else None)
        ends.append(float(course.confidences[mine].max(initial=0.0)))
    return OfClass(
        name=names[place],
        index=indices[0],
        until_half=Counts.of(fell).median,
        confidence=float(np.median(ends)),
    )


def _order(classes: Sequence[OfClass]) -> list[OfClass]:
    """Order classes by when they fell; those that did not fall by their confidence."""

    def key(each: OfClass) -> tuple[float, float]:
        return (np.inf if each.until_half is None else each.until_half, -each.confidence)

    return sorted(classes, key=key)


@dataclass(frozen=True)
class _Measuring:
    """Measures runs, or remembers what was measured.

    Attributes:
        runs: The runs.
        sample: How many images of each are looked at.
        folder: Where results are kept; None if they are not.
        console: Shows progress.
        most: How many queries may be sent, if the target costs something to ask.
        notes: What is to be said about it.
    """

    runs: Sequence[Run]
    sample: int
    folder: Path | None
    console: Output
    most: int | None
    notes: list[str] = field(default_factory=list)

    def survival(self) -> Survival:
        """Change images of each run, and score them again."""
        spec = self.runs[0].spec
        kinds = [*KINDS, f"drawn={TIMES * max(spec.height, spec.width)}"]
        return self._once("survival", Survival, {"kinds": kinds}, lambda: self._survival(kinds))

    def transfer(self, files: Sequence[str | Path]) -> Transfer:
        """Show images of each run to other networks."""
        paths = [Path(file) for file in files]
        told = {str(path): path.read_text(encoding="utf-8") for path in paths if path.is_file()}
        return self._once("transfer", Transfer, {"to": told}, lambda: self._transfer(paths))

    def defence(self, folder: str | Path | None) -> Defence | None:
        """Ask OOD detectors about images of each run; None if there can be none."""
        try:
            asked = {"in_distribution": str(folder)}
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

    def _survival(self, kinds: Sequence[str]) -> Survival:
        most = self.most if self.runs[0].requests else None
        runs = survive(
            self.runs, kinds=kinds, sample=self.sample, max_queries=most, console=self.console
        ).runs
        return Survival(
            sample=min(run.elites for run in runs),
            saved=Shares.of(run.as_saved.median for run in runs),
            changes=[
                Surviving(
                    kind=kind.name,
                    what=kind.words,
                    strength=kind.usual,
                    kept=Shares.of(run.kinds[number].usually.kept for run in runs),
                    confidence=Shares.of(run.kinds[number].usually.median for run in runs),
                )
                for number, kind in enumerate(runs[0].kinds)
            ],
        )

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

    def _defence(self, folder: str | Path | None) -> Defence:
        found = detect(
            self.runs, in_distribution=folder, sample=self.sample, console=self.console
        ).runs
        known, levels = found[0].in_distribution, found[0].levels
        told = (known.text, found[0].warning)
        self.notes.extend(f"Detectors: {text}" for text in told if text)

        def passing(place: int, kept: float) -> Shares | None:
            if kept not in levels:
                return None
            return Shares.of(run.detectors[place].where(kept).passing for run in found)

        return Defence(
            in_distribution=known.text,
            few=known.few,
            detectors=[
                Detector(
                    name=each.name,
                    looks_at=each.looks_at,
                    auroc=Shares.of(run.detectors[place].auroc for run in found),
                    passing_95=passing(place, KEPT[0]),
                    passing_99=passing(place, KEPT[1]),
                )
                for place, each in enumerate(found[0].detectors)
            ],
            left_out=found[0].left_out,
        )
