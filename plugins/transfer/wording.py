"""Transfer in words, for the terminal and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import percent, share

from .networks import key_of, options_that_differ
from .transfer import DRAWN, RESIZED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .answers import Seen
    from .networks import Network
    from .transfer import Row, Transfer

MEASURES: Final = ("in first place", "among first five", "median confidence", "median rank")
IN_SHORT: Final = ("first", "first five", "median", "rank")
"""The same for narrow columns."""
UNKNOWN: Final = "-"
NAMED: Final = 3
"""So many of the classes that a network does not have are named, as examples."""
FEW: Final = 50
"""Of fewer images, one is more than 2 %."""
LONGEST: Final = 60
"""An option of more characters, such as a list of class names, does not tell who is who."""


def place_of(rank: float) -> str:
    """Write a rank: ``"1,000"``."""
    return UNKNOWN if np.isnan(rank) else f"{rank:,.0f}"


def measures(seen: Seen) -> list[str]:
    """Write all measures of some images, in the order of :data:`MEASURES`."""
    if not seen.count:
        return [UNKNOWN] * len(MEASURES)
    return [
        share(seen.share(1)),
        share(seen.share(5)),
        percent(seen.quartiles[1]),
        place_of(seen.median_rank),
    ]


def one(seen: Seen, row: int) -> str:
    """Write what a network says of one image: ``"97.1 %"``, with its rank if that is not 1."""
    if not seen.known[row]:
        return UNKNOWN
    rank = seen.ranks[row]
    place = "" if rank == 1 else f" ({'none' if np.isnan(rank) else f'{rank:,.0f}'})"
    return f"{percent(float(seen.confidences[row]))}{place}"


def name_of(row: Row) -> str:
    """Name a run: ``"imagenet, seed 1"``."""
    return f"{row.run.name}, seed {row.run.seed}"


def subject(row: Row) -> str:
    """Say which images were looked at."""
    count = f"{len(row.elites):,}" + (
        f" of {len(row.run):,}" if len(row.elites) < len(row.run) else ""
    )
    return (
        f"{name_of(row)}, after {row.run.evaluations:,} images: {count} "
        f"elite{'s' * (len(row.elites) != 1)}"
    )


def describe(network: Network, options: dict[str, object]) -> str:
    """Describe a network in a line: its target, options, size and classes."""
    told = [text for each in options.items() if len(text := " = ".join(map(str, each))) < LONGEST]
    spec = network.spec
    return ", ".join(
        [
            str(network.options["plugin"]),
            *told,
            f"images of {network.size}{' in grey' * (spec.channels == 1)}",
            f"{len(spec.classes):,} classes",
        ]
    )


def descriptions(transfer: Transfer) -> list[tuple[str, str, str]]:
    """Give each network's letter, its label, and its description."""
    return [
        (key_of(place), network.label, describe(network, options))
        for place, (network, options) in enumerate(
            zip(transfer.networks, options_that_differ(transfer.networks), strict=True)
        )
    ]


def headline(row: Row, networks: int) -> str:
    """Say in a sentence how many of a run's images fool others of the so many networks."""
    if not row.others and networks > 1:
        return f"{name_of(row)}: no other network has one of its classes."
    if not row.others:
        first = int(row.seen[0].among(1).sum())
        return (
            f"{name_of(row)}: {first:,} of {len(row.elites):,} images have their class in the "
            "first place on the network that they were evolved for."
        )
    said = f"{name_of(row)}: {share(row.fooling_any)} of its images fool "
    if len(row.others) == 1:
        return f"{said}the other network."
    return (
        f"{said}at least one of {len(row.others)} other networks, {share(row.fooling_all)} fool "
        "all of them."
    )


def agreement(transfer: Transfer) -> str:
    """Say in a sentence how far the networks agree on images that they know."""
    told = transfer.photographs
    if told is None or len(transfer.networks) < 2:
        return ""
    shares = [
        seen.share(1)
        for place, row in enumerate(told.seen)
        for other, seen in enumerate(row)
        if place != other and seen.count
    ]
    count = len(told.names)
    if not shares:
        return "On in-distribution images, no two networks can be compared: they share no classes."
    if count < FEW:
        return (
            f"How far the networks agree, {count:,} in-distribution images ({told.source}) hardly "
            "tell."
        )
    low, high = share(min(shares)), share(max(shares))
    return (
        f"On {count:,} in-distribution images ({told.source}), two networks name the same class "
        f"first in {low if low == high else f'{low} to {high}'} of the cases."
    )


def limits(transfer: Transfer) -> list[str]:
    """Say what limits the figures."""
    told = [*transfer.notes, *_sizes(transfer), *_unknown(transfer)]
    if len(transfer.networks) < 2:
        told.append(
            "No other network was asked, so this tells nothing of transfer. Name one with --to "
            "EXPERIMENT."
        )
    elif transfer.photographs is None:
        told.append(
            "No target offers in-distribution images, so there is nothing to read the figures by. "
            "Give some with --photographs FOLDER."
        )
    if few := [name_of(row) for row in transfer.rows if len(row.elites) < FEW]:
        told.append(f"There are few images of {' and '.join(few)}, so the shares are rough.")
    return told


def notes(transfer: Transfer) -> list[str]:
    """Say what to bear in mind."""
    told = [
        "An image fools a network if the class that it was evolved for is in the first place there."
    ]
    if transfer.photographs is not None and len(transfer.networks) > 1:
        told.append(
            "In-distribution images are such as photographs or digits that a network was made "
            "for. The class that the network of the row has in the first place takes the place of "
            "the class that an image was evolved for."
        )
    return told


def _sizes(transfer: Transfer) -> list[str]:
    """Say which networks were shown other images than the saved ones."""
    told = []
    for how, words in (
        (DRAWN, "Images were drawn anew at the size of"),
        (RESIZED, "Images were resized, not drawn anew, for"),
    ):
        places = [
            place
            for place in range(len(transfer.networks))
            if any(row.how[place] == how for row in transfer.rows)
        ]
        if places:
            listed = [f"{key_of(place)} ({transfer.networks[place].size})" for place in places]
            told.append(f"{words} {', '.join(listed)}.")
    return told


def _unknown(transfer: Transfer) -> list[str]:
    """Say which classes a network does not have."""
    told = []
    for place, network in enumerate(transfer.networks):
        for row in transfer.rows:
            if missing := row.unknown(place):
                examples = ", ".join(map(repr, missing[:NAMED]))
                told.append(
                    f"{key_of(place)} {network.label} has no class of the name of {len(missing):,} "
                    f"of {len(row.elites):,} images of {name_of(row)} ({examples}"
                    f"{', …' * (len(missing) > NAMED)}); these are left out there."
                )
    return told


def order(row: Row) -> list[int]:
    """Order a run's images: those that fool the most other networks first, then the surest."""
    sure = np.zeros(len(row.elites))
    for place in row.others:
        sure += np.nan_to_num(row.seen[place].confidences)
    return [int(place) for place in np.lexsort((-sure, -row.fooled))]


def pick(places: Sequence[int], most: int) -> list[int]:
    """Pick the first and the last of an order, two thirds and one third, if it is too long."""
    if len(places) <= most:
        return [*places]
    return [*places[: most - most // 3], *places[len(places) - most // 3 :]]
