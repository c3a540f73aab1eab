"""Cards of known networks, and what is said of another card beside them."""

from collections.abc import Sequence
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
