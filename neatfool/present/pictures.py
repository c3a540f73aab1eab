"""Pictures as data URIs, small enough to stand in the page."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from PIL import Image

from neatfool.present.charts.figure import for_page
from neatfool.run.images import open_png

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_EXACT: Final = 120_000
"""A PNG of more bytes is compressed again, so that a page of many stays small."""

_TYPES: Final[Mapping[str, str]] = {"PNG": "image/png", "JPEG": "image/jpeg"}


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
