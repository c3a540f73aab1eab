"""The body of a request to a JSON API: a template with places for images."""

from __future__ import annotations

import base64
import io
import re
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from neatfool import encode_png

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

IMAGE_PLACE: Final = "{image}"
"""What stands in a template for an image in base64."""
MODEL_PLACE: Final = "{model}"
"""What stands in a template for the model's name."""
CLASSES_PLACE: Final = "{classes}"
"""What stands in a template for the classes, one a line, each behind a letter."""
_PLACES: Final = re.compile(r"\{(?:image|key|model|classes)\}")
QUALITY: Final = 95
"""The quality of JPEGs, whose colours keep their full resolution."""
FORMATS: Final = {"png": "image/png", "jpeg": "image/jpeg"}
"""Format of an image -> the media type of a body in it."""
LETTERS: Final = ascii_uppercase
"""What classes are told by in a question, which has one for each class."""


def give_letters(classes: Sequence[str]) -> dict[str, str]:
    """Give each class its letter: A for the first."""
    return dict(zip(LETTERS, classes, strict=False))


def encode(image: np.ndarray, image_format: str) -> bytes:
    """Write an image, uint8 [C, H, W], as a file: ``png``, the one that is saved, or ``jpeg``."""
    if image_format == "png":
        return encode_png(image)
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0).copy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def fill(
    template: Any, files: Sequence[bytes], repeat: str | None, further: Mapping[str, str]
) -> Any:
    """Put images into a template, and what else has a place in it.

    Args:
        template: JSON.
        files: The images as files; one, unless a part is repeated.
        repeat: Where the list is, in keys with dots between them, whose one item is written for
            each image; None if there is none.
        further: What stands at the other places: ``{key}``, ``{model}``, ``{classes}``.

    Returns:
        JSON.
    """
    images = [base64.b64encode(file).decode("ascii") for file in files]
    if repeat is None:
        filled = _fill(template, {IMAGE_PLACE: images[0]})
    else:
        filled = _repeat(template, repeat.split("."), images)
    return _fill(filled, further)


def find_repeated_item(template: Any, repeat: str) -> Any:
    """Find the item that is written for each image.

    Raises:
        ValueError: There is no list with one item.
    """
    found = template
    for key in repeat.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list) or len(found) != 1:
        raise ValueError(
            f"{repeat!r} is no list with one item in the body; name the one whose item is to be "
            "written for each image"
        )
    return found[0]


def _fill(template: Any, places: Mapping[str, str]) -> Any:
    if isinstance(template, str):
        # In one pass: what is filled in is not looked through.
        return _PLACES.sub(lambda found: places.get(found[0], found[0]), template)
    if isinstance(template, dict):
        return {key: _fill(inner, places) for key, inner in template.items()}
    if isinstance(template, list):
        return [_fill(inner, places) for inner in template]
    return template


def _repeat(template: Any, path: Sequence[str], images: Sequence[str]) -> Any:
    if not path:
        return [_fill(template[0], {IMAGE_PLACE: image}) for image in images]
    return template | {path[0]: _repeat(template[path[0]], path[1:], images)}
