"""The page of a survival: one HTML file with a chart and a strip of pictures for each change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import ExperimentError, encode_png, fit_images, level, percent, share
from neatfool.report import (
    LINE_COLOURS,
    Picture,
    draw_figure,
    embed_png,
    embed_svg,
    label_ends,
    new_axes,
    write_page,
)

from . import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from matplotlib.axes import Axes

    from neatfool import ImageSpec

    from .changes import Change
    from .survival import Survival

SHOWN: Final = 2
"""A single run shows this many of its images, several runs one each."""
LARGEST: Final = 160
"""Pixels of a picture's longer side: sharp on most screens, and a page of 2 MB."""
SMALL: Final = 64
"""Images up to this many pixels are shown with their pixels."""
WIDTH: Final = 520
STROKES: Final = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6)))
"""The fifth run has the colour of the first, in another stroke."""


@dataclass(frozen=True)
class Cell:
    """A picture of a strip.

    Attributes:
        picture: The picture.
        at: The strength, or ``"as saved"``.
        confidence: What the target says of it.
        first: Whether its class has the first place.
    """

    picture: Picture
    at: str
    confidence: str
    first: bool


@dataclass(frozen=True)
class Strip:
    """An image, as it was saved and changed at each strength."""

    name: str
    cells: list[Cell]


def write_survival(survivals: Sequence[Survival], path: Path) -> Path:
    """Write what survived: one HTML file that needs nothing beside it, and no network.

    Raises:
        StorageError: The file cannot be written.
        ExperimentError: The runs' images have different sizes, so they are drawn at other ones.
    """
    if len({tuple(c.strengths for c, _ in survival.curves) for survival in survivals}) > 1:
        raise ExperimentError(
            f"{path}: the runs' images have different sizes, so one chart cannot show how they are "
            "drawn at others; write a page for each, or choose other --kinds"
        )
    return write_page(path, Path(__file__).with_name("page.html.j2"), _content(survivals))


def _content(survivals: Sequence[Survival]) -> dict[str, Any]:
    spec = survivals[0].chosen.run.spec
    several = len(survivals) > 1
    return {
        "words": wording,
        "survivals": survivals,
        "title": " · ".join(dict.fromkeys(each.chosen.run.name for each in survivals)),
        "keys": [key_of(place) if several else "" for place in range(len(survivals))],
        "colours": [colour_of(place) for place in range(len(survivals))],
        "pixelated": max(spec.height, spec.width) <= SMALL,
        "panels": [
            {
                "change": change,
                "curve": embed_svg(curves(survivals, number)),
                "strips": [
                    _strip(survival, number, row)
                    for survival in survivals
                    for row in _examples(survival, 1 if several else SHOWN)
                ],
            }
            for number, (change, _) in enumerate(survivals[0].curves)
        ],
    }


def _examples(survival: Survival, count: int) -> list[int]:
    """Choose images to show: the surest, and one in the middle of the others."""
    order = np.argsort(-survival.saved.confidences, kind="stable")
    return [int(row) for row in dict.fromkeys([order[0], order[len(order) // 2]])][:count]


def _strip(survival: Survival, number: int, row: int) -> Strip:
    chosen = survival.chosen
    change, points = survival.curves[number]
    rows = range(row, row + 1)
    images = [chosen.images[row].float()]
    images += [change.apply(chosen, rows, strength)[0] for strength in change.strengths]
    labels = ["as saved", *map(change.number, change.strengths)]
    cells = [
        Cell(
            _picture(image, chosen.run.spec),
            at,
            percent(float(point.confidences[row])),
            bool(point.first[row]),
        )
        for image, at, point in zip(images, labels, [survival.saved, *points], strict=True)
    ]
    return Strip(chosen.elites[row].name, cells)


def _picture(image: torch.Tensor, spec: ImageSpec) -> Picture:
    return embed_png(encode_png(fit_images(image[None], spec)[0].numpy()), LARGEST)


def key_of(place: int) -> str:
    """Give a run's letter: A to Z, then A2 and so on."""
    letter = chr(ord("A") + place % 26)
    return letter if place < 26 else f"{letter}{place // 26 + 1}"


def colour_of(place: int) -> str:
    """Give a run's colour."""
    return LINE_COLOURS[place % len(LINE_COLOURS)]


def curves(survivals: Sequence[Survival], number: int) -> bytes:
    """Draw a change: of one run both measures, of several the shares, and medians thinly.

    Args:
        survivals: The runs, all with the same changes at the same number of strengths.
        number: Which change.
    """
    several = len(survivals) > 1
    drawn, axes = new_axes(WIDTH, 250, right=104 if several else 148, left=52, bottom=38)
    ends = []
    for place, survival in enumerate(survivals):
        change, points = survival.curves[number]
        line = [survival.saved, *points]
        shares = [1.0, *(point.kept for point in points)]
        medians = [point.median for point in line]
        colour, stroke = colour_of(place), STROKES[place // len(LINE_COLOURS) % len(STROKES)]
        _plot(axes, shares, colour, stroke, 1.95)
        _plot(
            axes, medians, colour if several else LINE_COLOURS[1], stroke, 0.8 if several else 1.95
        )
        if several:
            ends.append((shares[-1], f"{key_of(place)}  {share(shares[-1])}", colour))
        else:
            ends.append((shares[-1], f"class  {share(shares[-1])}", colour))
            ends.append((medians[-1], f"median  {percent(medians[-1])}", LINE_COLOURS[1]))
    axes.set_ylim(-0.02, 1.02)
    ticks = (0, 0.25, 0.5, 0.75, 1)
    axes.set_yticks(ticks, [level(part) for part in ticks])
    change = survivals[0].curves[number][0]
    axes.set_xticks(range(1 + len(change.strengths)), _ticks(change))
    axes.set_xlim(-0.1, len(change.strengths) + 0.1)
    label_ends(axes, ends)
    return draw_figure(drawn)


def _plot(axes: Axes, values: Sequence[float], colour: str, stroke: object, width: float) -> None:
    axes.plot(
        range(len(values)),
        values,
        color=colour,
        linestyle=stroke,
        linewidth=width,
        marker="o",
        markersize=4 if width > 1 else 2.5,
        clip_on=False,
    )


def _ticks(change: Change) -> list[str]:
    return ["as saved", *map(change.number, change.strengths)]
