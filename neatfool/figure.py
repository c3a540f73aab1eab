"""The palette of all drawings, and matplotlib's figures as bytes that equal figures share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Final, Literal
from warnings import catch_warnings, filterwarnings

import numpy as np

from neatfool.machine import ignore_working_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ignore_working_folder()  # of which matplotlib would read settings

PIXELS_PER_INCH: Final = 96
"""An inch has this many CSS pixels; matplotlib measures figures in inches."""
POINT: Final = 72 / PIXELS_PER_INCH
"""A CSS pixel in points, in which matplotlib measures lines and letters."""

SURFACE: Final = "#fffffe"
"""The colour behind charts."""
INK: Final = "#1b1f26"
MUTED: Final = "#626b78"
"""The colour of labels and of what is less important."""
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
        figure: The figure, of ``neatfool.present.new_axes`` say.
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
