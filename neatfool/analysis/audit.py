"""An audit: how easily is a classifier fooled? Finished runs become its report card."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from pydantic import ValidationError
from scipy.special import expit

from neatfool.analysis.acceptance import Acceptance, sum_up, thresholds_by_class
from neatfool.analysis.card import (
    LEVELS,
    PASSING,
    Asked,
    Card,
    Check,
    Classifier,
    Defence,
    Detector,
    Fooled,
    Moment,
    OfClass,
    Searched,
    Transfer,
)
from neatfool.analysis.course import read_course
from neatfool.analysis.detection import detect
from neatfool.analysis.estimates import Counts, Shares, tell_apart, threshold_of
from neatfool.analysis.references import (
    compare_versions,
    differ,
    put_beside,
    read_card,
    read_references,
)
from neatfool.analysis.sureness import EVOLVED, KNOWN, LIMIT, Sureness, count_images, look
from neatfool.analysis.transfer import transfer
from neatfool.errors import ExperimentError
from neatfool.files import read_json
from neatfool.fooling.opening import open_runs, open_scorer
from neatfool.ood.in_distribution import count_in_distribution
from neatfool.present.finding import Facts
from neatfool.present.output import Output
from neatfool.present.saving import save
from neatfool.wording import percent, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from neatfool.analysis.course import Course
    from neatfool.run.run import Run

Kind = TypeVar("Kind", bound=Facts)
FOLDER: Final = "measured"
MOMENTS: Final = 120
"""The course has at most about so many points: all that a chart can show."""
MOST_ACCEPTED: Final = 0.01
"""At the recommended threshold, at most so large a share of each kind of nothing is accepted."""
MOST_KNOWN: Final = 300
"""About so many images a target brings along; the bar of progress counts with them."""
FEW: Final = 50
"""Fewer images than these give rough shares."""
NOT_OF_THE_SEARCH: Final = {"device", "renderer", "learn_at_once"}
"""Options that change how fast images come, but not which."""
LOWER_BOUND: Final = (
    "This is a lower bound: a longer or better search fools the classifier at least as well. "
    "Compare it only with audits of the same budget and the same search."
)


def audit(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    to: Sequence[str | Path] = (),
    in_distribution: str | Path | None = None,
    sample: int = 100,
    operating_point: float | None = None,
    max_accepted: float | None = None,
    limit: float | None = None,
    against: str | Path | None = None,
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
        in_distribution: In-distribution images: a folder, or a CSV file with the columns ``file``
            and ``label``; by default the target's own.
        sample: How many images of each run to change, to show to others and to detectors, and how
            many to make of each kind without a search.
        operating_point: The confidence from which you believe the classifier; by default that of
            ``[target] threshold``.
        max_accepted: The largest share of a kind of images of nothing that may be accepted: above
            it the card's check fails.
        limit: The median confidence above which the card's check fails.
        against: The JSON file of another version's card.
        max_queries: The most images to send to a target that costs something to ask.
        chosen: The sections of the experiment that its user left open.
        keep: A folder where what was measured is kept, and found again.
        console: Shows how far it is.

    Raises:
        UntrustedRun: Somebody else made a run.
        RunError: A run has no elites.
        ExperimentError: The in-distribution images or the other card cannot be read.
        NeatfoolError: A target cannot be loaded, or failed.
    """
    baseline = None if against is None else read_card(Path(against))
    with open_runs(runs, scored=True) as opened:
        folder = None if keep is None else Path(keep)
        known = None if in_distribution is None else Path(in_distribution)
        measuring = _Measuring(opened, sample, folder, console or Output(quiet=True), max_queries)
        looked = measuring.looked(known)
        acceptance = sum_up(
            looked.kinds,
            looked.in_distribution,
            yours=_operating_point(opened[0], operating_point),
            most=MOST_ACCEPTED if max_accepted is None else max_accepted,
            exclusive=opened[0].spec.sums_to_one,
        )
        parts = {
            "acceptance": acceptance,
            "transfer": measuring.transfer(to) if to else None,
            "defence": measuring.defence(known),
        }
        card = _fill(opened, looked.kinds, parts)
        references = read_references()
        beside = put_beside(card, references)
        unseen = sorted({each.name for each in references} - {each.name for each in beside})
        notes = [*_notes(card, chosen, unseen, sample), *measuring.notes]
        versus = None
        if baseline is not None:
            versus = compare_versions(card, baseline, differ(card, baseline))
        more = {
            "beside": beside,
            "notes": [LOWER_BOUND, *notes],
            "checks": [*_checks(card, limit, max_accepted)],
            "versus": versus,
        }
        return card.model_copy(update=more)


