"""A section of an INI file: its keys, and where each was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from neatfool.spec.json import Json


@dataclass(frozen=True)
class Value:
    """The value of a key, and its place.

    Attributes:
        given: The text of an INI value, or JSON if ``base`` is None.
        where: The place, for messages: ``"mnist.ini:6"``.
        base: The folder that a relative path is relative to; None for JSON.
        line: The line in the file; 0 if the value is from elsewhere.
    """

    given: Json
    where: str
    base: Path | None = None
    line: int = 0


@dataclass(frozen=True)
class Section:
    """The keys of a section in the given order, and its place, as in :class:`Value`."""

    values: Mapping[str, Value]
    where: str
    line: int = 0
    base: Path | None = None
