"""Cards of known networks and of earlier versions, and another card beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from neatfool.analysis.card import Beside, Card
from neatfool.analysis.estimates import Shares
from neatfool.analysis.versus import LEVEL, Change, Verdict, Versus
from neatfool.errors import ExperimentError
from neatfool.experiment.differences import differences
from neatfool.files import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.analysis.card import Moment

OWN: Final = "(the target's own)"
"""How :attr:`Acceptance.in_distribution` ends if nobody named images."""
FOLDER: Final = Path(__file__).with_name("references")


def read_references() -> list[Card]:
    """Read the cards that come with neatfool: the standard budget, made by ``neatfool audit``."""
    return [
        Card.model_validate_json(file.read_text(encoding="utf-8"))
        for file in sorted(FOLDER.glob("*.json"))
    ]


def read_card(file: Path) -> Card:
    """Read a card that ``neatfool audit`` wrote.

    Raises:
        ExperimentError: It cannot be read, or is of another version.
    """
    try:
        return Card.model_validate(read_json(file))
    except (OSError, ValueError) as error:
        raise ExperimentError(
            f"{file}: is no card of this version; write one with neatfool audit EXPERIMENT --json"
        ) from error


def put_beside(card: Card, references: Sequence[Card]) -> list[Beside]:
    """Compare a card with others, each at the largest number of images that both came to.

    A search depends on its length only by its beginning, which :func:`differ` sees, so a longer one
    says what a shorter one would.
    """
    beside = []
    for other in references:
        images = min(card.images, other.images)
        ours, theirs = _at(card.course, images), _at(other.course, images)
        if ours is None or theirs is None:
            continue
        beside.append(
            Beside(
                name=other.name,
                images=images,
                seeds=len(other.seeds),
                ours=ours.fooled,
                theirs=theirs.fooled,
                lowest=theirs.fooled_lowest,
                highest=theirs.fooled_highest,
                differs=[
                    *_other_images(card, other),
                    *differ(card, other),
                ],
            )
        )
    return sorted(beside, key=lambda each: (bool(each.differs), -(each.theirs or 0)))


def _other_images(card: Card, other: Card) -> list[str]:
    here, there = (each.acceptance.in_distribution or "" for each in (card, other))
    if card.fooled is None:
        return ["no in-distribution images"]
    return ["other in-distribution images"] if here.endswith(OWN) != there.endswith(OWN) else []


def _at(course: Sequence[Moment], images: int) -> Moment | None:
    return next((moment for moment in reversed(course) if moment.images <= images), None)


def differ_in_setting(card: Card, baseline: Card) -> list[str]:
    """Say in what two audits differ: as :func:`differ`, and in budget, thresholds and images."""
    found = differ(card, baseline)
    if card.images != baseline.images:
        found.append(f"{card.images:,} images with each seed and not {baseline.images:,}")
    ours, theirs = (each.acceptance.at("yours") for each in (card, baseline))
    if ours and theirs and (ours.log_odds, ours.by_class) != (theirs.log_odds, theirs.by_class):
        found.append(f"a threshold of {ours} and not {theirs}")
    here, there = (each.acceptance.in_distribution for each in (card, baseline))
    if here != there:
        found.append(f"{here or 'no in-distribution images'} and not {there or 'none'}")
    return found


def differ(card: Card, other: Card) -> list[str]:
    """Say in what two audits differ."""
    found = [
        f"{name} = {_in_words(here)} and not {_in_words(there)}"
        for name, here, there in differences(card.search, other.search)
    ]
    if card.classifier.classes != other.classifier.classes:
        ours, theirs = card.classifier.classes, other.classifier.classes
        found.insert(0, f"{ours:,} classes and not {theirs:,}")
    return found


def _in_words(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def compare_versions(card: Card, baseline: Card, differs: Sequence[str]) -> Versus:
    """Compare a card with that of another version of the classifier.

    Args:
        card: The card.
        baseline: The other one.
        differs: In what the two audits differ, other than the version.

    Raises:
        ExperimentError: They have no threshold of the same kind, or no class in common.
    """
    from scipy.stats import binomtest, false_discovery_control, fisher_exact

    both = [(name, _fooled(card, name), _fooled(baseline, name)) for name in ("yours", "usual")]
    name, here, there = next((each for each in both if each[1] and each[2]), ("", {}, {}))
    common = [each for each in here if each in there]
    if not common:
        raise ExperimentError(
            f"--against {baseline.name}: the two cards have no threshold of one kind, or no class "
            "in common; give --in-distribution or --operating-point to both audits"
        )
    counts = [
        ((sum(x), len(x)), (sum(y), len(y))) for n in common for x, y in [(here[n], there[n])]
    ]
    tests = [
        float(fisher_exact([(part, whole - part) for part, whole in each]).pvalue)
        for each in counts
    ]
    told = false_discovery_control(tests) < LEVEL
    changes = []
    worse = better = 0
    for label, (ours, theirs), p, sure in zip(common, counts, tests, told, strict=True):
        more = (2 * ours[0] > ours[1]) - (2 * theirs[0] > theirs[1])
        worse, better = worse + (more > 0), better + (more < 0)
        if more or sure:
            way: Verdict = "worse" if ours[0] * theirs[1] > theirs[0] * ours[1] else "better"
            verdict: Verdict = way if sure else "within chance"
            changes.append(Change(name=label, seeds=(ours, theirs), p=p, verdict=verdict))
    one, other = (
        Shares.of(sum(column) / len(common) for column in zip(*rows, strict=True))
        for rows in ([here[n] for n in common], [there[n] for n in common])
    )
    p = float(binomtest(worse, worse + better).pvalue) if worse + better else 1.0
    verdict = "not comparable" if differs else "within chance"
    if not differs and p < LEVEL and (one.lowest > other.highest or one.highest < other.lowest):
        verdict = "worse" if worse > better else "better"
    return Versus(
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
        differs=[*differs],
    )


def _fooled(card: Card, name: str) -> dict[str, list[bool]]:
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
