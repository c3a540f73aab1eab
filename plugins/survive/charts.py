"""The curves of a kind of change: what is left at each strength."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool import level, percent, share
from neatfool.report import LINE_COLOURS, draw_figure, label_ends, new_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from .changes import Change
    from .survival import Survival

WIDTH: Final = 520
STROKES: Final = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6)))
"""The fifth run has the colour of the first, in another stroke."""


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
