"""Cards of known networks, and what is said of another card beside them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from .card import ReportCard

OWN: Final = "(the target's own)"
"""How :attr:`Acceptance.in_distribution` ends if nobody named images."""
FOLDER: Final = Path(__file__).with_name("references")


def read_references() -> list[ReportCard]:
    """Read the cards that come with neatfool: the standard budget, made by ``neatfool audit``."""
    return [
        ReportCard.model_validate_json(file.read_text(encoding="utf-8"))
        for file in sorted(FOLDER.glob("*.json"))
    ]


def compare_with_known(card: ReportCard, references: Sequence[ReportCard]) -> list[str]:
    """Say how a card compares with those of the same search, budget, classes and temperature."""
    found = []
    for other in references:
        if card.fooled and other.fooled and _settings(card) == _settings(other):
            ours, theirs = card.fooled.by_seed, other.fooled.by_seed
            verdict = "about as easily fooled as"
            if min(ours) > max(theirs) or max(ours) < min(theirs):
                verdict = f"{'more' if min(ours) > max(theirs) else 'less'} easily fooled than"
            found.append(f"{verdict} {other.name} ({other.fooled.share.as_share()})")
    return found


def _settings(card: ReportCard) -> dict[str, object]:
    return {
        "search": card.search,
        "images": card.images,
        "classes": card.classifier.classes,
        "temperature": card.classifier.options.get("logit_temperature", 1),
        "own images": (card.acceptance.in_distribution or "").endswith(OWN),
    }


def check_known_images(card: ReportCard, others: Sequence[ReportCard]) -> Iterator[str]:
    """Say which cards have in-distribution images of which this one leaves some out."""
    for other in others:
        if card.known and other.known:
            both = {*card.known.images} & {*other.known.images}
            missing = other.known.number - len(both)
            if missing and 2 * len(both) > card.known.number:
                yield (
                    f"The in-distribution images are {len(both):,} of the {other.known.number:,} "
                    f"of {other.name}: {missing:,} of these were left out. Leaving out those that "
                    "the network is least sure of lowers the share of classes that are fooled."
                )
