"""Sections of INI files and their values: text that is read, and text that reads back.

Text in double quotes is a JSON string: it keeps spaces at its ends, `` #``, and a comma in an item.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from neatfool.spec.json import Json

_QUOTED: Final = r'(?<![^\s,\[{:])"(?:[^"\\\n]|\\.)*"'
_COMMENT: Final = re.compile(rf"({_QUOTED})|(?<!\S)[#;].*$")
_ITEM: Final = re.compile(rf"\s*({_QUOTED})\s*(?=[,\n]|$)|[^,\n]+")


@dataclass(frozen=True)
class Value:
    """The value of a key, and its place."""

    given: Json
    """The text of an INI value, or JSON if ``base`` is None."""
    where: str
    """The place, for messages: ``"mnist.ini:6"``."""
    base: Path | None = None
    """The folder that a relative path is relative to; None for JSON."""
    line: int = 0
    """The line in the file; 0 if the value is from elsewhere."""


@dataclass(frozen=True)
class Section:
    """The keys of a section in the given order, and its place, as in :class:`Value`."""

    values: Mapping[str, Value]
    where: str
    line: int = 0
    base: Path | None = None


def unquote(text: str) -> str:
    """Give the text that a value stands for: the JSON string in double quotes, or else itself."""
    if re.fullmatch(_QUOTED, text):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def split(text: str, *, at_spaces: bool = False) -> list[str]:
    """Split a list's text at commas and line ends, perhaps at spaces too; skip empty items."""
    if at_spaces:
        text = ",".join(text.split())
    items = (match.group(1) or match.group().strip() for match in _ITEM.finditer(text))
    return [unquote(item) for item in items if item]


def write_ini(
    sections: Mapping[str, Mapping[str, Json]], unset: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """Write section -> key -> value as INI text; ``unset`` has comments for keys that are None."""
    written = []
    for name, values in sections.items():
        comments = (unset or {}).get(name, {})
        lines = [
            f"#{key} = {comments[key]}" if value is None else f"{key} = {write_value(value)}"
            for key, value in values.items()
            if value is not None or key in comments
        ]
        lines = [line.rstrip() for line in lines]
        if lines:
            written.append("\n".join([f"[{name}]", *lines, ""]))
    return "\n".join(written)


def write_value(value: Json) -> str:
    """Write a JSON value other than None as text that reads back as the same value."""
    if isinstance(value, str):
        plain = value.isprintable() and value.strip() == value
        read_back = plain and without_comments(value) == value == unquote(value)
        return value if read_back else _write_json(value)
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return ", ".join(_write_item(item) for item in value)
    if isinstance(value, float):
        return repr(value)
    return _write_json(value)


def _write_item(item: Json) -> str:
    text = write_value(item)
    if not isinstance(item, str):
        return text
    return text if text == item != "" and not set(item) & set(',"') else _write_json(item)


def _write_json(value: Json) -> str:
    """Write JSON without the signs that begin comments."""
    return json.dumps(value).replace("#", "\\u0023").replace(";", "\\u003b")


def without_comments(value: str) -> str:
    """Cut the comments off the lines of a value, and drop the lines that are empty then."""
    lines = (without_comment(line).strip() for line in value.split("\n"))
    return "\n".join(line for line in lines if line)


def without_comment(line: str) -> str:
    """Cut the comment off a line."""
    for match in _COMMENT.finditer(line):
        if not match.group(1):
            return line[: match.start()]
    return line
