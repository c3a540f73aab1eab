"""The experiments that are installed with neatfool, and what their files say of themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from neatfool import ExperimentError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENDING: Final = ".ini"


@dataclass(frozen=True)
class Supplied:
    """An experiment that is installed with neatfool.

    The comment that begins the file says all that is told of it, so nothing is written twice.
    """

    name: str
    text: str

    @property
    def file(self) -> str:
        """The file's name."""
        return self.name + ENDING

    @property
    def about(self) -> str:
        """What it does: the first paragraph of its comment."""
        return self._paragraphs[0]

    @property
    def takes(self) -> str:
        """How long it takes on two cores, in words; empty if its comment does not say."""
        found = re.search(r"\bIt takes (.+?) on two cores\b", " ".join(self._paragraphs))
        return found[1] if found else ""

    @property
    def extras(self) -> list[str]:
        """The extras of neatfool that it needs, in the order in which its comment installs them."""
        return re.findall(r"pip install 'neatfool\[(\w+)\]'", " ".join(self._paragraphs))

    def needed_files(self, known: Iterable[str]) -> list[str]:
        """Give those of the known experiments whose files its options name."""
        named = re.findall(rf"^\w+ = (\w+)\{ENDING}$", self.text, re.MULTILINE)
        return [name for name in named if name in known]

    @cached_property
    def _paragraphs(self) -> list[str]:
        comment = re.match(r"(#.*\n)*", self.text)
        lines = comment[0].splitlines() if comment else []
        paragraphs = "\n".join(line.removeprefix("#").strip() for line in lines).split("\n\n")
        return [" ".join(paragraph.split()) for paragraph in paragraphs]


def read_supplied() -> dict[str, Supplied]:
    """Read the installed experiments, by name. Those that need no extra come first."""
    found = [
        Supplied(file.name.removesuffix(ENDING), file.read_text(encoding="utf-8"))
        for file in files("neatfool_experiments").iterdir()
        if file.name.endswith(ENDING)
    ]
    found.sort(key=lambda each: (len(each.extras), each.name))
    return {each.name: each for each in found}


def choose_supplied(names: Iterable[str], supplied: Mapping[str, Supplied]) -> list[Supplied]:
    """Find experiments by name, with or without ``.ini``, and add those that they refer to.

    Raises:
        ExperimentError: There is none of that name.
    """
    chosen: dict[str, Supplied] = {}
    waiting = [name.removesuffix(ENDING) for name in names]
    while waiting:
        name = waiting.pop(0)
        if name not in supplied:
            raise ExperimentError(
                f"{name}: no such experiment comes with neatfool{nearest(name, supplied)}"
            )
        if name not in chosen:
            chosen[name] = supplied[name]
            waiting += supplied[name].needed_files(supplied)
    return list(chosen.values())
