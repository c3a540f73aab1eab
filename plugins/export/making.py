"""Draws the chosen images, and scores each as the run did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch

from neatfool import RunError, VerificationError, decode_png, encode_png, fit_images, open_scorer

from .workplace import Image

if TYPE_CHECKING:
    from neatfool import Scorer

    from .choosing import Choice
    from .workplace import Workplace

AT_A_TIME: Final = 64
"""So many images, at least, are drawn and scored together; a kill loses no more."""
LARGE_AT_A_TIME: Final = 8
"""The same for images of another size: one may take seconds to draw."""


class Settings(NamedTuple):
    """How images are exported; see the options of these names."""

    least: float
    size: int | None
    verify: bool
    tolerance: float
    licence: str

    def accepts(self, made: Image) -> bool:
        """Say whether an image scored what it should."""
        if not self.verify:
            return True
        if made.measured is None:
            return False
        if self.size is not None:
            return made.measured >= self.least
        return abs(made.measured - made.confidence) <= self.tolerance


def make(
    choices: Sequence[Choice],
    place: Workplace,
    settings: Settings,
    max_queries: int | None,
    note: Callable[[str, int], None],
) -> list[Image]:
    """Draw images and score them; find again what was made before and is right."""
    found, size = {}, settings.size
    for choice in choices:
        made = place.find(_token(choice, settings))
        if made is not None and settings.accepts(made):  # else the target may have been mended
            found[choice] = made
            note("found again", 1)
    missing = [choice for choice in choices if choice not in found]
    missing.sort(key=lambda choice: choice.source.key)
    for source, group in groupby(missing, key=lambda choice: choice.source):
        with ExitStack() as ending:
            scorer, step = None, AT_A_TIME if size is None else LARGE_AT_A_TIME
            if settings.verify:
                try:
                    scorer = open_scorer(source.run, views=True, max_queries=max_queries)
                except RunError as error:
                    raise RunError(f"{error}; or leave the check out: --no-verify") from error
                ending.enter_context(closing(scorer))
                scorer.check_allowed(len(missing) * scorer.views, max_queries)
                step = -(-step // scorer.batch_size) * scorer.batch_size
            of_run = [*group]
            for start in range(0, len(of_run), step):
                batch = of_run[start : start + step]
                note(source.key, 0)
                made_now = _make_batch(batch, scorer, place, settings)
                place.note({_token(choice, settings): each for choice, each in made_now.items()})
                found |= made_now
                note(source.key, len(batch))
    if not any(map(settings.accepts, found.values())):
        place.discard()
        raise VerificationError(
            f"{place.folder}: was not written: none of {len(found):,} images scores "
            + (f"{settings.least:g} at that size" if size else "what its run recorded")
            + "; has the target changed since? `neatfool verify RUN` says more"
        )
    return [found[choice] for choice in choices]


def _token(choice: Choice, settings: Settings) -> str:
    facts = [choice.source.digest, choice.file, choice.elite, *settings[1:3], settings.licence]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _make_batch(
    batch: Sequence[Choice], scorer: Scorer | None, place: Workplace, settings: Settings
) -> dict[Choice, Image]:
    drawn, shown = {}, []
    for choice in batch:
        run = choice.source.run
        holder = run.holder(choice.index, choice.candidate)
        png = holder.png if settings.size is None else encode_png(holder.pixels(settings.size))
        try:
            image = decode_png(png)
        except ValueError as error:
            raise holder.damaged(error) from error
        if scorer is not None:
            shown.append(fit_images(torch.from_numpy(image.copy())[None], scorer.spec))
        drawn[choice] = Image(
            file=choice.file,
            sha256=place.write(choice.file, png),
            name=choice.name,
            index=choice.index,
            confidence=holder.confidence,
            rank=holder.rank,
            run=choice.source.key,
            seed=run.seed,
            generation=holder.generation,
            genome=choice.candidate,
            elite=choice.elite,
            width=image.shape[2],
            height=image.shape[1],
            target=run.experiment["target"]["plugin"],
            fingerprint=run.info["target"]["fingerprint"],
            licence=settings.licence,
        )
    if scorer is None:
        return drawn
    scores = scorer.score(torch.cat(shown))
    usable = np.ones(len(shown), bool) if scores.ok is None else np.asarray(scores.ok)
    rows = zip(drawn.items(), np.asarray(scores.probs), usable, strict=True)
    return {
        choice: made.model_copy(
            update={"measured": float(row[made.index]) if ok and made.index < len(row) else None}
        )
        for (choice, made), row, ok in rows
    }
