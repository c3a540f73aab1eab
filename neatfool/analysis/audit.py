"""An audit: how easily is a classifier fooled? Finished runs become its report card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import expit

from neatfool.analysis.acceptance import Acceptance, sum_up, thresholds_by_class
from neatfool.analysis.card import (
    Card,
    Check,
    Classifier,
    Fooled,
    OfClass,
    Until,
)
from neatfool.analysis.course import read_course
from neatfool.analysis.estimates import FEWEST, LIMIT, Shares, median_of, tell_apart, threshold_of
from neatfool.analysis.measuring import Measuring
from neatfool.analysis.references import (
    compare_versions,
    differ_in_setting,
    put_beside,
    read_card,
    read_references,
)
from neatfool.analysis.sureness import EVOLVED, KNOWN, Sureness, count_images
from neatfool.errors import ExperimentError
from neatfool.fooling.opening import open_runs
from neatfool.present.output import Output
from neatfool.wording import percent, share

if TYPE_CHECKING:
    from neatfool.analysis.course import Course
    from neatfool.run.run import Run

HALF: Final = 0.5
SURE: Final = (0.5, 0.9, 0.99)
"""The confidences for which the card says how soon half of the classes had them."""
MOST_ACCEPTED: Final = 0.01
"""At the recommended threshold, at most so large a share of each kind of nothing is accepted."""
FEW: Final = 50
"""Fewer images than these give rough shares."""
NOT_OF_THE_SEARCH: Final = {"device", "renderer", "learn_at_once", "classes"}
"""Options that change how fast images come, but not which; and classes, which the card counts."""
NO_THRESHOLD: Final = (
    f"--max-accepted: no threshold is known, as there are fewer than {FEWEST} in-distribution "
    "images; give --operating-point, or --in-distribution"
)
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
        measuring = Measuring(opened, sample, folder, console or Output(quiet=True), max_queries)
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
        notes = [*_notes(card, chosen, sample), *measuring.notes]
        versus = None
        if baseline is not None:
            versus = compare_versions(card, baseline, differ_in_setting(card, baseline))
        more = {
            "beside": put_beside(card, read_references()),
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
        yield Check(what="median", above=limit, found=median, failed=median > limit, words=words)
    if max_accepted is not None:
        deciding = card.acceptance.deciding
        if deciding is None:
            raise ExperimentError(NO_THRESHOLD)
        parts = card.acceptance.worst(deciding)
        found = parts[0][0]
        told = [f"{kind.what} {share(part)}" for part, kind in parts if part > max_accepted]
        what = ", ".join(told) or parts[0][1].what
        words = f"the share of images of nothing accepted at {deciding}, {share(found)} ({what})"
        failed = found > max_accepted
        yield Check(what="accepted", above=max_accepted, found=found, failed=failed, words=words)


def check_threshold_known(operating_point: object, known: int) -> None:
    """Check before a search that there will be a threshold to check ``max_accepted`` at.

    Args:
        operating_point: The user's own, if not None.
        known: How many in-distribution images there are.

    Raises:
        ExperimentError: There will be none.
    """
    if operating_point is None and known < FEWEST:
        raise ExperimentError(NO_THRESHOLD)


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
        runs=[str(each.path) for each in runs],
        fooled=judging.fooled(classes),
        top1=Shares.of(
            sum(each.log_odds[place] is not None for each in classes) / max(1, len(classes))
            for place in range(len(runs))
        ),
        median=Shares.of(course.values["median"][-1] for course in courses),
        until=[_until(courses, confidence) for confidence in SURE],
        rejected=Shares.of(each.rejected / max(1, len(each)) for each in runs)
        if spec.nothing
        else None,
        classes=classes,
        **parts,
        beside=[],
        checks=[],
        notes=[],
        pictures=_surest_pictures(runs),
    )


def _until(courses: Sequence[Course], confidence: float) -> Until:
    """Say after how many images half of the classes, and all, had a confidence."""
    half, every = list[int | None](), list[int | None]()
    for course in courses:
        counts = course.values[f"classes_ge_{confidence:g}"]
        for found, least in ((half, len(course.classes) / 2), (every, len(course.classes))):
            reached = counts >= least
            found.append(int(course.evaluations[reached.argmax()]) if reached.any() else None)
    images = median_of([each or np.inf for each in half])
    return Until(confidence=confidence, images=images, by_seed=half, all_by_seed=every)


def _surest_pictures(runs: Sequence[Run]) -> dict[str, tuple[bytes, str]]:
    """Give each class's image and its confidence, of the seed where it is surest."""
    every = [elite for run in runs for elite in run.elites]
    every.sort(key=lambda e: (e.top1 is not False and not e.rejected, e.rank))
    best = {elite.name: elite for elite in every}
    return {name: (e.png, percent(e.confidence, e.rank)) for name, e in best.items()}


def _when_it_fell(each: OfClass) -> tuple[float, float]:
    """Order classes by when they fell; those that did not fall by their confidence."""
    return (np.inf if each.until_half is None else each.until_half, -each.confidence)


def _notes(card: Card, chosen: Sequence[str], sample: int) -> Iterator[str]:
    """Say what to bear in mind."""
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
            above = mine & (course.confidences >= HALF)
            fell.append(float(course.replaced_at[above].min()) if above.any() else np.inf)
            ends.append(float(course.confidences[mine].max(initial=0.0)))
        index = indices[0]
        odds = [self.odds.get((seed, index)) for seed in range(len(self.runs))]
        least = np.inf if self.deciding is None else self.deciding.least(index)
        return OfClass(
            name=name,
            index=index,
            until_half=median_of(fell),
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
        run, half = self.runs[0], -(-len(counting) // 2) - 1
        not_searched = {*range(len(run.spec.classes))} - {*run.searched} - {*self.reached}
        left_out = [run.spec.classes[place] for place in sorted(not_searched)]
        ends = [
            np.sort([self._until(seed, each) for each in counting])[half]
            for seed in range(len(self.courses))
        ]
        return Fooled(
            share=part,
            by_seed=(odds >= threshold_of(known)).mean(0).tolist(),
            until_half=median_of(ends),
            classes=len(counting),
            unreached=[each.name for each in classes if not each.reached]
            + [name for name in left_out if name not in run.spec.nothing],
        )

    def _until(self, seed: int, each: OfClass) -> float:
        """Give the images of a seed after which a class was fooled, infinity if it is not."""
        assert self.usual is not None
        odds, course = each.log_odds[seed], self.courses[seed]
        if odds is None or odds < self.usual.least(each.index):
            return np.inf
        mine = course.replaced == course.classes.index(each.name)
        above = mine & (course.confidences >= (self.usual.confidence or 0.0))
        # Where only log-odds tell that it is above, the last image is.
        return float(
            course.replaced_at[above].min() if above.any() else course.replaced_at[mine].max()
        )
