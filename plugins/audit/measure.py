"""An audit: how easily is a classifier fooled? Finished runs become its report card."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import expit

from neatfool import ExperimentError, Run, open_runs
from neatfool.measure import FEW, FEWEST, LIMIT, RunCourse
from neatfool.present import Output
from neatfool.wording import counted, percent, share

from .acceptance import FEW_EVOLVED, Acceptance, sum_up
from .bootstrap import Shares, median_of, tell_apart, threshold_of
from .card import Check, ClassFacts, ClassifierFacts, ConfidenceMilestone, FooledShare, ReportCard
from .confidence import EVOLVED, ConfidenceRecord
from .known_images import KnownImages, check_known_images
from .scoring import AuditScores, MeasurementCache

SURE: Final = (0.5, 0.9, 0.99)
"""The confidences for which the card says how soon half of the classes had them."""
MOST_ACCEPTED: Final = 0.01
"""At the recommended threshold, at most so large a share of each kind of images is accepted."""
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
    accuracy: float | None = None,
    sample: int = 100,
    operating_point: float | None = None,
    max_accepted: float | None = None,
    max_queries: int | None = None,
    chosen: Sequence[str] = (),
    keep: str | Path | None = None,
    console: Output | None = None,
) -> ReportCard:
    """Make the report card of a classifier from runs that fooled it.

    Args:
        runs: Finished runs of one experiment that differ in their seed, or the folders that hold
            them.
        to: Experiments' files, whose networks see the images, too.
        in_distribution: A folder of in-distribution images; by default the target's own.
        accuracy: The share of images that the network's makers say it names rightly, from 0 to 1.
            The card tells if in-distribution images are out of line with it.
        sample: How many images of each run to change, to show to others and to detectors, and how
            many to make of each kind without a search.
        operating_point: The confidence from which you believe the classifier; by default that of
            ``[target] threshold``.
        max_accepted: The largest share of a kind of meaningless images that may be accepted: above
            it the card's check fails.
        max_queries: The most images to send to a target that costs something to ask.
        chosen: The sections of the experiment that its user left open.
        keep: A folder where what was measured is kept, and found again.
        console: Shows how far it is.

    Raises:
        UntrustedRun: Another person made a run.
        RunError: A run has no elites.
        ExperimentError: The in-distribution images cannot be read.
        NeatfoolError: A target cannot be loaded, or failed.
    """
    with open_runs(runs, scored=True, for_classifiers="neatfool audit") as opened:
        folder = None if keep is None else Path(keep)
        console = console or Output(quiet=True)
        measuring = MeasurementCache(opened, in_distribution, sample, folder, console, max_queries)
        looked, run = measuring.looked(), opened[0]
        yours: Any = run.experiment["target"].get("threshold")
        yours = yours if operating_point is None else operating_point
        if isinstance(yours, dict):
            yours = {run.spec.class_index(name): float(p) for name, p in yours.items()}
        acceptance = sum_up(
            looked.kinds,
            looked.in_distribution,
            yours=yours,
            most=MOST_ACCEPTED if max_accepted is None else max_accepted,
            seeds=[run.seed for run in opened],
        )
        known, warnings = None, list[str]()
        if (scored := looked.known) is not None:
            known = KnownImages.of(looked.hashes, scored)
            fingerprint = str(run.info["target"]["fingerprint"])
            warnings += check_known_images(known, scored.log_odds, fingerprint, accuracy)
        return _fill(
            opened,
            looked,
            acceptance,
            known=known,
            warnings=warnings,
            checks=[] if max_accepted is None else [_check(acceptance, max_accepted)],
            transfer=measuring.transfer(to) if to else None,
            defence=measuring.defence(),
            notes=[*_notes(opened, chosen, sample), *measuring.notes],
        )


def _check(acceptance: Acceptance, max_accepted: float) -> Check:
    """Check what is accepted at the threshold that decides."""
    if (deciding := acceptance.deciding) is None:
        raise ExperimentError(NO_THRESHOLD)
    found, worst = acceptance.worst(deciding)[0]
    words = f"the largest share accepted at {deciding} is {share(found)} ({worst.what})"
    return Check(above=max_accepted, found=found, failed=found > max_accepted, words=words)


def check_threshold_known(operating_point: object, known: int) -> None:
    """Check before a search that there will be a threshold to check ``max_accepted`` at.

    Raises:
        ExperimentError: The user has none, and too few in-distribution images are known for one.
    """
    if operating_point is None and known < FEWEST:
        raise ExperimentError(NO_THRESHOLD)


def describe_search(experiment: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the sections of a run's experiment that say how it searched."""
    return {
        name: {key: value for key, value in values.items() if key not in NOT_OF_THE_SEARCH}
        for name, values in experiment.items()
        if name not in {"experiment", "plugins", "target", "engine"}
    }


