"""A finding as a page, one HTML file; and pictures that stand in a page as data URIs."""

import io
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from PIL import Image

from neatfool.present.charts.figure import draw_figure, for_page
from neatfool.present.saving import TEMPLATES, fill_template
from neatfool.present.story import (
    Block,
    Chart,
    Headline,
    Note,
    Panel,
    Section,
    Table,
    Text,
    is_shown,
)
from neatfool.run.images import open_png

SHARPNESS: Final = 2
"""Pixels of a picture for each CSS pixel, at most."""
LARGEST_EXACT: Final = 120_000
"""A PNG of more bytes is compressed again, so that a page of many stays small."""


def write_story(about: str, title: str, story: Sequence[Block]) -> str:
    """Write the blocks of a story, with what it is about and what was looked at, as HTML."""
    limits: list[str] = []
    notes: list[str] = []
    headlines: list[str] = []
    sections: list[tuple[Section, list[Panel]]] = [(Section(""), [])]
    for block in story:
        if not is_shown(block, "page"):
            continue
        match block:
            case Headline():
                headlines.append(block.text)
            case Note():  # What stands before the first part is what limits the answer.
                (notes if sections[1:] else limits).append(block.text)
            case Section():
                sections.append((block, []))
            case Panel():
                shown = [each for each in block.blocks if is_shown(each, "page")]
                sections[-1][1].append(replace(block, blocks=shown))
            case _:
                wide = isinstance(block, Table | Text) or (isinstance(block, Chart) and block.wide)
                sections[-1][1].append(Panel([block], wide=wide))

    def chart(block: Chart) -> str:
        drawn = block.draw()
        return embed_svg(drawn if isinstance(drawn, bytes) else draw_figure(drawn))

    content = {
        "about": about,
        "title": title,
        "headlines": headlines,
        "limits": [*dict.fromkeys(limits)],
        "notes": [text for text in dict.fromkeys(notes) if text not in limits],
        "sections": [(section, panels) for section, panels in sections if panels],
        "kind": lambda block: type(block).__name__,
        "chart": chart,
        "picture": lambda png, size: embed_png(png, SHARPNESS * size),
        "plain": str,
    }
    return fill_template(TEMPLATES / "finding.html.j2", content)


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
            return _picture("png", png, image)
        return embed_image(image, longest)


def embed_image(image: Image.Image, longest: int) -> Picture:
    """Reduce an image's sides to at most ``longest`` pixels, as PNG or JPEG, the smaller file.

    Evolved images are often noise, which PNG cannot compress.
    """
    image = image.copy()
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    settings: dict[str, dict[str, Any]] = {"png": {"optimize": True}, "jpeg": {"quality": 88}}
    files = []
    for kind, more in settings.items():
        image.save(buffer := io.BytesIO(), kind, **more)
        files.append((kind, buffer.getvalue()))
    return _picture(*min(files, key=lambda file: len(file[1])), image)


def _picture(kind: str, data: bytes, image: Image.Image) -> Picture:
    return Picture(f"data:image/{kind};base64,{b64encode(data).decode()}", *image.size)


def embed_svg(svg: bytes) -> str:
    """Turn an SVG of :func:`draw_figure` or :func:`draw_graph` into a data URI.

    Its colours follow the reader's light or dark scheme.
    """
    text = " ".join(for_page(svg).split())
    return "data:image/svg+xml," + quote(text, safe=" /:;=,()*+@!?-.{}")
