"""Takes images apart: copies and tiles go away, and the rest is scored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
from PIL import Image
from scipy.special import logit

from neatfool import (
    EliteView,
    ExperimentError,
    Run,
    Scorer,
    choose_elites,
    encode_png,
    fit_images,
    open_runs,
    open_scorer,
    rank,
)
from neatfool.measure import RunFacts, check_classes, find_class, from_pillow
from neatfool.present import Cell, Output, evenly
from neatfool.wording import counted

from .finding import Ablation, EliteAblation, RepetitionScores, Score
from .repetition import MOST_COPIES, find_repetition, hide_copies, hide_tiles, label_copies

USUAL_TILES: Final = 8
SIDE: Final = 448
"""Pixels of a map's longer side."""
LARGEST_ODDS: Final = 100.0
"""Log-odds are cut off here, so that they are always numbers: no network is as sure as that."""
SUREST: Final = 1e-12
"""Where a target gives no logits, confidences nearer to 0 or 1 than this count as this."""
LEAST_RANGE: Final = 0.5
"""A drop in log-odds that counts as full colour at least, so that noise is not made to look like
something."""
MISSED, HARMFUL = (230, 97, 10), (13, 107, 184)
SHOWN: Final = 10
"""The page shows so many elites at most, so that it stays below a few MB."""


def ablate(
    run: Run | str | Path,
    *,
    tiles: int | None = None,
    classes: Sequence[str] = (),
    least: float | None = None,
    sample: int | None = None,
    target: Annotated[str | Path | None, "EXPERIMENT"] = None,
    seed: int = 1,
    max_queries: int | None = None,
    console: Output | None = None,
) -> Ablation:
    """Find the parts of images that carry the confidence.

    Parts are hidden, and what is left is scored again: tiles of the image, and copies of what it
    repeats. An elite takes 65 images for its tiles, and up to 33 for its copies.

    Args:
        run: The run, or the folder that holds it.
        tiles: Divide an image into N x N tiles, and hide one at a time.  [default: 8]
        classes: The classes of the elites; all if empty.
        least: Their least recorded confidence.
        sample: How many to draw at random; all if absent.
        target: Score with the target of this experiment's file, and not with the run's own. It
            needs the same names of classes.
        seed: The seed of the sample.
        max_queries: The most images to send to a target that costs something to ask.
        console: Shows how far it is.

    Raises:
        ExperimentError: There is no such class, or the target does not know the classes, or there
            are more tiles than pixels.
        RunError: No elite fits.
        UntrustedRun: Another person made the run, whose own target is to score.
        BudgetSpent: The target costs something, and the budget does not suffice.

    Examples:
        neatfool ablate runs/mnist-1
        neatfool ablate runs/imagenet-1 --classes "school bus,starfish" --html parts.html
        neatfool ablate runs/imagenet-1 --least 0.5 --sample 200 --csv parts.csv
        neatfool ablate runs/imagenet-1 --sample 5 --tiles 14 --json
    """
    console = console or Output(quiet=True)
    with (
        open_runs(run, scored=target is None, for_classifiers="neatfool ablate") as opened,
        ExitStack() as ending,
    ):
        if len(opened) > 1:
            raise ExperimentError(f"{run}: holds {len(opened)} runs; name one of them")
        own = opened[0]
        elites = choose_elites(own, classes=classes, least=least, sample=sample, seed=seed)
        most = min(own.spec.height, own.spec.width)
        if tiles is not None and not 1 <= tiles <= most:
            raise ExperimentError(
                f"--tiles {tiles}: the run's images have {own.spec.width} x {own.spec.height} "
                f"pixels; give a number from 1 to {most}"
            )
        tiles = tiles or min(USUAL_TILES, most)
        images = len(elites) * (1 + tiles**2 + 2 * MOST_COPIES + 1)
        with console.status("loading the target"):
            scorer = open_scorer(target or own, max_queries=max_queries, images=images)
        ending.callback(scorer.close)
        check_classes(scorer, elites)
        if scorer.costs:
            scorer.check_allowed(images, max_queries)
            console.say(f"{scorer.name}: this takes up to {counted(images, 'query', 'queries')}")
        items = []
        with console.progress(len(elites), "elites") as note:
            for elite in elites:
                note(elite.name, 0)
                items.append(_ablate(elite, scorer, tiles))
                note(elite.name, 1)
        order = np.argsort([-item.saved.log_odds for item in items], kind="stable")
        for place in order[evenly(len(order), SHOWN)].tolist():
            strip = tuple(_strip(elites[place], items[place]))
            items[place] = items[place].model_copy(update={"strip": strip})
        return Ablation(
            run=RunFacts(**RunFacts.facts(own, elites)),
            target=scorer.name,
            own_target=target is None,
            tiles=tiles,
            repeated=sum(item.repeats is not None for item in items),
            medians=_medians(items),
            elites=tuple(items),
        )