def _fill(
    runs: Sequence[Run], looked: AuditScores, acceptance: Acceptance, **parts: Any
) -> ReportCard:
    """Read what the runs found, and fill in the card."""
    courses = [RunCourse(run) for run in runs]
    scored = looked.known
    (evolved,) = (each for each in looked.kinds if each.group == EVOLVED)
    reached = Counter(scored.named if scored else ())
    classes = _classes(runs, courses, evolved, reached, acceptance)
    run, spec, target = runs[0], runs[0].spec, runs[0].info["target"]
    elites = (elite for run in runs for elite in run.elites)
    ordered = sorted(elites, key=lambda e: (e.top1 is not False and not e.rejected, e.rank))
    surest = {elite.index: elite for elite in ordered}
    rejected = Shares.of(each.rejected / max(1, len(each)) for each in runs)
    return ReportCard(
        neatfool=str(run.info["versions"]["neatfool"]),
        name=run.name,
        classifier=ClassifierFacts(
            name=str(target["name"]),
            options=run.experiment["target"],
            fingerprint=str(target["fingerprint"]),
            classes=len(classes),
            nothing=[*spec.nothing],
            height=spec.height,
            width=spec.width,
            channels=spec.channels,
        ),
        images=run.experiment["experiment"].get("images") or max(e.evaluations for e in runs),
        seeds=[each.seed for each in runs],
        search=describe_search(run.experiment),
        runs=[str(each.path) for each in runs],
        acceptance=acceptance,
        fooled=_fooled(courses, classes, scored),
        median=Shares.of(course.values["median"][-1] for course in courses),
        until=[_until(courses, confidence) for confidence in SURE],
        rejected=rejected if spec.nothing else None,
        classes=classes,
        pictures={n: (e.png, percent(e.confidence, e.rank)) for n, e in surest.items()},
        **parts,
    )


def _classes(
    runs: Sequence[Run],
    courses: Sequence[RunCourse],
    evolved: ConfidenceRecord,
    reached: Counter[int],
    acceptance: Acceptance,
) -> list[ClassFacts]:
    """Say how each class fell: the first to fall first, then the surest."""
    every = zip(evolved.seeds, evolved.own, evolved.own_log_odds, evolved.right, strict=True)
    surest = {(seed, own): odds for seed, own, odds, first in every if first}
    indices = {
        name: run.searched[place]
        for course, run in zip(courses, runs, strict=True)
        for place, name in enumerate(course.classes)
    }
    classes, deciding = [], acceptance.deciding
    for name, index in indices.items():
        odds = [surest.get((seed, index)) for seed in range(len(runs))]
        least = np.inf if deciding is None else deciding.least(index)
        ends = [course.scores[course.rows_of(name)].max(initial=0.0) for course in courses]
        classes.append(
            ClassFacts(
                name=name,
                index=index,
                until_half=median_of([course.until(name, 0.5) for course in courses]),
                confidence=float(np.median(ends)),
                log_odds=odds,
                accepted=[each is not None and each >= least for each in odds],
                reached=reached[index],
            )
        )
    return sorted(
        classes, key=lambda e: (np.inf if e.until_half is None else e.until_half, -e.confidence)
    )


def _fooled(
    courses: Sequence[RunCourse],
    classes: Sequence[ClassFacts],
    known: ConfidenceRecord | None,
) -> FooledShare | None:
    """Give the one number; None without a usual threshold."""
    counting = [each for each in classes if each.reached]
    if known is None or len(known.log_odds) < FEWEST or not counting:
        return None
    sure = np.array(known.log_odds)
    least = threshold_of(sure)
    odds = np.array([[-LIMIT if e is None else e for e in each.log_odds] for each in counting])
    places, seeds = np.indices(odds.shape)
    _, part = tell_apart(sure, odds.ravel(), seeds.ravel(), places.ravel())
    assert part is not None
    until = np.full(odds.shape, np.inf)
    for place, seed in np.argwhere((odds >= least) & (odds > -LIMIT)):
        course, name = courses[seed], counting[place].name
        # Where only log-odds tell that it is above, the last image is.
        soonest = course.until(name, float(expit(least)))
        until[place, seed] = min(soonest, course.replaced_at[course.rows_of(name)].max())
    halves = np.sort(until, 0)[-(-len(counting) // 2) - 1].tolist()
    return FooledShare(
        share=part,
        by_seed=(odds >= least).mean(0).tolist(),
        until_half=median_of(halves),
        until_half_by_seed=[int(each) if np.isfinite(each) else None for each in halves],
        classes=len(counting),
        unreached=[each.name for each in classes if not each.reached],
    )


def _until(courses: Sequence[RunCourse], confidence: float) -> ConfidenceMilestone:
    """Say after how many images half of the classes, and all, had a confidence."""
    half, every = list[int | None](), list[int | None]()
    for course in courses:
        counts = course.values[f"classes_ge_{confidence:g}"]
        for found, least in ((half, len(course.classes) / 2), (every, len(course.classes))):
            reached = counts >= least
            found.append(int(course.evaluations[reached.argmax()]) if reached.any() else None)
    images = median_of([each or np.inf for each in half])
    return ConfidenceMilestone(
        confidence=confidence, images=images, by_seed=half, all_by_seed=every
    )


def _notes(runs: Sequence[Run], chosen: Sequence[str], sample: int) -> Iterator[str]:
    """Say what to bear in mind."""
    yield LOWER_BOUND
    if (evolved := sum(len(run) for run in runs)) < FEW_EVOLVED:
        images = counted(evolved, "evolved image", "evolved images")
        yield f"The verdict rests on only {images}: too few; give more --images or --seeds."
    if chosen:
        yield (
            f"The file has no section {' and '.join(f'[{name}]' for name in chosen)}, so the audit "
            "searched in the way that has served best for images of this size."
        )
    if runs[0].experiment["scheme"].get("learn"):
        yield "The search used the classifier's gradients, too."
    if len(runs) < 3 or sample < FEW:
        yield "With fewer than three seeds or few images of each kind, the figures are rough."
