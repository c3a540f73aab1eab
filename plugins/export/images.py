"""Chooses images of runs, the elites or also those that they replaced; draws and scores them."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from pydantic import Field

from neatfool import ExperimentError, Run, RunError, Scorer, open_scorer
from neatfool.measure import batch_slices
from neatfool.present import Facts, evenly, save
from neatfool.wording import slug

TOLERANCE: Final = 1e-4
"""So far may a score be from the recorded one: processors round differently."""
LEAST: Final = 0.5
"""The least confidence, unless another is given; an objective's scores may be any numbers."""


class ImageRecord(Facts):
    """An image of a data set: a row of its table."""

    file_name: str
    """its file in the folder"""
    name: str = Field(serialization_alias="class")
    """its class"""
    index: int
    """the index of the class"""
    score: float = Field(serialization_alias="confidence")
    """the recorded confidence, or score in an objective"""
    rank: float
    """the recorded rank"""
    measured: float | None
    """the score when it was scored again; null without a usable score"""
    run: str
    """its run, as in the names of files"""
    seed: int
    """the run's seed"""
    generation: int
    """the generation that it was bred in"""
    genome: int
    """its number in the run"""
    elite: bool
    """whether it is an elite still"""

    @property
    def agrees(self) -> bool:
        """Whether it scored what its run recorded."""
        if self.measured is None:
            return False
        return abs(self.measured - self.score) <= TOLERANCE * max(1.0, abs(self.score))


@dataclass(frozen=True)
class ImageChoice:
    """A candidate whose image is exported, for a class whose niche it held, or still holds."""

    key: str
    run: Run
    index: int
    candidate: int
    elite: bool

    @property
    def file(self) -> str:
        """The image's file in the folder: ``"images/007-school-bus/imagenet-1-812.png"``."""
        classes = self.run.classes
        number, words = str(self.index).zfill(len(str(len(classes) - 1))), slug(classes[self.index])
        place = f"{number}-{words}" if words and words != number else number
        return f"images/{place}/{self.key}-{self.candidate}.png"


def name_runs(runs: Iterable[Run]) -> dict[str, Run]:
    """Name runs, as ``"imagenet-1"``, in an order that does not depend on where they lie."""
    named: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: (run.name, run.seed)):
        key = f"{slug(run.name) or 'run'}-{run.seed}"
        if key in named:
            raise ExperimentError(
                f"{run.path}: has the name and the seed of {named[key].path}, so it may be the "
                "same search; leave one of them out"
            )
        named[key] = run
        first = next(iter(named.values()))
        if run.classes != first.classes:
            raise ExperimentError(
                f"{run.path}: has other classes than {first.path}, so their numbers would "
                "mean different things in one list; export them into a folder each"
            )
    return named


def choose(
    runs: Mapping[str, Run],
    *,
    least: float | None,
    classes: Sequence[str] = (),
    images: int | None = None,
) -> list[ImageChoice]:
    """Choose images by class: the elites, or so many ``images`` of all that ever held a niche."""
    first = next(iter(runs.values()))
    if least is None:
        least = -math.inf if first.spec.is_objective else LEAST
    named = [first.spec.class_index(name) for name in classes] or range(len(first.classes))
    held: dict[int, list[list[int]]] = {index: [[] for _ in runs] for index in sorted({*named})}
    for place, run in enumerate(runs.values()):
        for index, candidate, _ in run.holders(least):
            if index in held:
                held[index][place].append(candidate)
    if images is None:  # the elite of each run that has one
        counts = [sum(map(bool, of_class)) for of_class in held.values()]
    else:
        counts = deal(images, [sum(map(len, of_class)) for of_class in held.values()])
    chosen = [
        ImageChoice(key, run, index, candidate, elite=candidate == line[-1])
        for (index, of_class), count in zip(held.items(), counts, strict=True)
        for (key, run), line, number in zip(
            runs.items(), of_class, deal(count, [*map(len, of_class)], first=index), strict=True
        )
        for candidate in spread(line, number)
    ]
    if not chosen:
        raise RunError(
            f"{first.path}: no image has a {first.spec.score_name} of {least:g} or more; give a "
            "lower --least, or let the run go on for a while"
        )
    return chosen


def deal(total: int, available: Sequence[int], first: int = 0) -> list[int]:
    """Deal things out, one to each place in turn from ``first`` on, as far as it has space."""
    places = len(available)
    turns = sorted(
        (turn, (place - first) % places, place)
        for place, space in enumerate(available)
        for turn in range(space)
    )
    dealt = Counter(place for *_, place in turns[:total])
    return [dealt[place] for place in range(places)]


def spread(line: list[int], count: int) -> list[int]:
    """Choose from a line, at equal distances: the last, and if there are more also the first."""
    return [line[place] for place in evenly(len(line), count)] if count > 1 else line[-1:] * count


def draw_and_score(
    choices: Sequence[ImageChoice],
    folder: Path,
    *,
    verify: bool,
    max_queries: int | None,
    note: Callable[[str, int], None],
) -> list[ImageRecord]:
    """Write images into a folder, and score each on the target of its run, if ``verify``."""
    records: dict[ImageChoice, ImageRecord] = {}
    for run in dict.fromkeys(choice.run for choice in choices):
        of_run = [choice for choice in choices if choice.run is run]
        with ExitStack() as ending:
            scorer, parts = None, batch_slices(len(of_run))
            if verify:
                scorer = ending.enter_context(_open(run, len(choices), max_queries))
                parts = batch_slices(len(of_run), scorer)
            for part in parts:
                records |= zip(of_run[part], _make(of_run[part], scorer, folder), strict=True)
                note(of_run[0].key, len(of_run[part]))
    return [records[choice] for choice in choices]


def _open(run: Run, images: int, max_queries: int | None) -> Scorer:
    try:
        scorer = open_scorer(run, views=True, max_queries=max_queries, images=images)
    except RunError as error:
        raise RunError(f"{error}; or leave the check out: --no-verify") from error
    scorer.check_allowed(images * scorer.views, max_queries)
    return scorer


def _make(batch: Sequence[ImageChoice], scorer: Scorer | None, folder: Path) -> list[ImageRecord]:
    holders = [each.run.holder(each.index, each.candidate) for each in batch]
    measured: list[float | None] = [None] * len(batch)
    if scorer is not None:
        scores = scorer.score(torch.from_numpy(np.stack([each.saved_pixels() for each in holders])))
        for place, (choice, ok) in enumerate(zip(batch, np.asarray(scores.ok), strict=True)):
            if ok and choice.index < scores.probs.shape[1]:
                measured[place] = float(scores.probs[place, choice.index])
    records = []
    for choice, holder, sure in zip(batch, holders, measured, strict=True):
        save(folder / choice.file, holder.png, within=folder)
        records.append(
            ImageRecord(
                file_name=choice.file,
                name=choice.run.classes[choice.index],
                index=choice.index,
                score=holder.score,
                rank=holder.rank,
                measured=sure,
                run=choice.key,
                seed=choice.run.seed,
                generation=holder.generation,
                genome=choice.candidate,
                elite=choice.elite,
            )
        )
    return records
