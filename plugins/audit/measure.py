"""An audit: how easily is a classifier fooled? Finished runs become its report card."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import expit

from neatfool import ExperimentError, Run, RunError, open_runs
from neatfool.measure import (
    FEW,
    FEWEST,
    LIMIT,
    RunCourse,
    Shares,
    median_of,
    tell_apart,
    threshold_of,
)
from neatfool.present import Output
from neatfool.wording import percent, share

from .acceptance import Acceptance, sum_up, thresholds_by_class
from .card import Check, ClassFacts, ClassifierFacts, ConfidenceMilestone, FooledShare, ReportCard
from .confidence import EVOLVED, KNOWN, ConfidenceRecord, read_recorded
from .known_images import KnownImages
from .references import (
    check_known_images,
    compare_versions,
    compare_with_known,
    read_card,
    read_references,
)
from .scoring import AuditScores, MeasurementCache

SURE: Final = (0.5, 0.9, 0.99)
"""The confidences for which the card says how soon half of the classes had them."""
MOST_ACCEPTED: Final = 0.01
"""At the recommended threshold, at most so large a share of each kind of nothing is accepted."""
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
    against: str | Path | None = None,
    max_queries: int | None = None,
    chosen: Sequence[str] = (),
    longer: Sequence[Run | str | Path] = (),
    accuracy: float | None = None,
    keep: str | Path | None = None,
    console: Output | None = None,
) -> ReportCard:
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
        against: The JSON file of another version's card.
        max_queries: The most images to send to a target that costs something to ask.
        chosen: The sections of the experiment that its user left open.
        longer: Runs with the same seeds that tried more images: they judge the recommended
            threshold, too.
        accuracy: The share of images that the network's makers say it names rightly, from 0 to 1.
            The card tells if in-distribution images are out of line with it.
        keep: A folder where what was measured is kept, and found again.
        console: Shows how far it is.

    Raises:
        UntrustedRun: Somebody else made a run.
        RunError: A run has no elites, or ``longer`` has other seeds.
        ExperimentError: The in-distribution images or the other card cannot be read.
        NeatfoolError: A target cannot be loaded, or failed.
    """
    baseline = None if against is None else read_card(Path(against))
    with open_runs(runs, scored=True) as opened, ExitStack() as ending:
        more = ending.enter_context(open_runs(longer)) if longer else []
        seeds = [run.seed for run in opened]
        if more and [run.seed for run in more] != seeds:
            raise RunError(
                f"longer: {more[0].path}: give runs of the same seeds, in the same order"
            )
        console = console or Output(quiet=True)
        folder = None if keep is None else Path(keep)
        measuring = MeasurementCache(opened, in_distribution, sample, folder, console, max_queries)
        looked = measuring.looked()
        threshold = opened[0].experiment["target"].get("threshold")
        yours: Any = threshold if operating_point is None else operating_point
        if isinstance(yours, dict):
            yours = {opened[0].spec.class_index(name): float(p) for name, p in yours.items()}
        acceptance = sum_up(
            looked.kinds,
            looked.in_distribution,
            yours=yours,
            most=MOST_ACCEPTED if max_accepted is None else max_accepted,
            exclusive=opened[0].spec.sums_to_one,
            seeds=seeds,
            budget=_budget(opened),
            longer=(_budget(more), read_recorded(more, logits=looked.logits)) if more else None,
        )
        card = _fill(
            opened,
            looked,
            acceptance,
            transfer=measuring.transfer(to) if to else None,
            defence=measuring.defence(),
        )
        return card.model_copy(
            update={
                "warnings": [*check_known_images(card, read_references(), accuracy)],
                "beside": compare_with_known(card, read_references()),
                "notes": [LOWER_BOUND, *_notes(card, chosen, sample), *measuring.notes],
                "checks": [*_checks(card, max_accepted)],
                "versus": None if baseline is None else compare_versions(card, baseline),
            }
        )


