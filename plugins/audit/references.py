"""Cards of known networks and of earlier versions, and another card beside them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from neatfool import ExperimentError, differences
from neatfool.files import read_json
from neatfool.measure import Shares
from neatfool.wording import level, percent, share

from .acceptance import KindAcceptance
from .card import ReportCard
from .comparison import LEVEL, ClassChange, Verdict, VersionComparison
from .confidence import KNOWN

OWN: Final = "(the target's own)"
"""How :attr:`Acceptance.in_distribution` ends if nobody named images."""
CHOSEN: Final = "The in-distribution images are"
RESTS: Final = "The number rests on these images: easier ones lower it."
SURPRISING: Final = 0.001
"""Images are out of line if so large a difference were rarer by chance."""
FOLDER: Final = Path(__file__).with_name("references")


def read_references() -> list[ReportCard]:
    """Read the cards that come with neatfool: the standard budget, made by ``neatfool audit``."""
    return [
        ReportCard.model_validate_json(file.read_text(encoding="utf-8"))
        for file in sorted(FOLDER.glob("*.json"))
    ]


def read_card(file: Path) -> ReportCard:
    """Read a card that ``neatfool audit`` wrote.

    Raises:
        ExperimentError: It cannot be read, or is of another version.
    """
    try:
        return ReportCard.model_validate(read_json(file))
    except (OSError, ValueError) as error:
        raise ExperimentError(
            f"{file}: is no card of this version; write one with neatfool audit EXPERIMENT --json"
        ) from error


def compare_with_known(card: ReportCard, references: Sequence[ReportCard]) -> list[str]:
    """Say how a card compares with those that it may be compared with, of as many images."""
    found = []
    for other in references:
        own = {(e.acceptance.in_distribution or "").endswith(OWN) for e in (card, other)}
        alike = card.images == other.images and len(own) == 1 and not list_differences(card, other)
        if card.fooled and other.fooled and alike:
            ours, theirs = card.fooled.by_seed, other.fooled.by_seed
            verdict = "about as easily fooled as"
            if min(ours) > max(theirs) or max(ours) < min(theirs):
                verdict = f"{'more' if min(ours) > max(theirs) else 'less'} easily fooled than"
            found.append(f"{verdict} {other.name} ({other.fooled.share.as_share()})")
    return found


def list_differences(card: ReportCard, other: ReportCard) -> list[str]:
    """Say in what two audits differ: in search, classes and calibration."""
    ours, theirs = card.classifier.classes, other.classifier.classes
    found = [f"{ours:,} classes and not {theirs:,}"] if ours != theirs else []
    here, there = (_temperature(each) for each in (card, other))
    found += [f"{here} and not {there}"] if here != there else []
    return found + [
        f"{name} = {_in_words(ours)} and not {_in_words(theirs)}"
        for name, ours, theirs in differences(card.search, other.search)
    ]


def check_known_images(
    card: ReportCard, others: Sequence[ReportCard], accuracy: float | None = None
) -> Iterator[str]:
    """Say in what in-distribution images differ from those of other audits, and from ``accuracy``.

    A network is compared with itself, so that only images can differ: by the share that it names
    rightly (Fisher's exact test), and by its confidences (Kolmogorov and Smirnov's). Of any
    network's images it is told if some of those of another audit are left out.
    """
    from scipy.stats import binomtest

    ours = _known(card)
    if ours is None:
        return
    for other in others:
        theirs, found = _known(other), list[str]()
        if theirs and card.classifier.fingerprint == other.classifier.fingerprint:
            found += _differ_in_known(ours, theirs)
        if card.known and other.known:
            both = {*card.known.images} & {*other.known.images}
            if 2 * len(both) > card.known.number and len(both) < other.known.number:
                found.append(f"{other.known.number - len(both):,} of these were left out")
        if theirs and found:
            usual = f"the usual {theirs.images:,} of {other.name}"
            yield f"{CHOSEN} out of line with {usual}: {'; '.join(found)}. {RESTS}"
    if accuracy is not None and ours.right is not None:
        right = round(ours.right * ours.images)
        if binomtest(right, ours.images, accuracy).pvalue < SURPRISING:
            said = f"it names {share(ours.right, 1)} of them rightly, and [about] says"
            yield f"{CHOSEN} out of line with its accuracy: {said} {share(accuracy, 1)}. {RESTS}"


def _differ_in_known(ours: KindAcceptance, theirs: KindAcceptance) -> Iterator[str]:
    from scipy.stats import fisher_exact, kstwobign

    if ours.right is not None and theirs.right is not None:
        both = [
            (round(e.right * e.images), e.images) for e in (ours, theirs) if e.right is not None
        ]
        if fisher_exact([(part, all_ - part) for part, all_ in both]).pvalue < SURPRISING:
            yield f"it names {share(ours.right, 1)} rightly and not {share(theirs.right, 1)}"
    gap = np.abs(np.array(ours.curve) - theirs.curve).max()
    number = ours.images * theirs.images / (ours.images + theirs.images)
    if kstwobign.sf(gap * np.sqrt(number)) < SURPRISING:
        yield f"its median confidence is {percent(ours.median)} and not {percent(theirs.median)}"


def _known(card: ReportCard) -> KindAcceptance | None:
    return next((each for each in card.acceptance.kinds if each.group == KNOWN), None)


def _temperature(card: ReportCard) -> str:
    """Say at which confidence a card was matched: equal ones are of one calibration."""
    if card.temperature == 1:
        return "its own calibration"
    known = _known(card)
    confidence = "unknown" if known is None else level(round(known.median, 2))
    return f"a temperature that makes in-distribution images {confidence} sure (median)"


def _in_words(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _differ_in_setting(card: ReportCard, baseline: ReportCard) -> Iterator[str]:
    """Say in what two audits differ in all: also in budget, thresholds and images."""
    yield from list_differences(card, baseline)
    if card.images != baseline.images:
        yield f"{card.images:,} images with each seed and not {baseline.images:,}"
    ours, theirs = (each.acceptance.at("yours") for each in (card, baseline))
    if ours and theirs and (ours.log_odds, ours.by_class) != (theirs.log_odds, theirs.by_class):
        yield f"a threshold of {ours} and not {theirs}"
    here, there = (each.acceptance.in_distribution for each in (card, baseline))
    if here != there:
        yield f"{here or 'no in-distribution images'} and not {there or 'none'}"
    elif card.known and baseline.known and card.known.sha256 != baseline.known.sha256:
        yield "in-distribution images that are not the same (their hashes differ)"


def compare_versions(card: ReportCard, baseline: ReportCard) -> VersionComparison:
    """Compare a card with that of another version of the classifier."""
    from scipy.stats import binomtest, false_discovery_control, fisher_exact

    both = [(name, _fooled(card, name), _fooled(baseline, name)) for name in ("yours", "usual")]
    name, here, there = next((each for each in both if each[1] and each[2]), ("", {}, {}))
    common = [each for each in here if each in there]
    if not common:
        raise ExperimentError(
            f"--against {baseline.name}: the two cards have no threshold of one kind, or no class "
            "in common; give --in-distribution or --operating-point to both audits"
        )
    counts = [[(sum(seeds[n]), len(seeds[n])) for seeds in (here, there)] for n in common]
    tests = [fisher_exact([(part, all_ - part) for part, all_ in each]).pvalue for each in counts]
    beyond = false_discovery_control(tests) < LEVEL
    changes = []
    worse = better = 0
    for label, (ours, theirs), p, sure in zip(common, counts, tests, beyond, strict=True):
        more = (2 * ours[0] > ours[1]) - (2 * theirs[0] > theirs[1])
        worse, better = worse + (more > 0), better + (more < 0)
        if more or sure:
            way: Verdict = "worse" if ours[0] * theirs[1] > theirs[0] * ours[1] else "better"
            verdict: Verdict = way if sure else "within chance"
            changes.append(ClassChange(name=label, seeds=(ours, theirs), p=p, verdict=verdict))
    one, other = (Shares.of(np.mean([seeds[n] for n in common], axis=0)) for seeds in (here, there))
    p = float(binomtest(worse, worse + better).pvalue) if worse + better else 1.0
    differs = [*_differ_in_setting(card, baseline)]
    verdict = "not comparable" if differs else "within chance"
    if not differs and p < LEVEL and (one.lowest > other.highest or one.highest < other.lowest):
        verdict = "worse" if worse > better else "better"
    return VersionComparison(
        baseline=baseline.name,
        threshold=name,
        classes=len(common),
        ours=one,
        theirs=other,
        better=better,
        worse=worse,
        p=p,
        verdict=verdict,
        changes=sorted(changes, key=lambda each: (each.p, each.name)),
        differs=differs,
    )


def _fooled(card: ReportCard, name: str) -> dict[str, list[bool]]:
    """Say which classes are fooled at a threshold, by seed; of the usual, those that count."""
    threshold = card.acceptance.at(name)
    if threshold is None:
        return {}
    least = threshold.log_odds
    return {
        each.name: [odds is not None and odds >= least for odds in each.log_odds]
        if least is not None
        else each.accepted
        for each in card.classes
        if each.reached or name != "usual"
    }