def _operating_point(run: Run, given: float | None) -> float | dict[int, float] | None:
    """Give the confidence from which the user believes the classifier, perhaps by class."""
    threshold = run.experiment["target"].get("threshold") if given is None else given
    if isinstance(threshold, dict):
        return {run.spec.class_index(name): float(each) for name, each in threshold.items()}
    return None if threshold is None else float(threshold)


def _checks(card: Card, limit: float | None, max_accepted: float | None) -> Iterator[Check]:
    if limit is not None:
        median = card.median.median
        words = f"the median confidence, {percent(median)}"
        yield Check(what="median", above=limit, found=median, words=words)
    if max_accepted is not None:
        deciding = card.acceptance.deciding
        if deciding is None:
            raise ExperimentError(
                "--max-accepted: no threshold is known, as there are fewer than 20 "
                "in-distribution images; give --operating-point, or --in-distribution"
            )
        found, what = card.acceptance.worst(deciding)
        words = f"at {deciding}, the share of images of nothing accepted ({what}), {share(found)}"
        yield Check(what="accepted", above=max_accepted, found=found, words=words)


def kind_of_search(experiment: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the sections of a run's experiment that say how it searched."""
    return {
        name: {key: value for key, value in values.items() if key not in NOT_OF_THE_SEARCH}
        for name, values in experiment.items()
        if name not in {"experiment", "plugins", "target", "engine"}
    }


def count_queries(evolved: int, sample: int, *, transfer: bool, known: int = 0) -> int:
    """Count the images that an audit shows to its target after the search.

    Args:
        evolved: How many evolved images are looked at.
        sample: How many of each other kind of images of nothing.
        transfer: Whether other networks see the evolved ones.
        known: How many in-distribution images there are.
    """
    return count_images(evolved, sample) + known + transfer * evolved


def _fill(runs: Sequence[Run], looked: Sequence[Sureness], parts: Mapping[str, Any]) -> Card:
    """Read what the runs found, and fill in the card."""
    courses = [read_course(run) for run in runs]
    names = list(dict.fromkeys(name for course in courses for name in course.classes))
    judging = _Judging(runs, courses, looked, parts["acceptance"])
    classes = sorted((judging.of_class(name) for name in names), key=_when_it_fell)
    run, spec, target = runs[0], runs[0].spec, runs[0].info["target"]
    images = max(each.evaluations for each in runs)
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
        fooled=judging.fooled(classes),
        top1=Shares.of(
            sum(each.log_odds[place] is not None for each in classes) / max(1, len(classes))
            for place in range(len(runs))
        ),
        median=Shares.of(course.values["median"][-1] for course in courses),
        rejected=Shares.of(each.rejected / max(1, len(each)) for each in runs)
        if spec.nothing
        else None,
        classes=classes,
        course=_moments(courses, judging.falling(classes)),
        **parts,
        beside=[],
        checks=[],
        notes=[],
        pictures={e.name: (e.png, percent(e.confidence, e.rank)) for e in run.elites},
    )


def _when_it_fell(each: OfClass) -> tuple[float, float]:
    """Order classes by when they fell; those that did not fall by their confidence."""
    return (np.inf if each.until_half is None else each.until_half, -each.confidence)


def _notes(card: Card, chosen: Sequence[str], unseen: Sequence[str], sample: int) -> Iterator[str]:
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
    if sample < FEW:
        yield f"Only {sample} images of each kind were scored, so the shares are rough."
    if card.transfer is None:
        yield "Whether the images fool other networks was not asked. Name some with --to."


def _moments(courses: Sequence[Course], falling: Sequence[np.ndarray] | None) -> list[Moment]:
    """Follow the search, from medians over seeds.

    Args:
        courses: Each run's course.
        falling: For each run the images after which each class was fooled, float64 [C], infinity
            for those that are not; None without a threshold.
    """
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
    fooled = [(np.asarray(each)[:, None] <= grid).mean(0) for each in falling or ()]
    return [
        Moment(
            images=int(images),
            median=float(np.median(medians[:, place])),
            shares=[float(each[place]) for each in shares],
            fooled=float(np.median([each[place] for each in fooled])) if fooled else None,
            fooled_lowest=min(float(each[place]) for each in fooled) if fooled else None,
            fooled_highest=max(float(each[place]) for each in fooled) if fooled else None,
        )
        for place, images in enumerate(grid)
    ]