def _checks(card: ReportCard, max_accepted: float | None) -> Iterator[Check]:
    if max_accepted is not None:
        deciding = card.acceptance.deciding
        if deciding is None:
            raise ExperimentError(NO_THRESHOLD)
        parts = card.acceptance.worst(deciding)
        found = parts[0][0]
        failing = [f"{kind.what} {share(part)}" for part, kind in parts if part > max_accepted]
        what = ", ".join(failing) or parts[0][1].what
        words = f"the share of images of nothing accepted at {deciding}, {share(found)} ({what})"
        failed = found > max_accepted
        yield Check(what="accepted", above=max_accepted, found=found, failed=failed, words=words)


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
    known = next((each for each in looked.kinds if each.group == KNOWN), None)
    classes = _classes(runs, courses, looked.kinds, acceptance)
    run, spec, target = runs[0], runs[0].spec, runs[0].info["target"]
    elites = (elite for run in runs for elite in run.elites)
    ordered = sorted(elites, key=lambda e: (e.top1 is not False and not e.rejected, e.rank))
    surest = {elite.index: elite for elite in ordered}
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
        images=_budget(runs),
        seeds=[each.seed for each in runs],
        search=describe_search(run.experiment),
        runs=[str(each.path) for each in runs],
        acceptance=acceptance,
        known=known and KnownImages.of(looked.hashes, known),
        fooled=_fooled(run, courses, classes, known),
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
        pictures={n: (e.png, percent(e.confidence, e.rank)) for n, e in surest.items()},
        **parts,
    )


def _budget(runs: Sequence[Run]) -> int:
    given: int | None = runs[0].experiment["experiment"].get("images")
    return given or max(run.evaluations for run in runs)


def _classes(
    runs: Sequence[Run],
    courses: Sequence[RunCourse],
    looked: Sequence[ConfidenceRecord],
    acceptance: Acceptance,
) -> list[ClassFacts]:
    """Say how each class fell: the first to fall first, then the surest."""
    groups = {each.group: each for each in looked}
    evolved, known = groups[EVOLVED], groups.get(KNOWN)
    every = zip(evolved.seeds, evolved.own, evolved.own_log_odds, evolved.right, strict=True)
    surest = {(seed, own): odds for seed, own, odds, first in every if first}
    reached = Counter(known.named if known else ())
    exclusive = runs[0].spec.sums_to_one
    thresholds = thresholds_by_class(known, exclusive=exclusive) if known else {}
    classes, deciding = [], acceptance.deciding
    for name in dict.fromkeys(name for course in courses for name in course.classes):
        both = zip(courses, runs, strict=True)
        indices = (r.searched[c.classes.index(name)] for c, r in both if name in c.classes)
        index = next(indices)
        odds = [surest.get((seed, index)) for seed in range(len(runs))]
        least = np.inf if deciding is None else deciding.least(index)
        ends = [course.confidences[course.rows_of(name)].max(initial=0.0) for course in courses]
        classes.append(
            ClassFacts(
                name=name,
                index=index,
                until_half=median_of([course.until(name, 0.5) for course in courses]),
                confidence=float(np.median(ends)),
                log_odds=odds,
                accepted=[each is not None and each >= least for each in odds],
                reached=reached[index],
                threshold=float(expit(thresholds[index])) if index in thresholds else None,
            )
        )
    return sorted(
        classes, key=lambda e: (np.inf if e.until_half is None else e.until_half, -e.confidence)
    )


def _fooled(
    run: Run,
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
    not_searched = {*range(len(run.spec.classes))} - {*run.searched} - {*known.named}
    left_out = [run.spec.classes[place] for place in sorted(not_searched)]
    return FooledShare(
        share=part,
        by_seed=(odds >= least).mean(0).tolist(),
        until_half=median_of(np.sort(until, 0)[-(-len(counting) // 2) - 1]),
        classes=len(counting),
        unreached=[each.name for each in classes if not each.reached]
        + [name for name in left_out if name not in run.spec.nothing],
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


def _notes(card: ReportCard, chosen: Sequence[str], sample: int) -> Iterator[str]:
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
