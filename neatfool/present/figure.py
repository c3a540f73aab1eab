"""The palette, axes that look alike, the confidence scale, labels, and figures as bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal
from warnings import catch_warnings, filterwarnings

import numpy as np

from neatfool.machine import ignore_working_folder
from neatfool.wording import four_digits, level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

ignore_working_folder()  # of which matplotlib would read settings

PIXELS_PER_INCH: Final = 96
"""An inch has this many CSS pixels; matplotlib measures figures in inches."""
POINT: Final = 72 / PIXELS_PER_INCH
"""A CSS pixel in points, in which matplotlib measures lines and letters."""

SURFACE: Final = "#fffffe"
INK: Final = "#1b1f26"
MUTED: Final = "#626b78"
RULE: Final = "#dcdfe5"
DISABLED: Final = "#9aa2ae"
POSITIVE: Final = "#2b7bba"
NEGATIVE: Final = "#e0752d"
LINE_COLOURS: Final = (
    *("#0b6fa4", "#b85218", "#1a7f5a", "#9b3a7d"),
    *("#8a6d00", "#3d4654", "#c93a5b", "#1b7f8a"),
)
"""Blue, orange, green, purple, gold, slate, crimson and teal, of different lightness; lines have
strokes, too, for colour-blind readers. Each is a colour of texts, with a contrast of 4.5."""

_LIGHT: Final = (SURFACE, INK, MUTED, RULE, DISABLED, POSITIVE, NEGATIVE, *LINE_COLOURS)
_ON_DARK: Final = (
    *("#1a1d23", "#eceef2", "#9aa4b2", "#343a44", "#6b7482", "#5aaef0", "#f2935a"),
    *("#57b6ee", "#f0915a", "#4cc79a", "#e089c4", "#d9b62e", "#b7c0cc", "#f4839c", "#6fd3dd"),
)
_DARK: Final = dict(zip(_LIGHT, _ON_DARK, strict=True))
_COLOUR = re.compile("|".join(_DARK))
_METADATA = re.compile(rb"(?<! ) *+<metadata>.*?</metadata>\n", re.DOTALL)
_GROUP = re.compile(rb'(?<! ) *+<g id="(?:patch|text)_\d+">\n(.*?)(?<! ) *+</g>\n', re.DOTALL)
_TAG = re.compile(rb"<[^>]*>")
_LONG_NUMBER = re.compile(rb"-?\b\d+\.\d{3,}\b")
_FONT = re.compile(rb"'DejaVu Sans'[^;\"]*")
_READERS_FONT = b"system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"


def new_figure(width: float, height: float, background: str | None = None) -> Figure:
    """Make an empty figure of a size in CSS pixels, transparent unless ``background`` is given."""
    from matplotlib.figure import Figure

    size = (width / PIXELS_PER_INCH, height / PIXELS_PER_INCH)
    return Figure(figsize=size, facecolor=background or "none")


def draw_figure(
    figure: Figure,
    *,
    format: Literal["svg", "png"] = "svg",  # noqa: A002 - matplotlib's word
    zoom: float = 1.0,
) -> bytes:
    """Draw a matplotlib figure; equal figures give equal bytes.

    Args:
        figure: The figure, of :func:`new_axes` say.
        format: ``"svg"`` (text stays text) or ``"png"``.
        zoom: PNG pixels for a CSS pixel; in an SVG those of the rasters in it.
    """
    from matplotlib import rc_context

    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "neatfool", "svg.fonttype": "none"}), catch_warnings():
        filterwarnings("ignore", "Glyph .* missing")  # in an SVG the reader's typeface has it
        metadata = {"Date": None} if format == "svg" else {"Software": None}
        figure.savefig(buffer, format=format, dpi=PIXELS_PER_INCH * zoom, metadata=metadata)
    return compact(buffer.getvalue()) if format == "svg" else buffer.getvalue()


def compact(svg: bytes) -> bytes:
    """Round to hundredths of a point, drop metadata and groups, and use the reader's typeface."""
    svg = _GROUP.sub(rb"\1", _FONT.sub(_READERS_FONT, _METADATA.sub(b"", svg)))
    rounded = partial(_LONG_NUMBER.sub, lambda number: b"%g" % round(float(number[0]), 2))
    return _TAG.sub(lambda tag: rounded(tag[0]), svg)


def for_page(svg: bytes) -> str:
    """Let an SVG follow the reader's light or dark scheme, by variables that a media query sets."""
    names = {colour: f"--c{number}" for number, colour in enumerate(_DARK)}
    light = "".join(f"{names[colour]}:{colour};" for colour in _DARK)
    dark = "".join(f"{names[colour]}:{_DARK[colour]};" for colour in _DARK)
    rules = f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    text = _COLOUR.sub(lambda match: f"var({names[match[0]]})", svg.decode())
    return text.replace("</style>", rules + "</style>", 1)


LOWEST, HIGHEST = 1e-4, 1 - 1e-7
"""Confidences outside are drawn at the edge, because an axis of log-odds has no end."""
TICKS: Final = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
MOST_TICKS: Final = 16
SUREST_TICKS: Final = (16, 20, 25, 30, 40, 50, 60, 80, 100)
"""Log-odds, which follow the ticks: nobody can count so many nines of a percentage."""


