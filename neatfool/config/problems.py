"""The problems of an experiment, collected so that one message lists them all, in plain words."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from neatfool.config.values import Section, Value
from neatfool.errors import (
    LONGEST_QUOTE,
    ExperimentError,
    PluginError,
    nearest,
    option,
    printable,
    quoted,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


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
}
"""What pydantic says that a value should be, in plain words."""
_SENTENCES: Final = {
    "missing": "missing; give it a value",
    "path_not_file": "there is no file {input}",
    "path_not_directory": "there is no folder {input}",
    "path_exists": "{input} exists already; give another",
    "too_short": "too few items ({actual_length}); give at least {min_length}",
    "too_long": "too many items ({actual_length}); give at most {max_length}",
    "value_error": "{error}",
    "assertion_error": "{error}",
}


class Problems:
    """The problems found so far."""

    def __init__(self) -> None:
        # The line of each (infinity if it has none), its text, whether the fault is a plugin's
        # (broken or missing) and not the file's, and what the plugin raised.
        self._noted: list[tuple[float, str, bool, BaseException | None]] = []

    def __len__(self) -> int:
        return len(self._noted)

    def add(self, where: str, fault: str) -> None:
        """Note a problem of a line, such as ``"mnist.ini:6"``: what is wrong, and what to do."""
        line = where.rpartition(":")[2]
        order = int(line) if line.isdecimal() else float("inf")
        self._noted.append((order, f"{where}: {fault}", False, None))

    def add_at(
        self, place: Section | Value, section: str, key: str, fault: str, *, of_plugin: bool = False
    ) -> None:
        """Note a problem of a key, or of a section if the key is empty."""
        name = option(printable(section, LONGEST_QUOTE), printable(key, LONGEST_QUOTE))
        text = f"{place.where}: {name}: {fault}" if place.where else f"{name}: {fault}"
        cause = sys.exception() if of_plugin else None
        self._noted.append((place.line or float("inf"), text, of_plugin, cause))

    def raise_if_any(self) -> None:
        """Raise one error that lists all problems; PluginError if all are faults of plugins."""
        if not self._noted:
            return
        texts = dict.fromkeys(text for _, text, *_ in sorted(self._noted, key=itemgetter(0)))
        kind = (
            PluginError if all(of_plugin for _, _, of_plugin, _ in self._noted) else ExperimentError
        )
        cause = next((cause for *_, cause in self._noted if cause), None)
        raise kind("\n".join(texts)) from cause


def reword(errors: Sequence[ErrorDetails], item: int | None = None) -> str:
    """Say in one line what is wrong with a value or an item: ``"must be > 0, not '-5'"``."""
    prefix = "" if item is None else f"item {item + 1} "
    wanted = [*dict.fromkeys(map(_must_be, errors))]
    if not all(wanted):
        return prefix + "; ".join(dict.fromkeys(map(_reword_one, errors)))
    given = errors[0]["input"]
    message = f"{prefix}must be {' or '.join(wanted)}, not {shown(given)}"
    expected = " ".join(error.get("ctx", {}).get("expected", "") for error in errors)
    words = expected.replace(" or ", ", ").split(", ")
    near = nearest(str(given), [word.strip("'\" ") for word in words])
    message += near if near.startswith("; did you mean") else ""
    if isinstance(given, str) and "\n" in given:
        message += "; a line that begins with a space continues the value of the line before"
    return message


def _must_be(error: ErrorDetails) -> str:
    """Say what a value must be; nothing if the error is of another kind."""
    if not error["msg"].startswith("Input should be ") or error["type"] in _SENTENCES:
        return ""
    words = re.sub(", (unable|got) .*", "", error["msg"].removeprefix("Input should be "))
    for usual, plain in _PLAIN.items():
        words = words.replace(usual, plain)
    return words


def _reword_one(error: ErrorDetails) -> str:
    if error["type"] in _SENTENCES:
        context = {"input": error["input"], **error.get("ctx", {})}
        return _SENTENCES[error["type"]].format(**context)
    if words := _must_be(error):
        return f"must be {words}, not {shown(error['input'])}"
    message = error["msg"]
    return f"{message[:1].lower()}{message[1:]}, got {shown(error['input'])}"


def shown(given: Any) -> str:
    """Write a value for a message; a long one is cut."""
    return quoted(given) if isinstance(given, str) else printable(repr(given), LONGEST_QUOTE)
