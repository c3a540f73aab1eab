"""The palette, and matplotlib figures as bytes, without pyplot's global state."""

from __future__ import annotations

import re
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Final, Literal
from warnings import catch_warnings, filterwarnings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    *("#0b6fa4", "#c2571a", "#1a7f5a", "#9b3a7d"),
    *("#a48300", "#3d4654", "#c93a5b", "#2a9aa6"),
)
"""Blue, orange, green, purple, gold, slate, crimson and teal, of different lightness; lines have
strokes, too, for colour-blind readers."""

_DARK: Final = {
    SURFACE: "#1a1d23",
    INK: "#eceef2",
    MUTED: "#9aa4b2",
    RULE: "#343a44",
    DISABLED: "#6b7482",
    POSITIVE: "#5aaef0",
    NEGATIVE: "#f2935a",
    LINE_COLOURS[0]: "#57b6ee",
    LINE_COLOURS[1]: "#f0915a",
    LINE_COLOURS[2]: "#4cc79a",
    LINE_COLOURS[3]: "#e089c4",
    LINE_COLOURS[4]: "#d9b62e",
    LINE_COLOURS[5]: "#b7c0cc",
    LINE_COLOURS[6]: "#f4839c",
    LINE_COLOURS[7]: "#6fd3dd",
}
_COLOUR = re.compile("|".join(_DARK))
_METADATA = re.compile(rb" *<metadata>.*?</metadata>\n", re.DOTALL)
_GROUP = re.compile(rb' *<g id="(?:patch|text)_\d+">\n(.*?) *</g>\n', re.DOTALL)
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
    """Let an SVG follow the reader's light or dark scheme.

    Its colours become variables that a media query sets. It keeps its own background, for browsers
    that ignore media queries in images.
    """
    names = {colour: f"--c{number}" for number, colour in enumerate(_DARK)}
    light = "".join(f"{names[colour]}:{colour};" for colour in _DARK)
    dark = "".join(f"{names[colour]}:{_DARK[colour]};" for colour in _DARK)
    rules = f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    text = _COLOUR.sub(lambda match: f"var({names[match[0]]})", svg.decode())
    return text.replace("</style>", rules + "</style>", 1)
