"""The texts of an experiment: places such as ``{key}``, and keys that must not stand there."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pydantic import ValidationInfo

KEY_PLACE: Final = "{key}"
"""What stands in an address, a header or a body for the key."""
IMAGE_PLACE: Final = "{image}"
"""What stands in a body for an image in base64."""
MODEL_PLACE: Final = "{model}"
"""What stands in a body for the model's name."""
CLASSES_PLACE: Final = "{classes}"
"""What stands in a body for the classes, one a line, each behind a letter."""
LETTERS: Final = ascii_uppercase
"""What classes are told by in a question, which has one for each class."""
_PLACES: Final = re.compile(r"\{(?:image|key|model|classes)\}")
_SECRET_WORD: Final = re.compile(
    r"apikey|auth|authori[sz]ation|cookie|credentials?|passwd|password|pwd|secret|session|sig"
    r"|signature|token"
)
_SECRET_ENDS: Final = ("key", "pass", "passwd", "password", "secret", "token")
_NO_SECRETS: Final = {"bypass", "compass", "donkey", "hockey", "monkey", "turkey"}
_BEFORE_KEY: Final = {"access", "account", "api", "auth", "goog", "private", "subscription"}
_KEY_SHAPES: Final = re.compile(
    r"^\s*(?:bearer|basic|key|token|apikey)\s+(?=\S*\d)\S{8,}"
    r"|\b(?:sk-|hf_|ghp_|gho_|github_pat_|glpat-|xox[abp]-|AIza|ya29\.|AKIA|ASIA|eyJ[\w-]{8,}\.)"
    r"[\w.-]{8,}",
    re.IGNORECASE,
)
_REMEDY: Final = (
    "put the key into an environment variable, name it with api_key_env (or a file, with "
    f"api_key_file), and write {KEY_PLACE} in its place"
)


def has_place(template: Any, place: str) -> bool:
    """Say whether a place is in a text of a JSON value."""
    return any(place in text for _, text in find_texts("", template))


def find_texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """List the texts of a JSON value, each with the name that is nearest to it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from find_texts(str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from find_texts(name, inner)


def give_letters(classes: Sequence[str]) -> dict[str, str]:
    """Give each class its letter: A for the first."""
    return dict(zip(LETTERS, classes, strict=False))


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
    items = template
    for key in repeat.split("."):
        items = items.get(key) if isinstance(items, dict) else None
    if not isinstance(items, list) or len(items) != 1:
        raise ValueError(
            f"{repeat!r} is no list with one item in the body; name the one whose item is to be "
            "written for each image"
        )
    return items[0]


def _fill(template: Any, places: Mapping[str, str]) -> Any:
    if isinstance(template, str):
        # In one pass: what is filled in is not looked through.
        return _PLACES.sub(lambda match: places.get(match[0], match[0]), template)
    if isinstance(template, dict):
        return {key: _fill(inner, places) for key, inner in template.items()}
    if isinstance(template, list):
        return [_fill(inner, places) for inner in template]
    return template


def _repeat(template: Any, path: Sequence[str], images: Sequence[str]) -> Any:
    if not path:
        return [_fill(template[0], {IMAGE_PLACE: image}) for image in images]
    return template | {path[0]: _repeat(template[path[0]], path[1:], images)}


def refuse_key(value: Any, option: ValidationInfo) -> Any:
    """Validate an option, as :func:`refuse_literal_keys` does."""
    refuse_literal_keys(str(option.field_name), value)
    return value


def refuse_literal_keys(name: str, value: Any) -> None:
    """Refuse what looks like a key written into an experiment, by its name or by its value.

    Raises:
        ValueError: There is one; the message does not show it.
    """
    for place, text in find_texts(name, value):
        named = text.strip() and KEY_PLACE not in text and is_secret_name(place)
        if named or _KEY_SHAPES.search(text):
            raise ValueError(f"{place!r} holds what looks like a key; {_REMEDY}")


def is_secret_name(name: str) -> bool:
    """Say whether what has this name is a secret: ``Authorization``, ``X-API-Key``, ``token``."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    return (
        any(map(_SECRET_WORD.fullmatch, words))
        or [each for each in words if each != "x"] == ["code"]
        or any(second == "key" and first in _BEFORE_KEY for first, second in pairwise(words))
        or (bool(words) and words[-1].endswith(_SECRET_ENDS) and words[-1] not in _NO_SECRETS)
    )


def looks_like_a_key(text: str) -> bool:
    """Say whether a text has the shape of a key of a known kind."""
    return _KEY_SHAPES.search(text) is not None
