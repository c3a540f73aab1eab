"""What messages advise about a run, in the words of the place where it was begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from neatfool.spec.json import Json

FROM_PYTHON: Final = "python"
"""What a resolved experiment has for the name of a target that is no plugin."""


class Advice(NamedTuple):
    """How to do what messages advise."""

    resume: str
    lengthen: str
    overwrite: str
    elsewhere: str


def is_from_python(resolved: Mapping[str, Json]) -> bool:
    """Say whether a run's target is an object of a Python session, and no plugin."""
    return bool(resolved.get("target", {}).get("plugin") == FROM_PYTHON)


def advice_for(resolved: Mapping[str, Json], folder: Path) -> Advice:
    """Choose the words for a run.

    Args:
        resolved: Its resolved experiment.
        folder: Its folder.
    """
    if is_from_python(resolved):
        return Advice(
            resume="neatfool.fool with resume_run=True",
            lengthen="resume_run=True with a greater length",
            overwrite="overwrite=True",
            elsewhere="out=FOLDER",
        )
    return Advice(
        resume=f"`neatfool resume {folder}`",
        lengthen="`neatfool resume RUN --generations N`",
        overwrite="--overwrite",
        elsewhere="--out DIR",
    )
