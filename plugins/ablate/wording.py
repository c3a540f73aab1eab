"""Ablations in words and figures, for the terminal and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import percent, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .ablation import Ablation, Ablations, Repeats
    from .asking import Score
    from .periods import Repetition

MATTERS: Final = 0.1
"""A part matters if more than this share of the confidence is lost without it."""
NONE: Final = "-"
FEW: Final = 50
WITHOUT_COPY: Final = "kept without a copy"
WITH_HALF: Final = "kept with half of the copies"
WITH_ONE: Final = "kept with one copy"
WITH_MIRRORED: Final = "kept with a mirrored part"
WITHOUT_TILE: Final = "kept without a tile"
TILES: Final = "tiles that matter"
NODES: Final = "nodes that matter"
CONNECTIONS: Final = "connections that matter"
SUFFICE: Final = "connections that suffice"
"""The measures: shares of the confidence that stay, and shares of parts."""
_MIRRORS: Final = {
    ("rows",): "upper and lower half",
    ("columns",): "left and right half",
    ("rows", "columns"): "four quarters",
}


def name_of(told: Ablations) -> str:
    """Name the run: ``"imagenet, seed 1"``."""
    return f"{told.run.name}, seed {told.run.seed}"


def subject(told: Ablations) -> str:
    """Say what was looked at."""
    count = f"{len(told.items):,}" + (
        f" of {len(told.run):,}" if len(told.items) < len(told.run) else ""
    )
    return (
        f"{name_of(told)}, after {told.run.evaluations:,} images: {count} "
        f"elite{'s' * (len(told.run) != 1)}, scored by "
        f"{'its own target' if told.own else told.target}"
    )


def how_often(repetition: Repetition | None, copies: int) -> str:
    """Say how an image repeats itself: ``"3 copies, 73 pixels apart"``."""
    if repetition is None:
        return "no"
    if repetition.mirrors:
        return _MIRRORS[repetition.mirrors]
    apart = " and ".join(f"{np.hypot(*step):.0f}" for step in repetition.steps)
    return f"{copies} copies, {apart} pixels apart"


def copies_in_short(repeats: Repeats | None) -> str:
    """Say it in a cell of a table: ``"3 x 73"``, ``"mirror 2"``."""
    if repeats is None:
        return "no"
    if repeats.repetition.mirrors:
        return f"mirror {repeats.copies}"
    return f"{repeats.copies} x {np.hypot(*repeats.repetition.steps[0]):.0f}"


def matter(losses: Iterable[float]) -> tuple[int, int]:
    """Count what matters, and all."""
    all_of = [*losses]
    return sum(loss > MATTERS for loss in all_of), len(all_of)


def of_tiles(item: Ablation) -> list[float]:
    """Give the share of the confidence that is lost without each tile."""
    return [item.saved.lost(score) for row in item.tiles for score in row]


def of_nodes(item: Ablation) -> list[float]:
    """Give the share of the confidence that is lost without each node."""
    return [item.graph.drawn.lost(score) for _, score in item.graph.nodes] if item.graph else []


def of_connections(item: Ablation) -> list[float]:
    """Give the share of the confidence that is lost without each connection."""
    if item.graph is None:
        return []
    return [item.graph.drawn.lost(score) for *_, score in item.graph.connections]


HEADS: Final = (
    "confidence",
    "without a tile",
    "with one copy",
    "copies",
    "nodes matter",
    "connections matter",
    "connections suffice",
)


def cells(item: Ablation) -> list[str]:
    """Write an elite's row of the table; see :data:`HEADS`."""
    repeats, graph = item.repeats, item.graph
    of_graph = [NONE] * 3
    if graph:
        of_graph = [
            _of(matter(of_nodes(item))),
            _of(matter(of_connections(item))),
            _of((graph.suffice, len(graph.connections))),
        ]
    return [
        percent(item.saved.confidence),
        percent(item.worst_tile.confidence),
        percent(repeats.best.confidence) if repeats else NONE,
        copies_in_short(repeats),
        *of_graph,
    ]


def _of(counts: tuple[int, int]) -> str:
    return f"{counts[0]}/{counts[1]}"


def by_kind(
    told: Ablations,
) -> tuple[list[tuple[Ablation, Repeats]], list[tuple[Ablation, Repeats]]]:
    """Give the images that repeat themselves by a period, and those that are only mirrored."""
    all_of = [(item, item.repeats) for item in told.items if item.repeats]
    moved = [pair for pair in all_of if not pair[1].repetition.mirrors]
    return moved, [pair for pair in all_of if pair[1].repetition.mirrors]


