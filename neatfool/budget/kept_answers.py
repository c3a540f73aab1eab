"""The answers of a target that costs something, as the ledger keeps them: bytes for each image."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np
from safetensors.numpy import load, save

from neatfool.spec.scores import Labels, Scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFUSED: Final = b""
"""What is kept of an answer that cannot be used."""
_LABELS, _SCORES = b"l", b"s"


def written(answer: Scores | Labels) -> list[bytes]:
    """Write a checked answer, image by image."""
    assert answer.ok is not None
    if isinstance(answer, Labels):
        return [
            _LABELS + json.dumps(found).encode() if ok else REFUSED
            for found, ok in zip(answer.found, answer.ok, strict=True)
        ]
    return [
        _SCORES + zlib.compress(save(_row(answer, row))) if answer.ok[row] else REFUSED
        for row in range(len(answer.probs))
    ]


def _row(scores: Scores, row: int) -> dict[str, np.ndarray]:
    kept = {"probs": scores.probs[row]}
    if scores.logits is not None:
        kept["logits"] = scores.logits[row]
    return {name: np.ascontiguousarray(values) for name, values in kept.items()}


def read(kept: Sequence[bytes], classes: list[str]) -> Scores:
    """Read the answers to N images as scores.

    Args:
        kept: What was written, for each image.
        classes: The class names; those that turn up are added at the end, in the order of the
            images, and of an image the surest first.

    Returns:
        Scores [N, K] of all classes, with ``ok``. A class that an image's answer does not name has
        the confidence 0.
    """
    answers = [_read(each) for each in kept]
    _add_classes(classes, answers)
    numbers = {name: number for number, name in enumerate(classes)}
    ok = np.array([answer is not None for answer in answers], np.bool_)
    dense = [answer for answer in answers if isinstance(answer, Scores)]
    dtype = dense[0].probs.dtype if dense else np.dtype(np.float64)
    probs = np.zeros((len(kept), len(classes)), dtype)
    logits = np.zeros_like(probs) if dense and dense[0].logits is not None else None
    for row, answer in enumerate(answers):
        if isinstance(answer, Scores):
            probs[row] = answer.probs
            if logits is not None:
                logits[row] = answer.logits
        elif answer is not None:
            for name, confidence in answer.items():
                probs[row, numbers[name]] = confidence
    return Scores(probs, logits, ok)


def _read(kept: bytes) -> Scores | Mapping[str, float] | None:
    if kept == REFUSED:
        return None
    if kept.startswith(_LABELS):
        found: dict[str, float] = json.loads(kept[1:])
        return found
    arrays = load(zlib.decompress(kept[1:]))
    return Scores(arrays["probs"], arrays.get("logits"))


def _add_classes(
    classes: list[str], answers: Sequence[Scores | Mapping[str, float] | None]
) -> None:
    known = set(classes)
    for answer in answers:
        if answer is None or isinstance(answer, Scores):
            continue
        new = sorted(answer.keys() - known, key=lambda name: (-answer[name], name))
        known.update(new)
        classes += new
