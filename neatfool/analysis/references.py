"""Cards of known networks, and another card beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from neatfool.analysis.card import Beside, Card
from neatfool.errors import ExperimentError
from neatfool.experiment.differences import differences
from neatfool.files import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.analysis.card import Moment

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
                medians=(ours.median, theirs.median),
                differs=[
                    *(["no in-distribution images"] if ours.fooled is None else []),
                    *differ(card, other),
                ],
            )
        )
    return sorted(beside, key=lambda each: (bool(each.differs), -(each.theirs or 0)))


def _at(course: Sequence[Moment], images: int) -> Moment | None:
    return next((moment for moment in reversed(course) if moment.images <= images), None)


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
