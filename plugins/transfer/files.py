"""Transfer for programs: JSON, and comma-separated values."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .networks import key_of
from .wording import limits, notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .answers import Seen
    from .networks import Network
    from .transfer import Row, Transfer

_HEADS: Final = (
    "run",
    "seed",
    "class",
    "index",
    "recorded",
    "network",
    "own",
    "shown",
    "their_class",
    "confidence",
    "rank",
    "top1",
    "top5",
)


def to_json(transfer: Transfer) -> dict[str, Any]:
    """Describe which images fool which networks."""
    networks = transfer.networks
    return {
        "networks": [_network(place, each) for place, each in enumerate(networks)],
        "runs": [_run(row, networks) for row in transfer.rows],
        "photographs": _photographs(transfer),
        "notes": [*limits(transfer), *notes(transfer)],
    }


def _network(place: int, network: Network) -> dict[str, Any]:
    spec = network.spec
    return {
        "key": key_of(place),
        "label": network.label,
        "target": network.scorer.name,
        "options": network.options,
        "fingerprint": network.scorer.fingerprint,
        "experiment": None if network.experiment is None else str(network.experiment),
        "runs": [str(run.path) for run in network.runs],
        "height": spec.height,
        "width": spec.width,
        "channels": spec.channels,
        "classes": len(spec.classes),
    }


def _run(row: Row, networks: list[Network]) -> dict[str, Any]:
    return {
        "path": str(row.run.path),
        "name": row.run.name,
        "seed": row.run.seed,
        "evaluations": row.run.evaluations,
        "elites": len(row.elites),
        "elites_of_run": len(row.run),
        "own": None if row.own is None else key_of(row.own),
        "others": len(row.others),
        "fool_any_other": _known(row.fooling_any) if row.others else None,
        "fool_all_others": _known(row.fooling_all) if row.others else None,
        "networks": [
            {
                "key": key_of(place),
                "shown": how,
                **_figures(seen),
                "classes_not_found": row.unknown(place),
            }
            for place, (how, seen) in enumerate(zip(row.how, row.seen, strict=True))
        ],
        "classes": [
            {
                "name": elite.name,
                "index": elite.index,
                "recorded": elite.confidence,
                "networks": [
                    {
                        "key": key_of(place),
                        "class": _their_class(networks[place], seen, number),
                        "confidence": _known(seen.confidences[number]),
                        "rank": _whole(seen.ranks[number]),
                    }
                    for place, seen in enumerate(row.seen)
                ],
            }
            for number, elite in enumerate(row.elites)
        ],
    }


def _figures(seen: Seen) -> dict[str, Any]:
    low, middle, high = seen.quartiles
    return {
        "images": seen.count,
        "top1": _known(seen.share(1)),
        "top5": _known(seen.share(5)),
        "median": _known(middle),
        "lower_quartile": _known(low),
        "upper_quartile": _known(high),
        "median_rank": _whole(seen.median_rank),
    }


def _photographs(transfer: Transfer) -> dict[str, Any] | None:
    told = transfer.photographs
    if told is None:
        return None
    return {
        "from": told.source,
        "number": len(told.names),
        "agreement": [
            {"first_of": key_of(place), "key": key_of(other), **_figures(seen)}
            for place, row in enumerate(told.seen)
            for other, seen in enumerate(row)
        ],
    }


def to_csv(transfer: Transfer) -> str:
    """Write a row for each image and network."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADS)
    for row in transfer.rows:
        writer.writerows(_rows(row, transfer.networks))
    return text.getvalue()


def _rows(row: Row, networks: list[Network]) -> Iterator[tuple[object, ...]]:
    for number, elite in enumerate(row.elites):
        image = (str(row.run.path), row.run.seed, elite.name, elite.index, elite.confidence)
        for place, seen in enumerate(row.seen):
            known = bool(seen.known[number])
            yield (
                *image,
                networks[place].label,
                int(place == row.own),
                row.how[place],
                _their_class(networks[place], seen, number) or "",
                float(seen.confidences[number]) if known else "",
                _whole(seen.ranks[number]) or "",
                int(seen.among(1)[number]) if known else "",
                int(seen.among(5)[number]) if known else "",
            )


def _their_class(network: Network, seen: Seen, number: int) -> str | None:
    column = seen.columns[number]
    return None if column is None else network.spec.classes[column]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)