def _medians(items: Sequence[EliteAblation]) -> dict[str, float]:
    """Give the median of each share over the images that have it."""
    shares: dict[str, list[float]] = defaultdict(list)
    for item in items:
        for measure, value in item.shares().items():
            shares[measure].append(value)
    return {measure: float(np.median(each)) for measure, each in shares.items()}


def _score_images(scorer: Scorer, elite: EliteView, images: torch.Tensor) -> list[Score]:
    """Score images of a class, uint8 [N, C, H, W]; the first of them is the whole."""
    fitted = fit_images(images, scorer.spec)  # of equal images, one is scored
    keys = [image.tobytes() for image in fitted.cpu().numpy()]
    rows = {key: row for row, key in enumerate(keys)}
    scores = scorer.score(fitted[list(rows.values())])
    probs = np.asarray(scores.probs, np.float64)
    column = find_class(elite, scorer.spec.classes)
    known = 0 <= column < probs.shape[1]  # else an open target may yet meet it
    confidences = probs[:, column] if known else np.zeros(len(rows))
    odds = logit(np.clip(confidences, SUREST, 1 - SUREST))
    if scores.logits is not None and known:
        usable = probs.sum(1) > 0
        odds[usable] = rank(scores.part(usable))[:, column]
    odds = np.clip(odds, -LARGEST_ODDS, LARGEST_ODDS)
    sure = confidences[0]
    lost = 1 - confidences / sure if sure else np.zeros(len(rows))
    found = {
        key: Score(confidence=confidences[place], log_odds=odds[place], lost=lost[place])
        for place, key in enumerate(rows)
    }
    return [found[key] for key in keys]


def _ablate(elite: EliteView, scorer: Scorer, tiles: int) -> EliteAblation:
    """Take an elite apart."""
    image = elite.saved_pixels()
    images = [image, *hide_tiles(image, tiles)]
    if repetition := find_repetition(image):
        labels = label_copies(image.shape[1:], repetition)
        looked_at, hidden = hide_copies(image, labels)
        images += hidden
    saved, *scores = _score_images(scorer, elite, torch.from_numpy(np.stack(images)))
    repeats = None
    if repetition:
        half, *rest = scores[tiles**2 :]
        repeats = RepetitionScores(
            **repetition.model_dump(),
            copies=int(labels.max()) + 1,
            looked_at=tuple(looked_at),
            alone=tuple(rest[: len(looked_at)]),
            without=tuple(rest[len(looked_at) :]),
            half=half,
        )
    return EliteAblation(
        name=elite.name,
        index=elite.index,
        genome=elite.candidate_id,
        recorded=elite.confidence,
        saved=saved,
        tiles=tuple(tuple(scores[row * tiles : (row + 1) * tiles]) for row in range(tiles)),
        repeats=repeats,
    )


def _strip(elite: EliteView, item: EliteAblation) -> Iterator[Cell]:
    """Show an image as saved, what its tiles are worth, and some of its copies."""
    image = elite.saved_pixels()
    yield Cell(encode_png(image), "as saved", item.saved.words)
    yield Cell(_draw_map(image, item), "without a tile", f"at least {item.worst_tile.words}")
    if repeats := item.repeats:
        _, (half, *alone) = hide_copies(image, label_copies(image.shape[1:], repeats))
        yield Cell(encode_png(half), "half of the copies", repeats.half.words)
        yield Cell(encode_png(alone[repeats.best]), "one copy", repeats.alone[repeats.best].words)


def _draw_map(image: np.ndarray, item: EliteAblation) -> bytes:
    """Draw what each tile is worth over an image: a PNG. Orange is missed, blue does harm."""
    scale = SIDE / max(image.shape[1:])
    size = round(image.shape[2] * scale), round(image.shape[1] * scale)
    drops = item.saved.log_odds - np.array([[s.log_odds for s in row] for row in item.tiles])
    shares = np.clip(drops / max(drops.max(), -drops.min(), LEAST_RANGE), -1, 1)
    inks = np.where(shares[..., None] > 0, MISSED, HARMFUL)
    colours = np.dstack([inks, (217 * abs(shares)).round()]).astype(np.uint8)
    grey = Image.fromarray((255 - (255 - image.mean(0)) * 0.45).astype(np.uint8))
    drawn = grey.resize(size, Image.Resampling.NEAREST).convert("RGBA")
    drawn.alpha_composite(Image.fromarray(colours).resize(size, Image.Resampling.NEAREST))
    return encode_png(from_pillow(drawn.convert("RGB")))
