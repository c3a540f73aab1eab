"""Hiding parts of an image: they get its mean colour."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from neatfool.present.charts.spacing import evenly
from neatfool.run.images import encode_png, from_pillow

MOST_COPIES: Final = 16
"""Of more copies, so many are looked at one by one, evenly from the middle to the edge."""
SIDE: Final = 660
"""Pixels of a map's longer side."""
MOST_NUMBERS: Final = 12
"""Of more tiles side by side, numbers would be too small to be read."""
LEAST_RANGE: Final = 0.5
"""A drop in log-odds that counts as full colour at least, so that nothing is made to look like
something."""
MISSED, HARMFUL = (230, 97, 10), (13, 107, 184)


def hide(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Give an image, uint8 [C, H, W], its mean colour in some places, bool [H, W]."""
    mean = np.rint(image.mean((1, 2), keepdims=True)).astype(np.uint8)
    hidden: np.ndarray = np.where(where, mean, image)
    return hidden


def _tiles(height: int, width: int, tiles: int) -> list[tuple[slice, slice]]:
    """Give the rows and columns of each tile of a grid, as even as can be, row by row."""
    rows, columns = (
        [slice(*edges) for edges in itertools.pairwise(places.tolist())]
        for side in (height, width)
        for places in [np.rint(np.linspace(0, side, tiles + 1)).astype(int)]
    )
    return list(itertools.product(rows, columns))


def hide_tiles(image: np.ndarray, tiles: int) -> list[np.ndarray]:
    """Hide one of tiles x tiles tiles at a time, row by row (Zeiler and Fergus, 2014)."""
    images = []
    height, width = image.shape[1:]
    for place in _tiles(height, width, tiles):
        where = np.zeros((height, width), bool)
        where[place] = True
        images.append(hide(image, where))
    return images


def hide_copies(image: np.ndarray, labels: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
    """Hide copies of what is repeated; ``labels`` are those of :func:`.repetition.label_copies`.

    Returns:
        The numbers of the N copies that are looked at one by one, and 1 + 2 N images: with the half
        of the copies that is nearest to the middle, with each copy alone, and without each.
    """
    copies = int(labels.max()) + 1
    some = evenly(copies, MOST_COPIES)
    hidden = [(labels < 0) | (labels >= max(copies // 2, 1))]
    hidden += [labels != number for number in some]
    hidden += [labels == number for number in some]
    return some, [hide(image, where) for where in hidden]


def draw_map(image: np.ndarray, drops: np.ndarray, left: Sequence[float]) -> bytes:
    """Draw what each tile is worth over an image: a PNG.

    The more orange a tile, the more log-odds are lost without it (``drops``, float64 [T, T]); blue
    tiles do harm. The number is the confidence that is left without the tile (``left``, row by
    row), in per cent, cut and at most 99.
    """
    scale, tiles = SIDE / max(image.shape[1:]), len(drops)
    size = round(image.shape[2] * scale), round(image.shape[1] * scale)
    grey = Image.fromarray((255 - (255 - image.mean(0)) * 0.45).astype(np.uint8))
    drawn = grey.resize(size, Image.Resampling.NEAREST).convert("RGBA")
    colours = Image.new("RGBA", size)
    shares = np.clip(drops / max(drops.max(), -drops.min(), LEAST_RANGE), -1, 1).ravel().tolist()
    boxes = [
        (across.start, down.start, across.stop, down.stop)
        for down, across in _tiles(size[1], size[0], tiles)
    ]
    for box, part in zip(boxes, shares, strict=True):
        colour = *(MISSED if part > 0 else HARMFUL), round(217 * abs(part))
        colours.paste(colour, box)
    drawn.alpha_composite(colours)
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(min(29, 213 / tiles))
    for (x, y, right, bottom), confidence in zip(boxes, left, strict=True):
        if tiles <= MOST_NUMBERS:
            middle = ((x + right) / 2, (y + bottom) / 2)
            text = f"{min(int(100 * confidence), 99)}"
            for width, ink in ((4, "white"), (1, "black")):
                pen.text(middle, text, ink, font, "mm", stroke_width=width, stroke_fill=ink)
    return encode_png(from_pillow(drawn.convert("RGB")))
