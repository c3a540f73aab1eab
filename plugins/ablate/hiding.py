"""Hiding parts of an image: they get its mean colour."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

MOST_COPIES: Final = 16
"""Of more copies, so many are looked at one by one, evenly from the middle to the edge."""


def hide(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Give an image its mean colour in some places.

    Args:
        image: uint8 [C, H, W].
        where: bool [H, W].

    Returns:
        uint8 [C, H, W].
    """
    mean = np.rint(image.mean((1, 2), keepdims=True)).astype(np.uint8)
    hidden: np.ndarray = np.where(where, mean, image)
    return hidden


def edges_of_tiles(side: int, tiles: int) -> np.ndarray:
    """Give where the tiles of a side begin and end: int [tiles + 1], as even as can be."""
    return np.rint(np.linspace(0, side, tiles + 1)).astype(int)


def hide_tiles(image: np.ndarray, tiles: int) -> list[np.ndarray]:
    """Hide one tile of a grid at a time, row by row (Zeiler and Fergus, 2014).

    Args:
        image: uint8 [C, H, W].
        tiles: How many tiles stand side by side, and one above another.
    """
    rows, columns = (edges_of_tiles(side, tiles) for side in image.shape[1:])
    images = []
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            where = np.zeros(image.shape[1:], bool)
            where[top:bottom, left:right] = True
            images.append(hide(image, where))
    return images


@dataclass(frozen=True)
class CopiesHidden:
    """An image without some of its copies of what is repeated.

    Attributes:
        copies: How many copies there are.
        looked_at: The numbers of those that are looked at one by one.
        alone: Of these, the image with each alone.
        without: The image without each.
        half: The image with the half of its copies that is nearest to the middle.
    """

    copies: int
    looked_at: list[int]
    alone: list[np.ndarray]
    without: list[np.ndarray]
    half: np.ndarray


def hide_copies(image: np.ndarray, labels: np.ndarray) -> CopiesHidden:
    """Hide copies of what is repeated.

    Args:
        image: uint8 [C, H, W].
        labels: int [H, W], the number of each pixel's copy, or -1; see
            :func:`~.periods.label_copies`.
    """
    copies = int(labels.max()) + 1
    some = np.unique(np.rint(np.linspace(0, copies - 1, min(copies, MOST_COPIES))).astype(int))
    return CopiesHidden(
        copies,
        some.tolist(),
        [hide(image, labels != number) for number in some],
        [hide(image, labels == number) for number in some],
        hide(image, (labels < 0) | (labels >= max(copies // 2, 1))),
    )
