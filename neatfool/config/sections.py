"""Sections of INI files and their values: text that is read, and what is wrong with it."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from pydantic_core import ErrorDetails

from neatfool.errors import (
    LONGEST_QUOTE,
    ExperimentError,
    PluginError,
    nearest,
    option,
    printable,
    quoted,
)
from neatfool.spec.json import Json

_QUOTED: Final = r'(?<![^\s,\[{:])"(?:[^"\\\n]|\\.)*"'
_COMMENT: Final = re.compile(rf"({_QUOTED})|(?<!\S)[#;].*$")
_ITEM: Final = re.compile(rf"[^\S\n]*({_QUOTED})\s*(?=[,\n]|$)|[^,\n]+")


@dataclass(frozen=True)
class ConfigValue:
    """The value of a key, and its place."""

    given: Json
    """The text of an INI value, or JSON if ``base`` is None."""
    where: str
    """The place, for messages: ``"mnist.ini:6"``."""
    base: Path | None = None
    """The folder that a relative path is relative to; None for JSON."""


@dataclass(frozen=True)
class ConfigSection:
    """The keys of a section in the given order, and its place, as in :class:`ConfigValue`."""

    values: Mapping[str, ConfigValue]
    where: str
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


_PLAIN: Final = {
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "a valid string": "text",
    "a valid dictionary": "a JSON object",
    "a valid list": "a list",
    "greater than or equal to": ">=",
    "less than or equal to": "<=",
    "greater than": ">",
    "less than": "<",
    "Input should be": "must be",
    "List should have": "must have",
    " after validation": "",
}
"""What pydantic says that a value should be, in plain words."""
_SENTENCES: Final = {
    "missing": "missing; give it a value",
    "path_not_file": "there is no file {}",
    "path_not_directory": "there is no folder {}",
}


class Problems:
    """The problems found so far."""

    def __init__(self) -> None:
        # The line of each (infinity if it has none), its text, whether the fault is a plugin's
        # (broken or missing) and not the file's, and what the plugin raised.
        self._noted: list[tuple[float, str, bool, BaseException | None]] = []

    def __len__(self) -> int:
        return len(self._noted)

    def add(self, where: str, fault: str, *, of_plugin: bool = False) -> None:
        """Note a problem of a line, such as ``"mnist.ini:6"``: what is wrong, and what to do."""
        line, text = where.rpartition(":")[2], f"{where}: {fault}" if where else fault
        order = int(line) if line.isdecimal() else float("inf")
        self._noted.append((order, text, of_plugin, sys.exception() if of_plugin else None))

    def add_at(
        self,
        place: ConfigSection | ConfigValue,
        section: str,
        key: str,
        fault: str,
        *,
        of_plugin: bool = False,
    ) -> None:
        """Note a problem of a key, or of a section if the key is empty."""
        name = option(printable(section, LONGEST_QUOTE), printable(key, LONGEST_QUOTE))
        self.add(place.where, f"{name}: {fault}", of_plugin=of_plugin)

    def raise_if_any(self) -> None:
        """Raise one error that lists all problems; PluginError if all are faults of plugins."""
        if not self._noted:
            return
        texts = dict.fromkeys(text for _, text, *_ in sorted(self._noted, key=itemgetter(0)))
        of_plugins = all(of_plugin for _, _, of_plugin, _ in self._noted)
        cause = next((cause for *_, cause in self._noted if cause), None)
        raise (PluginError if of_plugins else ExperimentError)("\n".join(texts)) from cause


def reword(errors: Sequence[ErrorDetails], item: int | None = None) -> str:
    """Say in one line what is wrong with a value or an item: ``"must be > 0, not '-5'"``."""
    prefix, given = "" if item is None else f"item {item + 1} ", errors[0]["input"]
    faults = [*dict.fromkeys(map(_fault, errors))]
    if not all(error["msg"].startswith("Input should be ") for error in errors):
        return prefix + "; ".join(faults)
    wanted = " or ".join(fault.removeprefix("must be ") for fault in faults)
    message = f"{prefix}must be {wanted}, not {shown(given)}"
    expected = " ".join(error.get("ctx", {}).get("expected", "") for error in errors)
    words = expected.replace(" or ", ", ").split(", ")
    near = nearest(str(given), [word.strip("'\" ") for word in words])
    return message + (near if near.startswith("; did you mean") else "")


def _fault(error: ErrorDetails) -> str:
    """Say in plain words what is wrong; of a wrong type: ``"must be ..."``."""
    if error["type"] in _SENTENCES:
        words = _SENTENCES[error["type"]].format(error["input"])
        # Other options take @FILE, for names that it lists.
        return f"{words}; leave the @ out" if "/@" in words else words
    if own := error.get("ctx", {}).get("error"):  # of a validator
        return str(own)
    words = re.sub(", (unable|got) .*", "", error["msg"])
    for usual, plain in _PLAIN.items():
        words = words.replace(usual, plain)
    return words if words.startswith("must be ") else f"{words}, got {shown(error['input'])}"


def shown(given: Any) -> str:
    """Write a value for a message; a long one is cut."""
    return quoted(given) if isinstance(given, str) else printable(repr(given), LONGEST_QUOTE)