class _Judging:
    """Says of each class whether an image of nothing is surer than a threshold."""

    def __init__(
        self,
        runs: Sequence[Run],
        courses: Sequence[Course],
        looked: Sequence[Sureness],
        acceptance: Acceptance,
    ) -> None:
        self.runs, self.courses = runs, courses
        groups = {each.group: each for each in looked}
        evolved, self.known = groups[EVOLVED], groups.get(KNOWN)
        self.usual, self.deciding = acceptance.at("usual"), acceptance.deciding
        every = zip(evolved.seeds, evolved.own, evolved.own_log_odds, evolved.right, strict=True)
        self.odds = {(seed, own): odds for seed, own, odds, first in every if first}
        self.reached = Counter(self.known.named if self.known else ())
        exclusive = runs[0].spec.sums_to_one
        self.own = thresholds_by_class(self.known, exclusive=exclusive) if self.known else {}

    def of_class(self, name: str) -> OfClass:
        """Say how a class fell."""
        fell, ends, indices = [], [], []
        for course, run in zip(self.courses, self.runs, strict=True):
            own = course.classes.index(name) if name in course.classes else -1
            indices += [run.searched[own]] * (own >= 0)
            mine = course.replaced == own
            above = mine & (course.confidences >= LEVELS[0])
            fell.append(int(course.replaced_at[above].min()) if above.any() else None)
            ends.append(float(course.confidences[mine].max(initial=0.0)))
        index = indices[0]
        odds = [self.odds.get((seed, index)) for seed in range(len(self.runs))]
        least = np.inf if self.deciding is None else self.deciding.least(index)
        return OfClass(
            name=name,
            index=index,
            until_half=Counts.of(fell).median,
            confidence=float(np.median(ends)),
            log_odds=odds,
            accepted=[each is not None and each >= least for each in odds],
            reached=self.reached[index],
            threshold=float(expit(self.own[index])) if index in self.own else None,
        )

    def fooled(self, classes: Sequence[OfClass]) -> Fooled | None:
        """Give the one number; None without a usual threshold."""
        counting = [each for each in classes if each.reached]
        if self.usual is None or self.known is None or not counting:
            return None
        odds = np.array(
            [[-LIMIT if odds is None else odds for odds in each.log_odds] for each in counting]
        )
        places, seeds = np.indices(odds.shape)
        known = np.array(self.known.log_odds)
        _, part = tell_apart(known, odds.ravel(), seeds.ravel(), places.ravel())
        assert part is not None
        half = -(-len(counting) // 2) - 1
        ends = [np.sort(each)[half] for each in self.falling(classes) or ()]
        return Fooled(
            share=part,
            by_seed=(odds >= threshold_of(known)).mean(0).tolist(),
            until_half=Counts.of(None if np.isinf(end) else int(end) for end in ends),
            classes=len(counting),
            unreached=[each.name for each in classes if not each.reached],
        )

    def falling(self, classes: Sequence[OfClass]) -> list[np.ndarray] | None:
        """Give for each run the images after which classes were fooled, those that count.

        Returns:
            float64 [C] for each run, infinity for those that are not; None without a threshold.
        """
        if self.usual is None or self.usual.confidence is None or self.usual.log_odds is None:
            return None
        found = []
        for seed, course in enumerate(self.courses):
            ends = []
            for each in classes:
                odds = each.log_odds[seed]
                if each.reached and odds is not None and odds >= self.usual.log_odds:
                    mine = course.replaced == course.classes.index(each.name)
                    above = mine & (course.confidences >= self.usual.confidence)
                    at = course.replaced_at[above if above.any() else mine]
                    ends.append(float(at.min() if above.any() else at.max()))
                elif each.reached:
                    ends.append(np.inf)
            found.append(np.array(ends))
        return found


class _Looked(Facts):
    """How sure the target is of each kind of images."""

    kinds: list[Sureness]
    in_distribution: str | None


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

    def looked(self, folder: Path | None) -> _Looked:
        """Score images of each kind."""
        options = {"in_distribution": _stamp(folder)}
        return self._once("sureness", _Looked, options, lambda: self._looked(folder))

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

    def _looked(self, folder: Path | None) -> _Looked:
        most = self.most if self.runs[0].requests else None
        known = MOST_KNOWN if folder is None else count_in_distribution(folder)
        evolved = sum(min(self.sample, len(run)) for run in self.runs)
        total = count_images(evolved, self.sample) + known
        with closing(open_scorer(self.runs[0], max_queries=most)) as scorer:
            if scorer.costs and folder is None:
                total -= known
            scorer.check_allowed(total, most)
            with self.console.progress(total) as note:
                kinds, text = look(self.runs, scorer, sample=self.sample, folder=folder, note=note)
        return _Looked(kinds=kinds, in_distribution=text)

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
        return Defence(in_distribution=known.text, detectors=detectors, left_out=found[0].left_out)


def _stamp(folder: Path | None) -> list[object]:
    """Tell one folder of in-distribution images from another, or from what it was before."""
    if folder is None:
        return []
    files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    times = [file.stat().st_mtime_ns for file in files]
    return [str(folder), len(files), max(times, default=0)]