def new_axes(
    width: float,
    height: float,
    *,
    right: float,
    left: float = 62,
    top: float = 16,
    bottom: float = 50,
) -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes that look like the report's.

    Args:
        width: CSS pixels of the figure.
        height: CSS pixels of the figure.
        right: CSS pixels right of the axes, where :func:`label_ends` writes.
        left: CSS pixels left of the axes, for the labels of the ticks.
        top: CSS pixels above the axes.
        bottom: CSS pixels below the axes.
    """
    drawn = new_figure(width, height, SURFACE)
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    axes = drawn.add_axes(box, facecolor=SURFACE)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(axis="both", labelsize=13 * POINT, labelcolor=MUTED, length=0, pad=6)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    return drawn, axes


def decimal_odds(confidences: ArrayLike) -> np.ndarray:
    """Turn confidences into decimal log-odds within the axis; NaN stays NaN."""
    p = np.clip(np.asarray(confidences, dtype=float), LOWEST, HIGHEST)
    odds: np.ndarray = np.log10(p / (1 - p))
    return odds


def label_confidences(axes: Axes, lowest: float, highest: float) -> None:
    """Label decimal log-odds, from the lowest to the highest, with confidences in per cent."""
    at, names = ticks_around(lowest, highest)
    axes.set_yticks(at, names)
    room = 0.05 * max(1.0, highest - lowest)
    axes.set_ylim(min(at[0], lowest - room), max(at[-1], highest + room))


def ticks_around(lowest: float, highest: float) -> tuple[list[float], list[str]]:
    """Choose ticks around two decimal log-odds, with the next below and above: at least two.

    Args:
        lowest: The lowest decimal log-odds that are shown.
        highest: The highest ones. Above what a confidence in float32 can tell, ticks are log-odds.

    Returns:
        Their decimal log-odds, and their labels: ``"99.99 %"``, ``"log-odds 20"``.
    """
    at, names = decimal_odds(TICKS), [*map(level, TICKS)]
    if highest > decimal_odds(1):
        at = np.append(at, np.array(SUREST_TICKS) / np.log(10))
        names += [f"log-odds {odds}" for odds in SUREST_TICKS]
    last = min(len(at) - 1, int(np.searchsorted(at, highest)))
    first = max(0, min(int(np.searchsorted(at, lowest, side="right")), last) - 1)
    chosen = [first]
    for place in range(first + 1, last + 1):
        if at[place] - at[chosen[-1]] >= (at[last] - at[first]) / MOST_TICKS:
            chosen.append(place)
    return at[chosen].tolist(), [names[place] for place in chosen]


def label_counts(axes: Axes, values: Sequence[float], name: str = "images scored") -> None:
    """Let the x axis cover some counts, with a few round numbers.

    Args:
        axes: The axes.
        values: The counts.
        name: What is counted.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    first, last = min(values), max(values)
    axes.set_xlim(
        min(first, 0) if name == "images scored" else first - 0.5,
        last + 0.5 if name == "generation" else max(last, 1),
    )
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value + 0:,.0f}"))
    axes.set_xlabel(name, fontsize=13 * POINT, color=MUTED, labelpad=8)


def mark_counts(axes: Axes, most: float, *, whole: bool = False) -> None:
    """Let the y axis go from 0 to an even step that is not below the most."""
    from matplotlib.ticker import MaxNLocator

    steps = [1, 2, 2.5, 5, 10] if most >= 100 or not whole else [1, 2, 5, 10]
    marks = MaxNLocator(5, integer=whole, steps=steps).tick_values(0, max(most, 1))
    axes.set_ylim(0, marks[-1])
    axes.set_yticks(marks, [f"{mark:,.3g}" if mark < 1000 else f"{mark:,.0f}" for mark in marks])


def mark_numbers(axes: Axes, lowest: float, highest: float) -> None:
    """Let the y axis go from a round number below the lowest to one above the highest."""
    from matplotlib.ticker import MaxNLocator

    marks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(lowest, highest)
    axes.set_ylim(marks[0], marks[-1])
    axes.set_yticks(marks, [four_digits(mark) for mark in marks])


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write a text at the end of each curve, without overlaps.

    Args:
        axes: The axes, with their final limits.
        labels: (value at the end, text, colour) of each curve.
    """
    low, high = axes.get_ylim()
    pixels = axes.bbox.height / axes.figure.dpi * PIXELS_PER_INCH
    gap = 19 * (high - low) / pixels
    ordered = sorted(labels, key=lambda label: label[0])
    places = spread([value for value, _, _ in ordered], [gap] * (len(ordered) - 1))
    # If labels would leave the axes, all move together.
    move = max(0.0, low + gap / 2 - places[0]) + min(0.0, high - places[-1])
    for place, (_, text, colour) in zip(places, ordered, strict=True):
        weight = "bold" if colour != MUTED else "normal"
        look: Any = {"color": colour, "fontsize": 13 * POINT, "weight": weight}
        right: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        look |= right | {"xytext": (7, 0), "va": "center_baseline", "annotation_clip": False}
        axes.annotate(text, (1, place + move), **look)


def evenly(count: int, most: int) -> list[int]:
    """Choose at most so many places of a line, at equal distances, the first and last included."""
    places = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return [*dict.fromkeys(places.tolist())]


def spread(
    wanted: Sequence[float], gaps: Sequence[float], weights: Sequence[float] | None = None
) -> list[float]:
    """Move positions as little as possible so that neighbours keep their distance."""
    from scipy.optimize import isotonic_regression

    if not wanted:
        return []
    offsets = np.cumsum([0.0, *gaps])
    places: list[float] = (
        isotonic_regression(wanted - offsets, weights=weights).x + offsets
    ).tolist()
    return places
