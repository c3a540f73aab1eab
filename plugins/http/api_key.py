"""The key to a service: kept out of all that is written, and found where it should not stand."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from neatfool import ExperimentError

from .templates import KEY_PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIDDEN: Final = "[the key]"
_LARGEST_FILE: Final = 16_384
_SHORTEST: Final = 4
_ROUNDS: Final = 2
_ESCAPES: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"'/]))")
_SECRET_WORDS: Final = {
    "apikey",
    "auth",
    "authorisation",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "passwd",
    "password",
    "pwd",
    "secret",
    "session",
    "sig",
    "signature",
    "token",
}
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


class ApiKey:
    """A key that nothing shows.

    Attributes:
        source: Where it is from, in words.
    """

    def __init__(self, value: str, source: str) -> None:
        """Take a key.

        Raises:
            ExperimentError: It is empty, or no header can hold it.
        """
        value = value.strip()
        if len(value) < _SHORTEST or not value.isascii() or not value.isprintable():
            raise ExperimentError(
                f"http: {source} holds no key: a key is one line of at least {_SHORTEST} letters, "
                "figures and signs"
            )
        self.source = source
        self._value = value
        self._forms = _forms_of(value)

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a key is not copied")

    def header_value(self, scheme: str) -> str:
        """Write what the header says, after the scheme if there is one: ``Bearer KEY``."""
        return f"{scheme} {self._value}" if scheme else self._value

    def scrub(self, text: str) -> str:
        """Take the key out of a text, also the beginning of it that the text ends with."""
        text = self._scrubbed(text)
        for each in (text, _plain(text)):
            for form in self._forms:
                for length in range(min(len(form), len(each)), _SHORTEST - 1, -1):
                    if each.endswith(form[:length]):
                        return each[:-length] + HIDDEN
        return text

    def scrub_json(self, value: Any) -> Any:
        """Take the key out of all texts of a JSON value, which are whole; numbers stay."""
        if isinstance(value, str):
            return self._scrubbed(value)
        if isinstance(value, dict):
            return {self.scrub_json(name): self.scrub_json(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.scrub_json(inner) for inner in value]
        return value

    def _scrubbed(self, text: str) -> str:
        plain = _plain(text)
        if self._value in plain:
            text = plain
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _plain(text: str) -> str:
    """Undo the escapes of HTML, JSON and URLs, also where they are within one another."""
    for _ in range(_ROUNDS):
        text = unquote(_without_backslashes(html.unescape(text)))
    return text


def _without_backslashes(text: str) -> str:
    return _ESCAPES.sub(lambda found: found[3] or chr(int(found[1] or found[2], 16)), text)


def _forms_of(key: str) -> list[str]:
    """Write a key as it is, in a URL, in JSON and in base64, the longest first."""
    encoded = base64.b64encode(key.encode()).decode().rstrip("=")
    escaped = json.dumps(key)[1:-1]
    forms = {key, quote(key), quote(key, safe=""), escaped, escaped.replace("/", "\\/"), encoded}
    return sorted(forms, key=len, reverse=True)


def read_key(variable: str | None, file: Path | None) -> ApiKey | None:
    """Read the key from where the options say it is; None if they say nothing.

    Raises:
        ExperimentError: It is not there, or is none.
    """
    if variable is not None:
        if variable not in os.environ:
            raise ExperimentError(
                f"[target] api_key_env: the environment variable {variable} is not set; set it to "
                "the key before the run"
            )
        return ApiKey(os.environ[variable], f"the environment variable {variable}")
    if file is None:
        return None
    try:
        with file.open(encoding="utf-8") as opened:
            return ApiKey(opened.read(_LARGEST_FILE), f"the file {file}")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ExperimentError(f"[target] api_key_file: {file}: {cause}") from None


def refuse_literal_keys(name: str, value: Any) -> None:
    """Refuse what looks like a key written into an experiment.

    Args:
        name: What the value is of: an option, a header, a part of a body or of a URL.
        value: The value; a mapping or list is looked through.

    Raises:
        ValueError: There is one; the message does not show it.
    """
    for place, text in _texts(name, value):
        named = text.strip() and KEY_PLACE not in text and is_secret_name(place)
        if named or _KEY_SHAPES.search(text):
            raise ValueError(f"{place!r} holds what looks like a key; {_REMEDY}")


def is_secret_name(name: str) -> bool:
    """Say whether what has this name is a secret: ``Authorization``, ``X-API-Key``, ``token``."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    if not _SECRET_WORDS.isdisjoint(words) or [each for each in words if each != "x"] == ["code"]:
        return True
    if any(second == "key" and first in _BEFORE_KEY for first, second in pairwise(words)):
        return True
    return bool(words) and words[-1].endswith(_SECRET_ENDS) and words[-1] not in _NO_SECRETS


def looks_like_a_key(text: str) -> bool:
    """Say whether a text has the shape of a key of a known kind."""
    return _KEY_SHAPES.search(text) is not None


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """List the texts in a value, each with the name that is nearest to it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(name, inner)
