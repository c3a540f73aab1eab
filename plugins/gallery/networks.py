"""Writes the networks of a run's elites and of their ancestors, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool import percent

from .formula import formula

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool import Ancestor, EliteView, Run

    Write = Callable[[int, list[dict[str, Any]]], None]


class Networks:
    """Numbers a run's networks, and writes them in parts.

    Elites share most of their ancestors. So each network has a number, and a line is a list of
    numbers. The elites' networks come first, in the elites' order: neighbours are read together.

    Args:
        run: The run.
        elites: The elites whose networks to write.
        together: How many networks are in one part.
        steps: How many ancestors of each elite to write, itself included; 0: none.
        write: Given the number of a part and its networks.
    """

    def __init__(
        self, run: Run, elites: Sequence[EliteView], *, together: int, steps: int, write: Write
    ) -> None:
        self._run = run
        self._steps = steps
        own = dict.fromkeys(elite.candidate_id for elite in elites)
        self._numbers = {candidate: number for number, candidate in enumerate(own)}
        parts = -(-len(own) // together)
        self._own = _Parts(0, together, write)
        self._others = _Parts(parts, together, write)
        self._next = parts * together

    def number_of(self, elite: EliteView) -> int:
        """Give the number of an elite's network."""
        return self._numbers[elite.candidate_id]

    def add(self, elite: EliteView) -> None:
        """Write an elite's network and its line, in the order in which elites are given."""
        if self.number_of(elite) < self._own.count:
            return  # one network may be the elite of several classes
        line = self._shorten(self._run.lineage(elite.index)) if self._steps else []
        numbers = [self._add_ancestor(ancestor) for ancestor in line]
        told = _describe(line[-1]) if line else {"generation": elite.generation}
        self._own.add(
            told | formula(elite.graph()) | ({"line": numbers} if numbers else {}),
        )

    def finish(self) -> None:
        """Write what is left."""
        self._own.write()
        self._others.write()

    def _shorten(self, line: Sequence[Ancestor]) -> list[Ancestor]:
        """Choose ancestors evenly, from the random network of generation 0 to the elite's own."""
        line = line[::-1]
        places = np.linspace(0, len(line) - 1, min(len(line), max(self._steps, 1))).round()
        return [line[int(place)] for place in places]

    def _add_ancestor(self, ancestor: Ancestor) -> int:
        found = self._numbers.get(ancestor.candidate_id)
        if found is not None:
            return found
        number = self._numbers[ancestor.candidate_id] = self._next
        self._next += 1
        self._others.add(_describe(ancestor) | formula(ancestor.graph()))
        return number


class _Parts:
    """Collects networks, and writes them when a part is full."""

    def __init__(self, first: int, together: int, write: Write) -> None:
        self.count = 0
        self._part = first
        self._together = together
        self._write = write
        self._networks: list[dict[str, Any]] = []

    def add(self, network: dict[str, Any]) -> None:
        self.count += 1
        self._networks.append(network)
        if len(self._networks) == self._together:
            self.write()

    def write(self) -> None:
        if self._networks:
            self._write(self._part, self._networks)
            self._part += 1
            self._networks = []


def _describe(ancestor: Ancestor) -> dict[str, Any]:
    told: dict[str, Any] = {"generation": ancestor.generation}
    if ancestor.name is not None and ancestor.confidence is not None:
        told["name"] = ancestor.name
        told["sure"] = percent(ancestor.confidence, ancestor.rank or 0.0)
    return told
