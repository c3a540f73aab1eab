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

PLACE: Final = "{image}"
"""What stands in a template for an image in base64."""
KEY_PLACE: Final = "{key}"
"""What stands in a template, a header or an address for the key."""
MODEL_PLACE: Final = "{model}"
"""What stands in a template for the model's name."""
CLASSES_PLACE: Final = "{classes}"
"""What stands in a template for the classes, one a line, each behind a letter."""
_PLACES: Final = re.compile(r"\{(?:image|key|model|classes)\}")
QUALITY: Final = 95
"""Of JPEGs, whose colours keep their full resolution."""
FORMATS: Final = {"png": "image/png", "jpeg": "image/jpeg"}
"""Format of an image -> what a body of it is called."""

LETTERS: Final = ascii_uppercase
"""What classes are told by in a question; so many can be asked for."""


def by_letter(classes: Sequence[str]) -> dict[str, str]:
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
    template: Any,
    files: Sequence[bytes],
    repeat: str | None,
    further: Mapping[str, str] | None = None,
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
    encoded = [base64.b64encode(file).decode("ascii") for file in files]
    if repeat is None:
        made = _filled(template, {PLACE: encoded[0]})
    else:
        made = _with_repeated(template, repeat.split("."), encoded)
    return _filled(made, further or {})


def has_place(template: Any, place: str = PLACE) -> bool:
    """Say whether there is a place for an image, or for something else."""
    if isinstance(template, str):
        return place in template
    inner = template.values() if isinstance(template, dict) else template
    return isinstance(template, dict | list) and any(has_place(each, place) for each in inner)


def repeated_item(template: Any, repeat: str) -> Any:
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


def _filled(template: Any, places: Mapping[str, str]) -> Any:
    if isinstance(template, str):
        # In one pass: what is filled in is not looked through.
        return _PLACES.sub(lambda found: places.get(found[0], found[0]), template)
    if isinstance(template, dict):
        return {key: _filled(inner, places) for key, inner in template.items()}
    if isinstance(template, list):
        return [_filled(inner, places) for inner in template]
    return template


def _with_repeated(template: Any, path: Sequence[str], images: Sequence[str]) -> Any:
    if not path:
        return [_filled(template[0], {PLACE: image}) for image in images]
    return template | {path[0]: _with_repeated(template[path[0]], path[1:], images)}
