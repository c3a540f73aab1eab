"""Blocks on a page, with all pictures in it."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from PIL import Image

from neatfool.figure import draw_figure, for_page
from neatfool.present.blocks import (
    Block,
    Chart,
    Code,
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
QUALITY: Final = 80
"""WebP's: an image of ImageNet's size, reduced to 96 pixels, takes 1.4 kB; with 50, 0.9 kB."""
LARGEST_EXACT: Final = 50_000
"""A PNG of more bytes is compressed again, so that a page of many stays small."""


def arrange_blocks(story: Iterable[Block]) -> dict[str, Any]:
    """Arrange blocks for a page, whose template shows them by ``neatfool/blocks.html.j2``.

    Returns:
        What :func:`fill_template` needs: ``headlines``, ``hero`` (the picture beside them),
        ``notes``, ``sections``, and what the template calls.
    """
    notes: list[str] = []
    headlines: list[Headline] = []
    sections: list[tuple[Section, list[Panel]]] = [(Section(""), [])]
    for block in story:
        if not is_shown(block, "page"):
            continue
        match block:
            case Headline():
                headlines.append(block)
            case Note():
                notes.append(block.text)
            case Section():
                sections.append((block, []))
            case Panel():
                shown = [each for each in block.blocks if is_shown(each, "page")]
                sections[-1][1].append(replace(block, blocks=shown))
            case _:
                wide = isinstance(block, Table | Text | Code) or (
                    isinstance(block, Chart) and block.wide
                )
                sections[-1][1].append(Panel([block], wide=wide))

    return {
        "headlines": [each.text for each in headlines],
        "hero": next((each.picture for each in headlines if each.picture), None),
        "notes": [*dict.fromkeys(notes)],
        "sections": [(section, panels) for section, panels in sections if panels],
        "kind": lambda block: type(block).__name__,
        "chart": lambda block: embed_svg(draw_figure(block.draw())),
        "picture": lambda png, size: embed_png(png, SHARPNESS * size),
        "plain": str,
    }


class PageImage(NamedTuple):
    """A data URI for an ``img``, and the picture's own size in pixels."""

    src: str
    width: int
    height: int


def embed_png(png: bytes, longest: int, quality: int = QUALITY) -> PageImage:
    """Show a small PNG as it is, and a larger one reduced.

    Args:
        png: The file.
        longest: How many pixels the longer side may have.
        quality: As for :func:`embed_image`.

    Raises:
        ValueError: The PNG is not complete.
    """
    with open_png(png) as image:
        if max(image.size) <= longest and len(png) <= LARGEST_EXACT:
            return _picture("png", png, image)
        return embed_image(image, longest, quality)


def embed_image(image: Image.Image, longest: int, quality: int = QUALITY) -> PageImage:
    """Reduce an image's sides to at most ``longest`` pixels, as PNG, or WebP if that is a third.

    ``quality`` is WebP's, from 0 to 100.

    Evolved images are often noise, which PNG cannot compress.
    """
    image = image.copy()
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    image.save(png := io.BytesIO(), "png")
    image.save(webp := io.BytesIO(), "webp", quality=quality)
    if 3 * webp.tell() < png.tell():
        return _picture("webp", webp.getvalue(), image)
    return _picture("png", png.getvalue(), image)


def _picture(kind: str, data: bytes, image: Image.Image) -> PageImage:
    return PageImage(f"data:image/{kind};base64,{b64encode(data).decode()}", *image.size)


def embed_svg(svg: bytes) -> str:
    """Turn an SVG of :func:`draw_figure` or ``neatfool.cppn.draw_graph`` into a data URI.

    Its colours follow the reader's light or dark scheme.
    """
    text = " ".join(for_page(svg).split())
    return "data:image/svg+xml," + quote(text, safe=" /:;=,()*+@!?-.{}")
