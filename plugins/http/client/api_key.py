"""The key to a service, which nothing that is written shows."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from neatfool import ExperimentError

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN: Final = "[the key]"
_LARGEST_FILE: Final = 16_384
"""So many characters of a file are read: far more than any key has."""
_SHORTEST: Final = 4
"""A shorter key would be found in words and numbers that have nothing to do with it."""
_ROUNDS: Final = 2
"""Escapes within escapes are undone this often: a page may quote JSON that quotes a URL."""
_ESCAPES: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"'/]))")


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
        self._forms = _list_forms(value)

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
        text = self._replace(text)
        for each in (text, _unescape(text)):
            for form in self._forms:
                for length in range(min(len(form), len(each)), _SHORTEST - 1, -1):
                    if each.endswith(form[:length]):
                        return each[:-length] + HIDDEN
        return text

    def scrub_json(self, value: Any) -> Any:
        """Take the key out of all texts of a JSON value, which are whole; numbers stay."""
        if isinstance(value, str):
            return self._replace(value)
        if isinstance(value, dict):
            return {self.scrub_json(name): self.scrub_json(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.scrub_json(inner) for inner in value]
        return value

    def _replace(self, text: str) -> str:
        if self._value in (plain := _unescape(text)):
            text = plain
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _unescape(text: str) -> str:
    """Undo the escapes of HTML, JSON and URLs, also where they are within one another."""
    for _ in range(_ROUNDS):
        text = _ESCAPES.sub(
            lambda found: found[3] or chr(int(found[1] or found[2], 16)), html.unescape(text)
        )
        text = unquote(text)
    return text


def _list_forms(key: str) -> list[str]:
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
