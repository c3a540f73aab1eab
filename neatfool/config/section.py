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
    """What a key was given.

    Attributes:
        given: The text; or, where ``base`` is None, JSON.
        where: What an error says of the place: ``"mnist.ini:6"``.
        base: What a relative path is relative to; None if ``given`` is not the text of an INI
            value but JSON.
        line: The line in the file, 0 outside it.
    """

    given: Json
    where: str
    base: Path | None = None
    line: int = 0


@dataclass(frozen=True)
class Section:
    """The keys of a section, in the order in which they were given; places as in :class:`Value`."""

    values: Mapping[str, Value]
    where: str
    line: int = 0
    base: Path | None = None
