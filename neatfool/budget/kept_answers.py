"""Turns the answers of a target with a budget into bytes for the ledger, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.spec.scores import Labels, Scores

if TYPE_CHECKING:
    from neatfool.spec.image_spec import ImageSpec

REFUSED: Final = b""
"""The bytes of an unusable answer."""
_LABELS, _NUMBERS = b"l", b"n"
"""The first byte of other answers. A JSON object follows; or the dtypes, a line end and the
numbers."""


def write(answer: Scores | Labels) -> list[bytes]:
    """Write a checked answer, image by image."""
    assert answer.ok is not None
    if isinstance(answer, Labels):
        return [
            _LABELS + json.dumps(confidences).encode() if ok else REFUSED
            for confidences, ok in zip(answer.found, answer.ok, strict=True)
        ]
    tables = [answer.probs] if answer.logits is None else [answer.probs, answer.logits]
    head = _NUMBERS + " ".join(table.dtype.str for table in tables).encode() + b"\n"
    return [
        b"".join([head, *(table[row].tobytes() for table in tables)]) if ok else REFUSED
        for row, ok in enumerate(answer.ok)
    ]


def read(kept: Sequence[bytes], classes: list[str], spec: ImageSpec) -> Scores:
    """Read the answers to N images as scores.

    Args:
        kept: The bytes for each image.
        classes: The class names. New names are appended, in the order of the images and, within
            an image, the most confident first.
        spec: The target's spec.

    Returns:
        Scores [N, K] of all classes, with ``ok``. A class that an answer does not name has
        confidence 0.
    """
    answers, known = [_read(each) for each in kept], set(classes)
    for answer in answers:
        if not isinstance(answer, Scores | None):
            new = [(-sure, name) for name, sure in answer.items() if name not in known]
            classes += [name for _, name in sorted(new)]
            known.update(classes)
    numbers = {name: number for number, name in enumerate(classes)}
    ok = np.array([answer is not None for answer in answers], np.bool_)
    dense = [answer for answer in answers if isinstance(answer, Scores)]
    dtype = dense[0].probs.dtype if dense else np.dtype(np.float64)
    probs = np.zeros((len(kept), len(classes)), dtype)
    logits = None
    if dense and dense[0].logits is not None:
        logits = np.zeros((len(kept), len(dense[0].logits)), dtype)
    for row, answer in enumerate(answers):
        if isinstance(answer, Scores):
            probs[row] = answer.probs
            if logits is not None:
                logits[row] = answer.logits
        elif answer is not None:
            for name, confidence in answer.items():
                probs[row, numbers[name]] = confidence
    alone = logits is not None and spec.stands_alone(logits.shape[1])
    return Scores(probs, logits, ok, alone=alone)


def _read(kept: bytes) -> Scores | Mapping[str, float] | None:
    if kept == REFUSED:
        return None
    if kept.startswith(_LABELS):
        confidences: dict[str, float] = json.loads(kept[1:])
        return confidences
    head, _, numbers = kept[1:].partition(b"\n")
    kinds = [np.dtype(kind) for kind in head.decode().split()]
    classes = len(numbers) // sum(kind.itemsize for kind in kinds)
    probs = np.frombuffer(numbers, kinds[0], classes)
    start = probs.nbytes
    return Scores(probs, np.frombuffer(numbers, kinds[1], offset=start) if kinds[1:] else None)
