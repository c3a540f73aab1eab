"""Chooses images of runs, the elites or also those that they replaced; draws and scores them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from pydantic import Field

from neatfool import ExperimentError, Run, RunError, Scorer, open_scorer
from neatfool.present import Facts, evenly, save
from neatfool.wording import slug

AT_A_TIME: Final = 64
"""So many images, at least, are scored together."""
TOLERANCE: Final = 1e-4
"""So far may a confidence be from the recorded one: processors round differently."""


class ImageRecord(Facts):
    """An image of a data set: a row of its table."""

    file_name: str = Field(description="its file in the folder")
    name: str = Field(serialization_alias="class", description="its class")
    index: int = Field(description="the index of the class")
    confidence: float = Field(description="the recorded confidence")
    rank: float = Field(description="the recorded rank")
    measured: float | None = Field(
        description="the confidence when it was scored again; null without a usable score"
    )
    run: str = Field(description="its run, as in the names of files")
    seed: int = Field(description="the run's seed")
    generation: int = Field(description="the generation that it was bred in")
    genome: int = Field(description="its number in the run")
    elite: bool = Field(description="whether it is an elite still")

    @property
    def agrees(self) -> bool:
        """Whether it scored what its run recorded."""
        return self.measured is not None and abs(self.measured - self.confidence) <= TOLERANCE


@dataclass(frozen=True)
class SourceRun:
    """A run, and its name among the exported ones: ``"imagenet-1"``."""

    run: Run
    key: str


@dataclass(frozen=True)
class ImageChoice:
    """A candidate whose image is exported, for a class whose niche it held, or still holds."""

    source: SourceRun
    index: int
    candidate: int
    elite: bool

    @property
    def file(self) -> str:
        """The image's file in the folder: ``"images/007-school-bus/imagenet-1-812.png"``."""
        classes = self.source.run.classes
        number, words = str(self.index).zfill(len(str(len(classes) - 1))), slug(classes[self.index])
        place = f"{number}-{words}" if words and words != number else number
        return f"images/{place}/{self.source.key}-{self.candidate}.png"


def name_sources(runs: Iterable[Run]) -> list[SourceRun]:
    """Name runs, in an order that does not depend on where they lie."""
    named: dict[str, SourceRun] = {}
    for run in sorted(runs, key=lambda run: (run.name, run.seed)):
        key = f"{slug(run.name) or 'run'}-{run.seed}"
        if key in named:
            raise ExperimentError(
                f"{run.path}: has the name and the seed of {named[key].run.path}, so it may be the "
                "same search; leave one of them out"
            )
        named[key] = SourceRun(run, key)
        first = next(iter(named.values())).run
        if run.classes != first.classes:
            raise ExperimentError(
                f"{run.path}: has other classes than {first.path}, so their numbers would "
                "mean different things in one list; export them into a folder each"
            )
    return [*named.values()]


def choose(
    sources: Sequence[SourceRun],
    *,
    least: float,
    classes: Sequence[str] = (),
    images: int | None = None,
) -> list[ImageChoice]:
    """Choose images by class: the elites, or so many ``images`` of all that ever held a niche."""
    spec = sources[0].run.spec
    named = [spec.class_index(name) for name in classes] or range(len(spec.classes))
    held: dict[int, list[list[int]]] = {index: [[] for _ in sources] for index in sorted({*named})}
    for place, source in enumerate(sources):
        for index, candidate, _ in source.run.holders(least):
            if index in held:
                held[index][place].append(candidate)
    if images is None:  # the elite of each run that has one
        counts = [sum(map(bool, of_class)) for of_class in held.values()]
    else:
        counts = deal(images, [sum(map(len, of_class)) for of_class in held.values()])
    chosen = [
        ImageChoice(source, index, candidate, elite=candidate == line[-1])
        for (index, of_class), count in zip(held.items(), counts, strict=True)
        for source, line, number in zip(
            sources, of_class, deal(count, [*map(len, of_class)], first=index), strict=True
        )
        for candidate in spread(line, number)
    ]
    if not chosen:
        raise RunError(
            f"{sources[0].run.path}: no image of these classes has a confidence of {least:g} or "
            "more; give a lower --least, or let the run go on for a while"
        )
    return chosen


def deal(total: int, available: Sequence[int], first: int = 0) -> list[int]:
    """Deal things out, one to each place in turn from ``first`` on, as far as it has room."""
    places = len(available)
    turns = sorted(
        (turn, (place - first) % places, place)
        for place, room in enumerate(available)
        for turn in range(room)
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
    for source in dict.fromkeys(choice.source for choice in choices):
        of_run = [choice for choice in choices if choice.source is source]
        with ExitStack() as ending:
            scorer, step = None, AT_A_TIME
            if verify:
                scorer = ending.enter_context(_open(source.run, len(choices), max_queries))
                step = -(-step // scorer.batch_size) * scorer.batch_size
            for start in range(0, len(of_run), step):
                batch = of_run[start : start + step]
                records |= zip(batch, _make(batch, scorer, folder), strict=True)
                note(source.key, len(batch))
    return [records[choice] for choice in choices]


def _open(run: Run, images: int, max_queries: int | None) -> closing[Scorer]:
    try:
        scorer = open_scorer(run, views=True, max_queries=max_queries, images=images)
    except RunError as error:
        raise RunError(f"{error}; or leave the check out: --no-verify") from error
    scorer.check_allowed(images * scorer.views, max_queries)
    return closing(scorer)


def _make(batch: Sequence[ImageChoice], scorer: Scorer | None, folder: Path) -> list[ImageRecord]:
    holders = [each.source.run.holder(each.index, each.candidate) for each in batch]
    measured: list[float | None] = [None] * len(batch)
    if scorer is not None:
        images = np.stack([holder.saved_pixels() for holder in holders])
        scores = scorer.score(torch.from_numpy(images))
        usable = np.ones(len(batch), bool) if scores.ok is None else np.asarray(scores.ok)
        for place, choice in enumerate(batch):
            if usable[place] and choice.index < scores.probs.shape[1]:
                measured[place] = float(scores.probs[place, choice.index])
    records = []
    for choice, holder, sure in zip(batch, holders, measured, strict=True):
        save(folder / choice.file, holder.png, within=folder)
        records.append(
            ImageRecord(
                file_name=choice.file,
                name=choice.source.run.classes[choice.index],
                index=choice.index,
                confidence=holder.confidence,
                rank=holder.rank,
                measured=sure,
                run=choice.source.key,
                seed=choice.source.run.seed,
                generation=holder.generation,
                genome=choice.candidate,
                elite=choice.elite,
            )
        )
    return records
