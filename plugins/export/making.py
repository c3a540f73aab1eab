"""Draws the chosen images, and scores each as the run did."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool import RunError, decode_png, encode_png, fit_images, open_scorer

from .workplace import Made

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool import EliteView, Scorer

    from .choosing import Choice, Source
    from .settings import Settings
    from .workplace import Workplace

AT_A_TIME: Final = 64
"""So many images, at least, are drawn and scored together; a kill loses no more."""
LARGE_AT_A_TIME: Final = 8
"""The same for images of another size: one may take seconds to draw."""


def make(
    choices: Sequence[Choice],
    place: Workplace,
    *,
    settings: Settings,
    max_queries: int | None,
    note: Callable[[str, int], None] = lambda what, images: None,
) -> dict[Choice, Made]:
    """Draw images and score them; find again what was made before and is right.

    Args:
        choices: What to draw.
        place: Where to write it.
        settings: At which size, and whether to score each again, on its run's target.
        max_queries: How many images may be sent to targets that cost something to ask.
        note: Told what is under way, and how many images are ready since it was last told.

    Raises:
        RunError: A run is damaged, or only Python has its target.
        TargetError: A target failed.
        BudgetSpent: A target costs something, and ``max_queries`` does not suffice.
        StorageError: The folder cannot be written.
    """
    found, size = {}, settings.size
    for choice in choices:
        made = place.find(_token(choice, size))
        if made is not None and settings.accepts(made):  # else the target may have been mended
            found[choice] = made if settings.verify else replace(made, measured=None)
            note("found again", 1)
    missing = [choice for choice in choices if choice not in found]
    missing.sort(key=lambda choice: choice.source.key)
    for source, group in groupby(missing, key=lambda choice: choice.source):
        with ExitStack() as ending:
            scorer = None
            if settings.verify:
                scorer = ending.enter_context(closing(_load(source, max_queries)))
                scorer.check_allowed(len(missing) * scorer.views, max_queries)
            of_run = [*group]
            step = AT_A_TIME if size is None else LARGE_AT_A_TIME
            if scorer is not None:
                step = -(-step // scorer.batch_size) * scorer.batch_size
            for start in range(0, len(of_run), step):
                batch = of_run[start : start + step]
                note(source.key, 0)
                made_now = _make_batch(batch, scorer, place, size)
                place.note({_token(choice, size): made_now[choice] for choice in batch})
                found |= made_now
                note(source.key, len(batch))
    return {choice: found[choice] for choice in choices}


def _token(choice: Choice, size: int | None) -> str:
    facts = [choice.source.digest, choice.file, choice.candidate, size]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _load(source: Source, max_queries: int | None) -> Scorer:
    try:
        return open_scorer(source.run, views=True, max_queries=max_queries)
    except RunError as error:
        raise RunError(f"{error}; or leave the check out: --no-verify") from error


def _make_batch(
    batch: Sequence[Choice], scorer: Scorer | None, place: Workplace, size: int | None
) -> dict[Choice, Made]:
    drawn, shown = {}, []
    for choice in batch:
        holder = choice.source.run.holder(choice.index, choice.candidate)
        png = holder.png if size is None else encode_png(holder.pixels(size))
        image = _decode(holder, png)
        if scorer is not None:
            shown.append(fit_images(torch.from_numpy(image.copy())[None], scorer.spec))
        drawn[choice] = Made(
            file=choice.file,
            sha256=place.write(choice.file, png),
            generation=holder.generation,
            confidence=holder.confidence,
            rank=holder.rank,
            width=image.shape[2],
            height=image.shape[1],
            measured=None,
        )
    if scorer is None:
        return drawn
    measured = _score(scorer, torch.cat(shown), [choice.index for choice in batch])
    return {
        choice: replace(made, measured=confidence)
        for (choice, made), confidence in zip(drawn.items(), measured, strict=True)
    }


def _decode(holder: EliteView, png: bytes) -> np.ndarray:
    try:
        return decode_png(png)
    except ValueError as error:
        raise holder.damaged(error) from error


def _score(scorer: Scorer, images: torch.Tensor, indices: Sequence[int]) -> list[float | None]:
    """Score images; give their confidences in their own classes, None for those without a score."""
    scores = scorer.score(images)
    usable = np.ones(len(images), bool) if scores.ok is None else np.asarray(scores.ok)
    return [
        float(row[index]) if ok and index < len(row) else None
        for row, index, ok in zip(np.asarray(scores.probs), indices, usable, strict=True)
    ]
