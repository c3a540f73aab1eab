"""Checks the answers of targets that name only some classes."""

from collections.abc import Collection
from typing import Any

from neatfool.errors import TargetError
from neatfool.spec.image_spec import ImageSpec, is_text
from neatfool.spec.scores import ROUNDING, Labels


def check_labels(answer: Labels, count: int, spec: ImageSpec, name: str) -> Labels:
    """Check the classes named for ``count`` images; what is wrong is not ok, and has none."""
    ok = [True] * count if answer.ok is None else [bool(each) for each in answer.ok]
    if len(answer.found) != count or len(ok) != count:
        raise TargetError(
            f"{name}: score() named classes for {len(answer.found)} images, but was given {count}"
        )
    known = None if spec.open else set(spec.classes)
    confidences = [
        _confidences(each, known) if usable else None
        for each, usable in zip(answer.found, ok, strict=True)
    ]
    return Labels([each or {} for each in confidences], [each is not None for each in confidences])


def _confidences(named: Any, known: Collection[str] | None) -> dict[str, float] | None:
    try:
        read = {str(label): float(value) for label, value in named.items()}
    except (AttributeError, TypeError, ValueError):
        return None
    in_range = all(-ROUNDING <= value <= 1 + ROUNDING for value in read.values())
    usual = is_text if known is None else known.__contains__
    known_only = all(label.strip() and usual(label) for label in read)
    if not (in_range and known_only):
        return None
    return {label: min(max(value, 0.0), 1.0) for label, value in read.items()}
