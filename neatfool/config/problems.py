"""Collects the problems of an experiment, so that one message lists them all."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neatfool.errors import LONGEST_QUOTE, ExperimentError, PluginError, option, printable

if TYPE_CHECKING:
    from neatfool.config.section import Section, Value


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        line: Its line in the file; infinity if it has none.
        text: ``where: what; what to do``.
        of_plugin: Whether the fault is a plugin's (broken or missing) and not the file's.
        cause: What the plugin raised.
    """

    line: float
    text: str
    of_plugin: bool = False
    cause: BaseException | None = field(default=None, compare=False)


class Problems:
    """The problems found so far."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, where: str, what: str) -> None:
        """Note a problem of a line, such as ``"mnist.ini:6"``: what is wrong, and what to do."""
        line = where.rpartition(":")[2]
        order = int(line) if line.isdecimal() else float("inf")
        self._found.append(Problem(order, f"{where}: {what}"))

    def add_at(
        self, place: Section | Value, section: str, key: str, what: str, *, of_plugin: bool = False
    ) -> None:
        """Note a problem of a key, or of a section if the key is empty."""
        section, key = printable(section, LONGEST_QUOTE), printable(key, LONGEST_QUOTE)
        name = option(section, key)
        text = f"{place.where}: {name}: {what}" if place.where else f"{name}: {what}"
        cause = sys.exception() if of_plugin else None
        self._found.append(Problem(place.line or float("inf"), text, of_plugin, cause))

    def raise_if_any(self) -> None:
        """Raise one error that lists all problems, in the order of their lines.

        Raises:
            PluginError: All problems are faults of plugins.
            ExperimentError: There are other problems.
        """
        if not self._found:
            return
        found = sorted(dict.fromkeys(self._found), key=lambda problem: problem.line)
        kind = PluginError if all(problem.of_plugin for problem in found) else ExperimentError
        cause = next((problem.cause for problem in found if problem.cause), None)
        raise kind("\n".join(problem.text for problem in found)) from cause
