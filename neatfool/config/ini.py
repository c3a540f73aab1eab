"""INI files, read with line numbers; and what is wrong with them.

A comment begins with ``#`` or ``;`` at the start of a line or after a space. A line that begins
with a space continues the value before it.
"""

import json
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Final

from neatfool.errors import (
    LONGEST_QUOTE,
    ExperimentError,
    PluginError,
    nearest,
    option,
    printable,
    quoted,
)
from neatfool.files import Json

_QUOTED: Final = r'(?<![^\s,\[{:])"(?:[^"\\\n]|\\.)*"'
_COMMENT: Final = re.compile(rf"({_QUOTED})|(?<!\S)[#;].*$")
_ITEM: Final = re.compile(rf"[^\S\n]*({_QUOTED})\s*(?=[,\n]|$)|[^,\n]+")
_INVISIBLE: Final = re.compile("[\x00-\x08\v\f\x0e-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters other than tabs, and line ends that editors do not show."""
_Values = dict[str, tuple[int, list[str]]]
"""The keys of a section: the line of each, and the lines of its value."""


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


def read_ini(
    path: Path, problems: Problems | None = None, others: Collection[str] = ()
) -> tuple[str, dict[str, ConfigSection]]:
    """Read an INI file; give its text, with plain line ends, and its sections.

    ``others`` are what else might be meant if there is no such file.
    """
    text = _read_text(path, others)
    return text, parse_ini(text, path, problems)


def first_comment(text: str) -> str:
    """Give the first paragraph of the comment that begins a file, in one line; empty if none."""
    words: list[str] = []
    for line in text.splitlines():
        comment = line.strip()
        if comment[:1] not in {"#", ";"} or not comment.lstrip("#; "):
            break
        words += comment.lstrip("#;").split()
    return " ".join(words)


def parse_ini(text: str, path: Path, problems: Problems | None = None) -> dict[str, ConfigSection]:
    """Read INI text; ``problems`` takes lines that cannot be read, so that others are checked."""
    noted = Problems() if problems is None else problems
    found: dict[str, tuple[int, _Values]] = {}
    values: _Values | None = None
    value: list[str] | None = None
    lost_header = False
    for number, given in enumerate(text.split("\n"), 1):
        line, fault = _INVISIBLE.sub("", given), ""
        if not without_comment(line).strip():
            pass
        elif line.startswith("["):
            header = without_comment(line).strip()
            name, values, value = header[1:-1].strip(), {}, None
            if not header.endswith("]") or not name or set(name) & set("[]"):
                fault, lost_header = f"{quoted(header)} is no section; write [name]", True
            elif name in found:
                fault = f"{printable(header, LONGEST_QUOTE)} is given twice; merge the two sections"
            else:
                found[name] = number, values
        elif not line[0].isspace():
            key, *value = (part.strip() for part in re.split("[=:]", line, maxsplit=1))
            if not (fault := _fault_of_line(line, key, value, values)) and values is not None:
                values[key] = number, value
        elif value is not None:
            value.append(line)
        else:
            fault = f"{quoted(line.strip())} begins with a space, but continues no value; delete it"
        unseen = _INVISIBLE.search(given)
        code = f"U+{ord(unseen[0]):04X}" if unseen else ""
        if fault := f"holds the invisible character {code}; delete it" if unseen else fault:
            noted.add(f"{path}:{number}", fault)
    if problems is None or lost_header:
        noted.raise_if_any()
    return {
        name: ConfigSection(
            {
                key: ConfigValue(without_comments("\n".join(lines)), f"{path}:{line}", path.parent)
                for key, (line, lines) in values.items()
            },
            f"{path}:{start}",
            path.parent,
        )
        for name, (start, values) in found.items()
    }


def _fault_of_line(line: str, key: str, value: list[str], values: _Values | None) -> str:
    if not (key and value):
        return f"{quoted(line.strip())} is none of: key = value, [section], # comment; mend it"
    if values is None:
        return f"{quoted(line.strip())} is in no section; begin the file with [experiment]"
    return f"{quoted(key)} is given twice in this section; keep one" if key in values else ""


def override(
    sections: Mapping[str, ConfigSection], overrides: Sequence[str], folder: Path
) -> dict[str, ConfigSection]:
    """Replace values by those of ``--set``; their relative paths are relative to a folder."""
    merged = dict(sections)
    for text in overrides:
        place, equals, value = text.partition("=")
        name, _, key = map(str.strip, place.partition("."))
        if not (equals and name and key):
            fault = f"--set {printable(text, LONGEST_QUOTE)}: must be SECTION.KEY=VALUE"
            raise ExperimentError(f"{fault}, for example --set scheme.batch=100")
        where = f"--set {printable(name, LONGEST_QUOTE)}.{printable(key, LONGEST_QUOTE)}"
        if any("\ud800" <= char <= "\udfff" for char in text):  # bytes of the command line
            raise ExperimentError(f"{where}: is not UTF-8 text; write it as UTF-8")
        before = merged.get(name, ConfigSection({}, where, base=folder))
        values = {**before.values, key: ConfigValue(value.strip(), where, folder)}
        merged[name] = replace(before, values=values)
    return merged


def _read_text(path: Path, others: Collection[str]) -> str:
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        is_folder = path.is_dir()
        fault = "is a folder; give an experiment's file" if is_folder else "there is no such file"
        files = (path if is_folder else path.parent).glob("*.ini")
        installed = "; `neatfool experiments list` lists those that come with neatfool"
        known = [str(file) if is_folder else file.name for file in files]
        near = nearest(path.name, [*known, *others])
        if "did you mean" not in near:
            near = nearest(path.name, known)
        raise ExperimentError(f"{path}: {fault}{near or installed}") from None
    except OSError as error:
        raise ExperimentError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0\0" in data:
            fault = "is not an experiment, which is a text file; name a network's file in [target]"
            raise ExperimentError(f"{path}: {fault}") from error
        line = data.count(b"\n", 0, error.start) + 1
        raise ExperimentError(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
