"""Pictures of elites, reduced by threads while the rest of the page is gathered."""

from __future__ import annotations

import io
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from PIL import Image

from neatfool.present import Picture

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from neatfool import EliteView

WORKERS: Final = 2
"""Reducing leaves Python free for other work; with more threads the main one would wait."""
SMALL: Final = 96
"""Pictures of up to this many pixels are shown as they are."""
QUALITIES: Final = (72, 40)
"""Of WebP: an image of ImageNet's size, reduced to 96 pixels, takes 1.3 kB with the first."""
LARGE: Final = 1500
"""A small picture of more bytes, of fine patterns or noise, is compressed with the second."""


def reduce_all(elites: Iterable[EliteView], longest: int) -> dict[int, Future[Picture]]:
    """Begin to reduce the elites' pictures; the results are by class index."""
    pool = ThreadPoolExecutor(WORKERS)
    # The database is read by this thread; the others only compute.
    begun = {elite.index: pool.submit(reduce, elite, elite.png, longest) for elite in elites}
    pool.shutdown(wait=False)
    return begun


def reduce(elite: EliteView, png: bytes, longest: int) -> Picture:
    """Show a small picture as it is, and a larger one reduced and compressed with loss.

    Args:
        elite: The elite.
        png: Its image.
        longest: How many pixels the longer side may have.

    Raises:
        RunError: The recorded image is damaged.
    """
    try:
        with Image.open(io.BytesIO(png)) as image:
            image.load()
            if max(image.size) <= SMALL:
                return _picture("png", png, image.size)
            shown = image.convert("RGB")
            shown.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
            data = _compress(shown, QUALITIES[0])
            if len(data) > LARGE and longest <= SMALL:
                data = _compress(shown, QUALITIES[1])
            return _picture("webp", data, shown.size)
    except (OSError, SyntaxError, ValueError) as error:
        raise elite.damaged(ValueError(str(error))) from error


def _compress(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=3)
    return buffer.getvalue()


def _picture(kind: str, data: bytes, size: tuple[int, int]) -> Picture:
    return Picture(f"data:image/{kind};base64,{b64encode(data).decode()}", *size)
