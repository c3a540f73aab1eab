"""A card in words, for the terminal and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool import format_seeds, level, percent, share

from ..detect.wording import title

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from neatfool import Run

    from .card import Asked, Beside, Card, Counts, OfClass, Shares

FEW: Final = 50
"""Fewer images than these give rough shares."""
MOST_DIFFERENCES: Final = 2
CLASSES: Final = "Which classes"
"""The title of the table that the page shows as pictures."""
MEASURES: Final = (
    "The median lies in the middle of the classes: of ten, it is the mean of the fifth and the "
    "sixth. How soon asks for the first half of them: of ten, it is when the fifth had an image."
)


def spread(shares: Shares | None) -> str:
    """Write a share with its range over seeds: ``"97 % (95 to 98 %)"``; ``"-"`` if unknown."""
    if shares is None:
        return "-"
    low, high = share(shares.lowest), share(shares.highest)
    return share(shares.median) + (f" ({low.removesuffix(' %')} to {high})" if low != high else "")


def sure(shares: Shares) -> str:
    """Write a confidence with its range over seeds: ``"38.1 % (36.0 % to 39.9 %)"``."""
    low, high = percent(shares.lowest), percent(shares.highest)
    return percent(shares.median) + (f" ({low} to {high})" if low != high else "")


def counted(counts: Counts) -> str:
    """Write a number of images with its range over seeds."""
    if counts.median is None:
        reached = sum(value is not None for value in counts.by_seed)
        return f"not reached{f' by most seeds (by {reached} it was)' if reached else ''}"
    if counts.lowest == counts.highest:
        return f"{counts.median:,.0f}"
    high = "not reached" if counts.highest is None else f"{counts.highest:,}"
    return f"{counts.median:,.0f} ({counts.lowest:,} to {high})"


def middle(counts: Counts) -> str:
    """Write a number of images without its range."""
    return "not reached" if counts.median is None else f"{counts.median:,.0f}"


def subject(card: Card) -> str:
    """Say what was done to what."""
    classifier = card.classifier
    count, listed = len(card.seeds), format_seeds(card.seeds)
    seeds = f"seed {listed}" if count == 1 else f"each of {count} seeds ({listed})"
    return (
        f"{classifier.name}, {classifier.classes:,} classes, images of "
        f"{classifier.width}x{classifier.height}: {card.images:,} images with {seeds}"
    )


def headline(card: Card) -> str:
    """Say the one number."""
    return (
        f"After {card.images:,} images, the median confidence over classes is {sure(card.median)}: "
        "half of the classes have an image of which the classifier is at least that sure. A search "
        "made these images, and no camera."
    )


def rejected(card: Card) -> str:
    """Say how many images the classifier rejects; empty if it has no class for that."""
    if card.rejected is None:
        return ""
    return (
        f"It rejects {spread(card.rejected)} of the images: it is surest that they show "
        f"{' or '.join(card.classifier.nothing)}, which was not searched."
    )


def verdict(card: Card) -> str:
    """Say how that compares with known networks; empty if it cannot be compared."""
    fair = [each for each in card.beside if not each.differs]
    if not fair:
        return ""
    low, high = card.median.lowest, card.median.highest
    groups: dict[str, list[str]] = {"more": [], "less": [], "about as": []}
    for each in fair:
        if each.images < card.images:
            low = high = each.ours
        way = "more" if low > each.highest else "less" if high < each.lowest else "about as"
        groups[way].append(each.name)
    said = [
        f"{way} easily{' fooled' * (not number)} {'as' if way == 'about as' else 'than'} "
        f"{' and '.join(names)}"
        for number, (way, names) in enumerate((w, n) for w, n in groups.items() if n)
    ]
    return f"It is {', '.join(said)}."


def fell(each: OfClass) -> str:
    """Say how a class fell."""
    when = "never at 50 %" if each.until_half is None else f"50 % after {each.until_half:,.0f}"
    return f"{percent(each.confidence)} ({when})"


def agreement(asked: Asked, photographs: int) -> str:
    """Say how far a network agrees on photographs."""
    return "-" if asked.agreement is None else f"{share(asked.agreement)} of {photographs:,}"


def differing(beside: Beside) -> str:
    """Say whether two audits are comparable, and why not."""
    if not beside.differs:
        return "yes"
    more = len(beside.differs) - MOST_DIFFERENCES
    told = "; ".join(beside.differs[:MOST_DIFFERENCES])
    return f"no: {told}{f'; and {more} more' if more > 0 else ''}"


def checked(card: Card) -> str:
    """Say whether the threshold was kept; empty if there is none."""
    if card.check is None:
        return ""
    found, limit = percent(card.median.median), level(card.check.above)
    if card.check.failed:
        return f"FAILED: the median confidence, {found}, is above {limit}."
    return f"Passed: the median confidence, {found}, is not above {limit}."


def notes(card: Card, chosen: tuple[str, ...], found: list[str]) -> list[str]:
    """Say what to bear in mind."""
    told = [
        "This is a lower bound: a longer or better search fools the classifier at least as well. "
        "Compare it only with audits of the same budget and the same search.",
        MEASURES,
    ]
    if chosen:
        told.append(
            f"The file has no section {' and '.join(f'[{name}]' for name in chosen)}, so the audit "
            "searched in the way that has served best for images of this size."
        )
    if card.search.get("scheme", {}).get("learn"):
        told.append("The search used the classifier's gradients, too.")
    if len(card.seeds) < 3:
        told.append("With fewer than three seeds, the range says little about chance.")
    if card.survival.sample < FEW:
        told.append(
            f"Only {card.survival.sample} images of each run were changed, so the shares are rough."
        )
    if card.transfer is None:
        told.append("Whether the images fool other networks was not asked. Name some with --to.")
    return [*told, *found]


def by_threshold(runs: Sequence[Run]) -> list[str]:
    """Say how many classes came to the confidence from which their user believes the classifier."""
    above = [run.above_threshold for run in runs]
    counts = [each[0] for each in above if each is not None]
    if not counts or above[0] is None:
        return []
    low, high = min(counts), max(counts)
    reached = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return [
        f"{reached} of {above[0][1]:,} classes have an image at or above the confidence from which "
        "you believe the classifier ([target] threshold)."
    ]


def too_short(card: Card, unseen: Collection[str]) -> list[str]:
    """Say which known networks cannot stand beside the card."""
    if not unseen:
        return []
    return [
        f"Not beside it: {', '.join(sorted(unseen))}. What was recorded of them begins after "
        f"{card.images:,} images; try more."
    ]


Rows = list[list[str]]
OF_WORDS: Final = ("resist most", "comparable")
"""The heads of the columns of :func:`tables` that hold words, besides the first of each table."""


def tables(card: Card) -> list[tuple[str, list[str], Rows]]:
    """Give the tables of the card: title, heads and rows."""
    told = [
        (
            "How soon",
            ["half of the classes at", "after so many images"],
            [[level(each.confidence), counted(each.images)] for each in card.until],
        ),
        (
            CLASSES,
            ["fall first", "at the end", "resist most", "at the end"],
            _beside_each_other(card.first, card.last[::-1]),
        ),
        (
            f"What survives (of {card.survival.sample:,} images of each run)",
            ["the images are …", "keep their class", "median confidence"],
            [
                ["as saved", "", sure(card.survival.saved)],
                *(
                    [each.what, spread(each.kept), sure(each.confidence)]
                    for each in card.survival.changes
                ),
            ],
        ),
    ]
    if card.transfer is not None and card.transfer.networks:
        told.append(
            (
                f"What transfers (of {card.transfer.sample:,} images of each run)",
                ["network", "top-1", "median confidence", "agrees on in-distribution images"],
                [
                    [
                        each.label,
                        spread(each.top1),
                        sure(each.confidence),
                        agreement(each, card.transfer.photographs),
                    ]
                    for each in card.transfer.networks
                ],
            )
        )
    if card.defence is not None:
        told.append(
            (
                "What a detector would let pass",
                ["detector", "AUROC", "if 95 % of in-distribution pass", "if 99 % pass"],
                [
                    [
                        f"{each.name}: {title(each.name)}",
                        f"{each.auroc.median:.3f}",
                        spread(each.passing_95),
                        spread(each.passing_99),
                    ]
                    for each in card.defence.detectors
                ],
            )
        )
    if card.beside:
        told.append(
            (
                "Beside known networks",
                ["network", "comparable", "this one's", "its median", "images"],
                [
                    [
                        each.name,
                        differing(each),
                        percent(each.ours),
                        _range(each),
                        f"{each.images:,}",
                    ]
                    for each in card.beside
                ],
            )
        )
    return told


def _beside_each_other(first: list[OfClass], last: list[OfClass]) -> Rows:
    def cells(classes: list[OfClass], place: int) -> list[str]:
        if place >= len(classes):
            return ["", ""]
        return [classes[place].name, fell(classes[place])]

    count = max(len(first), len(last))
    return [[*cells(first, place), *cells(last, place)] for place in range(count)]


def _range(beside: Beside) -> str:
    seeds = f", {beside.seeds} seed{'s' * (beside.seeds != 1)}"
    low, high = percent(beside.lowest), percent(beside.highest)
    return percent(beside.theirs) + (f" ({low} to {high}{seeds})" if low != high else seeds)
