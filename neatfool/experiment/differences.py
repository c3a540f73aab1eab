"""Differences between two experiments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neatfool.spec.json import Json


def differences(one: Json, other: Json) -> Iterator[tuple[str, Json, Json]]:
    """Compare two experiments, each section -> key -> value.

    Yields:
        For each option that differs: ``"[section] key"`` and its two values, None if absent.
    """
    for section in dict.fromkeys([*one, *other]):
        here, there = one.get(section) or {}, other.get(section) or {}
        for key in dict.fromkeys([*here, *there]):
            if here.get(key) != there.get(key):
                yield f"[{section}] {key}", here.get(key), there.get(key)


def agrees(recorded: Json, now: Json) -> bool:
    """Say whether an experiment has what a run recorded; a later version has more options."""
    return recorded.keys() == now.keys() and all(
        _holds(section, now[name]) for name, section in recorded.items()
    )


def _holds(recorded: Json, now: Json) -> bool:
    if isinstance(recorded, dict) and isinstance(now, dict):
        return all(key in now and _holds(value, now[key]) for key, value in recorded.items())
    return bool(recorded == now)
