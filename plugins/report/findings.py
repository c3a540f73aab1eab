"""What other commands found out about a run: JSON files that they left in its folder."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field, TypeAdapter

from neatfool import percent, read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neatfool import EliteView, Run

SURVIVAL: Final = "survival.json"
"""What ``neatfool survive --report`` leaves; under ``images`` it has a list for each class."""
_IMAGES: Final = TypeAdapter(dict[str, list[tuple[str, float, bool]]])


class Bar(BaseModel):
    """A row of a finding: what it is of, a share from 0 to 1, and a figure."""

    name: str
    share: float = Field(ge=0, le=1)
    note: str


class Finding(BaseModel):
    """What a command found out about a run, for its report."""

    title: str
    text: str
    bars: list[Bar]


def read_findings(folder: Path) -> list[Finding]:
    """Read the key ``report`` of JSON files that commands left in the run's folder."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # another program's file
            found.append(Finding(**read_json(path)["report"]))
    return found


def read_survival(run: Run, elites: Sequence[EliteView]) -> tuple[list[str], dict[str, list[str]]]:
    """Read what was done to the images, in words, and what is left of each confidence.

    Args:
        run: The run.
        elites: Its elites. Those that came after the images were measured are left out.

    Returns:
        The changes; and for each class its confidence after each change, in words, behind a minus
        if the class has lost the first place.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = read_json(run.path / SURVIVAL)
        images = _IMAGES.validate_python(told["images"])
        scored = {report.generation: report.evaluations for report in run.history}
        measured = {e.name for e in elites if scored[e.generation] <= told["evaluations"]}
        changes = [what for what, *_ in next(iter(images.values()), [])]
        return changes, {
            name: [f"{'' if first else '-'}{percent(sure)}" for _, sure, first in rows]
            for name, rows in images.items()
            if name in measured and [what for what, *_ in rows] == changes
        }
    return [], {}
