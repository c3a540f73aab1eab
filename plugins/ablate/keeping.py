"""Keeping what is finished beside the run, so that an interrupted command goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from neatfool import read_whole, refuse_link

from .ablation import Ablation

if TYPE_CHECKING:
    from neatfool import EliteView, Run, Scorer

FILE: Final = "ablation.jsonl"
METHOD: Final = 1
"""Changes when elites are taken apart in another way, so that kept ones are not mixed with new."""
_ABLATION: Final = TypeAdapter(Ablation)


class Journal:
    """The file ``RUN/ablation.jsonl``: a line for each elite that was taken apart.

    Attributes:
        fault: Why it cannot be written; empty if it can.
    """

    def __init__(self, run: Run, scorer: Scorer, tiles: int) -> None:
        """Read what was found with the same target and the same tiles.

        Raises:
            StorageError: The file is a link.
        """
        self._path = refuse_link(run.path / FILE)
        self._how = [METHOD, scorer.fingerprint, tiles]
        self._kept: dict[tuple[int, int], Ablation] = {}
        self.fault = ""
        there = self._path.exists()
        text = read_whole(self._path).decode(errors="replace") if there else ""
        self._before = "\n" if text and not text.endswith("\n") else ""
        for line in text.splitlines():
            try:
                told = json.loads(line)
                if told["how"] == self._how:
                    found = _ABLATION.validate_python(told["ablation"])
                    self._kept[found.index, found.candidate_id] = found
            except (ValueError, TypeError, KeyError, ValidationError):
                continue  # the command was killed while it wrote this line

    def find(self, elite: EliteView) -> Ablation | None:
        """Give what was found of an elite; None if nothing was."""
        return self._kept.get((elite.index, elite.candidate_id))

    def add(self, found: Ablation) -> None:
        """Write down what was found; where a run cannot be written to, it is not kept."""
        line: dict[str, Any] = {"how": self._how}
        line["ablation"] = _ABLATION.dump_python(found, mode="json")
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{self._before}{json.dumps(line)}\n")
            self._before = ""
        except OSError as error:
            self.fault = str(error.strerror or error)
