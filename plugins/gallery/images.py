"""The saved images, as a gallery shows them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from PIL import Image, features

if TYPE_CHECKING:
    from neatfool import EliteView

SIDE: Final = 224
"""The most pixels of a side of a reduced image: a tile's on a sharp screen."""

QUALITY: Final = 80
"""WebP's quality of a reduced image: a seventh of the bytes of an exact one."""


def image_of(elite: EliteView, kind: str) -> tuple[str, bytes] | None:
    """Give the name and the bytes of an elite's image.

    Args:
        elite: The elite.
        kind: ``exact``, the same pixels, in WebP if that is smaller; ``png``, the saved file;
            ``small``, reduced and lossy; ``none``.
    """
    if kind == "none":
        return None
    png = elite.file.name, elite.png
    if kind == "png" or not features.check("webp"):
        return png
    with Image.open(io.BytesIO(elite.png)) as saved:
        # An alpha channel that WebP drops, and more than 8 bits, are no part of a target's image.
        picture = saved.convert("RGB")
    if kind == "small":
        picture.thumbnail((SIDE, SIDE))
    written = io.BytesIO()
    how = {"quality": QUALITY} if kind == "small" else {"lossless": True}
    picture.save(written, "WEBP", method=4, **how)
    webp = elite.file.with_suffix(".webp").name, written.getvalue()
    return min(webp, png, key=lambda image: len(image[1]))
