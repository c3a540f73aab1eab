"""A finding as a page, one HTML file; and pictures that stand in a page as data URIs."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from PIL import Image

from neatfool.present.charts.figure import draw_figure, for_page
from neatfool.present.saving import TEMPLATES, fill_template
from neatfool.present.story import (
    Bars,
    Chart,
    Headline,
    Note,
    Panel,
    Section,
    Strip,
    Strong,
    Table,
    Text,
    is_shown,
)
from neatfool.run.images import open_png

if TYPE_CHECKING:
    from neatfool.present.story import Block

SHARPNESS: Final = 2
"""Pixels of a picture for each CSS pixel, at most."""
SMALL: Final = 64
"""Images up to this many pixels are shown with their pixels."""
LARGEST_EXACT: Final = 120_000
"""A PNG of more bytes is compressed again, so that a page of many stays small."""
_TYPES: Final[Mapping[str, str]] = {"PNG": "image/png", "JPEG": "image/jpeg"}


def write_story(about: str, title: str, story: Sequence[Block]) -> str:
    """Write the blocks of a story, with what it is about and what was looked at, as HTML."""
    blocks = [block for block in story if is_shown(block, "page")]
    # What stands before the first part is what limits the answer.
    start = next((at for at, block in enumerate(blocks) if isinstance(block, Section)), 0)
    notes = [
        [*dict.fromkeys(block.text for block in part if isinstance(block, Note))]
        for part in (blocks[:start], blocks[start:])
    ]
    content = {
        "about": about,
        "title": title,
        "headlines": [block.text for block in blocks if isinstance(block, Headline)],
        "limits": notes[0],
        "notes": [text for text in notes[1] if text not in notes[0]],
        "sections": _sections(blocks),
    }
    return fill_template(TEMPLATES / "finding.html.j2", content)


def _sections(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Divide a story into sections of panels; sentences before the first one stand alone."""
    sections: list[dict[str, Any]] = [{"title": "", "text": "", "panels": []}]
    for block in blocks:
        if isinstance(block, Section):
            sections.append({"title": block.title, "text": block.text, "panels": []})
        elif isinstance(block, Panel):
            kept = [each for each in block.blocks if is_shown(each, "page")]
            sections[-1]["panels"].append(_panel(block.title, block.text, kept, wide=block.wide))
        elif not isinstance(block, Headline | Note):
            wide = isinstance(block, Table | Text) or (isinstance(block, Chart) and block.wide)
            sections[-1]["panels"].append(_panel("", "", [block], wide=wide))
    return [section for section in sections if section["panels"]]


def _panel(title: str, text: str, blocks: Sequence[Block], *, wide: bool) -> dict[str, Any]:
    parts = [*map(_part, blocks)]
    return {"title": title, "text": text, "wide": wide, "parts": parts}


def _part(block: Block) -> dict[str, Any]:
    """Make of a block what the template shows."""
    if isinstance(block, Text):
        return {"kind": "text", "text": block.text}
    assert isinstance(block, Table | Bars | Chart | Strip)
    part: dict[str, Any] = {"title": block.title, "text": block.text}
    if isinstance(block, Table):
        rows = [[_cell(cell, block.pictures) for cell in row] for row in block.rows]
        part |= {"heads": block.heads, "words": block.words, "size": block.pictures}
        return part | {"kind": "table", "rows": rows}
    if isinstance(block, Bars):
        return part | {"kind": "bars", "heads": block.heads, "rows": block.rows}
    if isinstance(block, Chart):
        drawn = block.draw()
        svg = drawn if isinstance(drawn, bytes) else draw_figure(drawn)
        return part | {"kind": "chart", "about": block.about, "src": embed_svg(svg)}
    cells = [
        {"picture": embed_png(cell.png, SHARPNESS * block.size), "label": cell.label}
        | {"figure": str(cell.figure), "strong": isinstance(cell.figure, Strong), "more": cell.more}
        for cell in block.cells
    ]
    kind = "cards" if block.cards else "strip"
    return part | {"kind": kind, "cells": cells, "size": block.size, "small": SMALL}


def _cell(cell: str | bytes, size: int) -> dict[str, Any]:
    if isinstance(cell, bytes):
        picture = embed_png(cell, SHARPNESS * size)
        return {"picture": picture, "text": "", "strong": False, "small": SMALL}
    return {"picture": None, "text": str(cell), "strong": isinstance(cell, Strong)}


@dataclass(frozen=True)
class Picture:
    """A data URI for an ``img``, and the picture's own size in pixels."""

    src: str
    width: int
    height: int


def embed_png(png: bytes, longest: int) -> Picture:
    """Show a small PNG as it is, and a larger one reduced.

    Args:
        png: The file.
        longest: How many pixels the longer side may have.

    Raises:
        ValueError: The PNG is not complete.
    """
    with open_png(png) as image:
        if max(image.size) <= longest and len(png) <= LARGEST_EXACT:
            return Picture(_data_uri("PNG", png), *image.size)
        return embed_image(image, longest)


def embed_image(image: Image.Image, longest: int) -> Picture:
    """Reduce an image's sides to at most ``longest`` pixels, as PNG or JPEG, the smaller file.

    Evolved images are often noise, which PNG cannot compress.
    """
    image = image.copy()
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    files = [(name, _encode(image, name)) for name in _TYPES]
    name, data = min(files, key=lambda file: len(file[1]))
    return Picture(_data_uri(name, data), *image.size)


def embed_svg(svg: bytes) -> str:
    """Turn an SVG of :func:`draw_figure` or :func:`draw_graph` into a data URI.

    Its colours follow the reader's light or dark scheme.
    """
    text = " ".join(for_page(svg).split())
    return "data:image/svg+xml," + quote(text, safe=" /:;=,()*+@!?-.{}")


def _encode(image: Image.Image, name: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **({"quality": 88} if name == "JPEG" else {"optimize": True}))
    return buffer.getvalue()


def _data_uri(name: str, data: bytes) -> str:
    return f"data:{_TYPES[name]};base64,{b64encode(data).decode()}"