def figures(told: Ablations) -> list[tuple[str, list[float]]]:
    """Give each measure with its values, one for each elite that has it; all are shares."""
    moved, mirrored = by_kind(told)
    drawn = [item for item in told.items if item.graph]

    def kept(item: Ablation, score: Score) -> float:
        return 1 - item.saved.lost(score)

    def part(counts: tuple[int, int]) -> float:
        return counts[0] / max(counts[1], 1)

    all_of: list[tuple[str, list[float]]] = [
        (WITHOUT_COPY, [kept(item, repeats.most_missed) for item, repeats in moved]),
        (WITH_HALF, [kept(item, repeats.half) for item, repeats in moved]),
        (WITH_ONE, [kept(item, repeats.best) for item, repeats in moved]),
        (WITH_MIRRORED, [kept(item, repeats.best) for item, repeats in mirrored]),
        (
            WITHOUT_TILE,
            [kept(item, item.worst_tile) for item in told.items],
        ),
        (TILES, [part(matter(of_tiles(item))) for item in told.items]),
        (NODES, [part(matter(of_nodes(item))) for item in drawn]),
        (CONNECTIONS, [part(matter(of_connections(item))) for item in drawn]),
        (
            SUFFICE,
            [
                item.graph.suffice / max(len(item.graph.connections), 1)
                for item in drawn
                if item.graph
            ],
        ),
    ]
    return [(name, values) for name, values in all_of if values]


def quartiles(values: Sequence[float]) -> list[str]:
    """Write the lower quartile, the median and the upper quartile of shares."""
    return [share(float(value)) for value in np.quantile(values, (0.25, 0.5, 0.75))]


def headlines(told: Ablations) -> list[str]:
    """Say in a few sentences what came out."""
    found = dict(figures(told))

    def middle(name: str) -> str:
        return share(float(np.median(found[name])))

    moved, mirrored = by_kind(told)
    said = [
        f"Of {len(told.items):,} image{'s' * (len(told.items) != 1)}, {len(moved):,} "
        f"{'repeats itself' if len(moved) == 1 else 'repeat themselves'} by a period."
    ]
    if moved:
        said[0] += (
            f" Without the copy that is missed most, {middle(WITHOUT_COPY)} of the confidence "
            f"stays (the median); with half of the copies {middle(WITH_HALF)}; with the one that "
            f"does best alone {middle(WITH_ONE)}."
        )
    if mirrored:
        said[0] += (
            f" {len(mirrored):,} {'is' if len(mirrored) == 1 else 'are'} only mirrored: with "
            f"the half or quarter that does best alone, {middle(WITH_MIRRORED)} of it stays."
        )
    said.append(
        f"Without the one of {told.tiles**2} tiles that is missed most, {middle(WITHOUT_TILE)} of "
        f"the confidence stays. {middle(TILES)} of the tiles matter."
    )
    if NODES in found:
        said.append(
            f"{middle(NODES)} of the nodes of a network matter, and {middle(CONNECTIONS)} of its "
            f"connections. {middle(SUFFICE)} of the connections suffice for half of the confidence."
        )
    return said


def limits(told: Ablations) -> Iterator[str]:
    """Say what limits the figures."""
    if len(told.items) < FEW:
        yield f"With so few images a median is rough: one is {share(1 / len(told.items))}."
    if not told.own:
        yield "The target is not the one that the images were evolved for."
    if all(item.graph is None for item in told.items):
        yield (
            "The run's encoding draws no networks that can be taken apart, so there are no nodes "
            "and connections to weigh."
        )


def notes(told: Ablations) -> list[str]:
    """Say what to bear in mind."""
    said = [
        "Kept is the share of the confidence that stays: without the copy, or the tile, that is "
        "missed most; with the one copy that does best alone.",
        "What is hidden gets the image's mean colour. An image repeats itself if it looks alike "
        "when it is moved by a period, or mirrored; its copies are then stripes, parallelograms, "
        "halves or quarters of it.",
        f"A part matters if more than {share(MATTERS)} of the confidence is lost without it. A "
        "connection is cut by a weight of 0; a node without it is 0 everywhere.",
        "To find out how many connections suffice, those that matter least are cut first, all at "
        "once: a twentieth, two twentieths, and so on.",
    ]
    if all(item.graph is None for item in told.items):
        said[2:] = [
            f"A part matters if more than {share(MATTERS)} of the confidence is lost without it."
        ]
    return said
