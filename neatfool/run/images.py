"""Saved images: PNG, one file a class in the run folder."""

import io
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from neatfool.files import refuse_link, write_whole
from neatfool.run.store import RunStore
from neatfool.wording import slug

TOO_LARGE: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)
COMPRESSION: Final = {"compress_level": 1, "compress_type": zlib.Z_RLE}
"""How PNGs are compressed: Pillow's usual way takes four times as long to save a fifth."""


def to_pillow(image: np.ndarray) -> Image.Image:
    """Make a Pillow image of uint8 [C, H, W] with one channel (grey) or three (RGB)."""
    return Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0).copy())


def from_pillow(image: Image.Image) -> np.ndarray:
    """Turn a grey or RGB Pillow image into uint8 [C, H, W]."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def encode_png(image: np.ndarray) -> bytes:
    """Encode uint8 [C, H, W] as PNG, without loss."""
    buffer = io.BytesIO()
    to_pillow(image).save(buffer, "PNG", **COMPRESSION)
    return buffer.getvalue()


def decode_png(png: bytes) -> np.ndarray:
    """Decode a PNG to uint8 [C, H, W].

    Raises:
        ValueError: It is no whole PNG, or not grey or RGB of 8 bits a channel, or enormous.
    """
    with open_png(png) as image:
        if image.mode not in ("L", "RGB"):
            raise ValueError(f"its mode is {image.mode}, not grey or RGB of 8 bits a channel")
        return from_pillow(image)


@contextmanager
def open_png(png: bytes) -> Iterator[Image.Image]:
    """Open a PNG, whose pixels are decoded when they are used; ValueError if it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(png), formats=["PNG"])
        with opened as image:
            yield image
    except UnidentifiedImageError:
        raise ValueError("it is no PNG") from None
    except (OSError, SyntaxError, *TOO_LARGE) as error:
        raise ValueError(str(error)) from error


def image_name(
    class_index: int, class_name: str, class_count: int, *, open_ended: bool = False
) -> str:
    """Name a class's image file, safely on every system: ``007-school-bus.png``."""
    figures = 4 if open_ended else len(str(class_count - 1))
    number = str(class_index).zfill(figures)
    words = slug(class_name)
    return f"{number}-{words}.png" if words and words != number else f"{number}.png"


class ImageFolder:
    """The folder with an image for each class; ``update`` brings it up to date with the store."""

    def __init__(self, folder: Path, *, open_ended: bool = False) -> None:
        self.folder = folder
        self._open_ended = open_ended
        self._written: dict[int, int] = {}

    def update(self, store: RunStore) -> None:
        """Write the images of the elites that changed since the last update."""
        classes = store.classes()
        refuse_link(self.folder).mkdir(exist_ok=True)
        changed: dict[int, list[int]] = {}
        for elite in store.elites():
            if self._written.get(elite.class_index) != elite.candidate:
                changed.setdefault(elite.candidate, []).append(elite.class_index)
        for candidate, niches in changed.items():
            png = store.image(candidate)
            assert png is not None, "an elite's image is stored with it"
            for index in niches:
                name, count = classes[index], len(classes)
                file = image_name(index, name, count, open_ended=self._open_ended)
                write_whole(self.folder / file, png)
                self._written[index] = candidate
