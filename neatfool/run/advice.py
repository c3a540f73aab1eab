"""Advice in messages about a run: commands or Python, depending on how the run began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from neatfool.spec.json import Json

FROM_PYTHON: Final = "python"
"""The name of a target from Python, which is no plugin, in a resolved experiment."""


class Advice(NamedTuple):
    """How to resume a run, lengthen it, overwrite it, write it elsewhere, or allow more queries."""

    resume: str
    lengthen: str
    overwrite: str
    elsewhere: str
    allow: str


def is_from_python(resolved: Mapping[str, Json]) -> bool:
    """Say whether a run's target is an object of a Python session and no plugin."""
    return bool(resolved.get("target", {}).get("plugin") == FROM_PYTHON)


def advice_for(resolved: Mapping[str, Json], folder: Path) -> Advice:
    """Choose the advice for a run with a resolved experiment."""
    if is_from_python(resolved):
        return Advice(
            resume="neatfool.fool with resume_run=True",
            lengthen="resume_run=True with a greater length",
            overwrite="overwrite=True",
            elsewhere="out=FOLDER",
            allow="max_queries=N",
        )
    return Advice(
        resume=f"`neatfool resume {folder}`",
        lengthen="`neatfool resume RUN --generations N`",
        overwrite="--overwrite",
        elsewhere="--out DIR",
        allow="--max-queries N",
    )
