"""Problems of an experiment, gathered so that all are told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neatfool.errors import LONGEST_QUOTE, ExperimentError, PluginError, printable

if TYPE_CHECKING:
    from neatfool.config.section import Section, Value


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        line: Its line in the file; what is not in the file comes last.
        text: ``where: what; what to do``.
        of_plugin: Whether a plugin is at fault or missing, not the file.
    """

    line: float
    text: str
    of_plugin: bool = False


class Problems:
    """What is wrong so far."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, where: str, what: str) -> None:
        """Note a problem of a line.

        Args:
            where: ``"mnist.ini:6"``.
            what: What is wrong, and what to do.
        """
        line = where.rpartition(":")[2]
        order = int(line) if line.isdecimal() else float("inf")
        self._found.append(Problem(order, f"{where}: {what}"))

    def add_at(
        self, place: Section | Value, section: str, key: str, what: str, *, of_plugin: bool = False
    ) -> None:
        """Note a problem of a section (with an empty key) or of a key.

        Args:
            place: Where it was given.
            section: The section's name.
            key: The key, or nothing.
            what: What is wrong, and what to do.
            of_plugin: Whether a plugin is at fault.
        """
        section, key = printable(section, LONGEST_QUOTE), printable(key, LONGEST_QUOTE)
        name = f"[{section}] {key}".rstrip()
        text = f"{place.where}: {name}: {what}" if place.where else f"{name}: {what}"
        self._found.append(Problem(place.line or float("inf"), text, of_plugin))

    def raise_if_any(self) -> None:
        """Tell all problems, in the order of their lines.

        Raises:
            PluginError: Plugins alone are at fault.
            ExperimentError: There are problems, and not of plugins alone.
        """
        if not self._found:
            return
        found = sorted(dict.fromkeys(self._found), key=lambda problem: problem.line)
        kind = PluginError if all(problem.of_plugin for problem in found) else ExperimentError
        raise kind("\n".join(problem.text for problem in found))
