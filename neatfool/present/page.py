"""A finding as a page: one HTML file that needs no other file and no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from neatfool.present.charts.figure import draw_figure
from neatfool.present.pictures import embed_png, embed_svg
from neatfool.present.saving import TEMPLATES, render
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.present.pictures import Picture
    from neatfool.present.story import Block

SHARPNESS: Final = 2
"""Pixels of a picture for each CSS pixel, at most."""
SMALL: Final = 64
"""Images up to this many pixels are shown with their pixels."""


def write_story(about: str, title: str, story: Sequence[Block]) -> str:
    """Write a story as HTML.

    Args:
        about: What such findings are about, in a few words.
        title: What was looked at.
        story: The blocks.
    """
    blocks = [block for block in story if is_shown(block, "page")]
    # What stands before the first part is what limits the answer.
    start = next((at for at, block in enumerate(blocks) if isinstance(block, Section)), 0)
    limits = _notes(blocks[:start])
    content = {
        "about": about,
        "title": title,
        "headlines": [block.text for block in blocks if isinstance(block, Headline)],
        "limits": limits,
        "notes": [text for text in _notes(blocks[start:]) if text not in limits],
        "sections": _sections(blocks),
    }
    return render(TEMPLATES / "finding.html.j2", content)


def _notes(blocks: Sequence[Block]) -> list[str]:
    return [*dict.fromkeys(block.text for block in blocks if isinstance(block, Note))]


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
            alone = isinstance(block, Text)
            wide = isinstance(block, Table) or (isinstance(block, Chart) and block.wide)
            sections[-1]["panels"].append(
                _panel("", "", [block], wide=wide or alone) | {"alone": alone}
            )
    return [section for section in sections if section["panels"]]


def _panel(title: str, text: str, blocks: Sequence[Block], *, wide: bool) -> dict[str, Any]:
    parts = [_part(block) for block in blocks]
    return {"title": title, "text": text, "wide": wide, "parts": parts, "alone": False}


def _part(block: Block) -> dict[str, Any]:
    """Make of a block what the template shows."""
    if isinstance(block, Text):
        return {"kind": "text", "text": block.text}
    assert isinstance(block, Table | Bars | Chart | Strip)
    told: dict[str, Any] = {"title": block.title, "text": block.text}
    if isinstance(block, Table):
        rows = [[_cell(cell, block.pictures) for cell in row] for row in block.rows]
        told |= {"heads": block.heads, "words": block.words, "size": block.pictures}
        return told | {"kind": "table", "rows": rows}
    if isinstance(block, Bars):
        return told | {"kind": "bars", "heads": block.heads, "rows": block.rows}
    if isinstance(block, Chart):
        drawn = block.draw()
        svg = drawn if isinstance(drawn, bytes) else draw_figure(drawn)
        return told | {"kind": "chart", "about": block.about, "src": embed_svg(svg)}
    cells = [
        {"picture": embed_png(cell.png, SHARPNESS * block.size), "label": cell.label}
        | {"figure": str(cell.figure), "strong": isinstance(cell.figure, Strong), "more": cell.more}
        for cell in block.cells
    ]
    kind = "cards" if block.cards else "strip"
    return told | {"kind": kind, "cells": cells, "size": block.size, "small": SMALL}


def _cell(cell: str | bytes, size: int) -> dict[str, Any]:
    if isinstance(cell, bytes):
        picture: Picture = embed_png(cell, SHARPNESS * size)
        return {"picture": picture, "text": "", "strong": False, "small": SMALL}
    return {"picture": None, "text": str(cell), "strong": isinstance(cell, Strong)}
