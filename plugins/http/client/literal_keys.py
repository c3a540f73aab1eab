"""Keys that are written into an experiment, where they must not stand."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from .places import KEY_PLACE, find_texts

if TYPE_CHECKING:
    from pydantic import ValidationInfo

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


def refuse_key(value: Any, option: ValidationInfo) -> Any:
    """Validate an option: refuse a key that is written into it.

    Raises:
        ValueError: There is one; the message does not show it.
    """
    refuse_literal_keys(str(option.field_name), value)
    return value


def refuse_literal_keys(name: str, value: Any) -> None:
    """Refuse what looks like a key written into an experiment.

    Args:
        name: What the value is of: an option, a header, a part of a body or of a URL.
        value: The value; a mapping or list is looked through.

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
    if any(map(_SECRET_WORD.fullmatch, words)) or [each for each in words if each != "x"] == [
        "code"
    ]:
        return True
    if any(second == "key" and first in _BEFORE_KEY for first, second in pairwise(words)):
        return True
    return bool(words) and words[-1].endswith(_SECRET_ENDS) and words[-1] not in _NO_SECRETS


def looks_like_a_key(text: str) -> bool:
    """Say whether a text has the shape of a key of a known kind."""
    return _KEY_SHAPES.search(text) is not None
