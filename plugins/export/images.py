"""Chooses images of runs, the elites or also those that they replaced; draws and scores them."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
import torch

from neatfool import (
    ExperimentError,
    Run,
    RunError,
    Scorer,
    VerificationError,
    decode_png,
    distinct_elites,
    encode_png,
    fit_images,
    open_scorer,
)
from neatfool.present import evenly
from neatfool.wording import slug

from .folder import ExportFolder, ImageRecord

AT_A_TIME: Final = 64
"""So many images, at least, are drawn and scored together; a kill loses no more."""
TOLERANCE: Final = 1e-4
"""So far may a confidence be from the recorded one: processors round differently."""
LARGE_AT_A_TIME: Final = 8
"""The same for images of another size: one may take seconds to draw."""


@dataclass(frozen=True)
class SourceRun:
    """A run, its name among the exported ones (``"imagenet-1"``), and a digest of its search."""

    run: Run
    key: str
    digest: str


@dataclass(frozen=True)
class ImageChoice:
    """A candidate whose image is exported, for a class whose niche it held, or still holds."""

    source: SourceRun
    index: int
    candidate: int
    elite: bool

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.source.run.classes[self.index]

    @property
    def file(self) -> str:
        """The image's file in the folder: ``"images/007-school-bus/imagenet-1-812.png"``."""
        number = str(self.index).zfill(len(str(len(self.source.run.classes) - 1)))
        words = slug(self.name)
        place = f"{number}-{words}" if words and words != number else number
        return f"images/{place}/{self.source.key}-{self.candidate}.png"


def name_sources(runs: Iterable[Run]) -> list[SourceRun]:
    """Name runs, in an order that does not depend on where they lie."""
    found: dict[str, tuple[str, Run]] = {}
    for run in runs:
        facts = [run.info["identity"], run.info["target"]["fingerprint"], run.name]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        if digest in found:
            raise ExperimentError(
                f"{run.path}: is the same search as {found[digest][1].path}, perhaps longer or "
                "shorter, so they share images; leave one of them out"
            )
        found[digest] = f"{slug(run.name) or 'run'}-{run.seed}", run
    keys = Counter(key for key, _ in found.values())
    sources = [
        SourceRun(run, key if keys[key] == 1 else f"{key}-{digest[:6]}", digest)
        for digest, (key, run) in found.items()
    ]
    first = sources[0].run
    for source in sources[1:]:
        if source.run.classes != first.classes:
            raise ExperimentError(
                f"{source.run.path}: has other classes than {first.path}, so their numbers would "
                "mean different things in one list; export them into a folder each"
            )
    return sorted(sources, key=lambda source: (source.run.name, source.run.seed, source.key))


def choose(
    sources: Sequence[SourceRun],
    *,
    least: float,
    classes: Sequence[str] = (),
    per_class: int | None = None,
    images: int | None = None,
    all_replaced: bool = False,
    distinct: int | None = None,
) -> list[ImageChoice]:
    """Choose images by class; the elites, unless the options say otherwise."""
    held: list[dict[int, list[int]]] = [defaultdict(list) for _ in sources]
    for source, of_run in zip(sources, held, strict=True):
        for index, candidate, _ in source.run.holders(least):
            of_run[index].append(candidate)
    elites = [{(e.index, e.candidate_id) for e in source.run.elites} for source in sources]
    spec = sources[0].run.spec
    named = [spec.class_index(name) for name in classes] or range(len(spec.classes))
    lines = {index: [each.get(index, []) for each in held] for index in sorted({*named})}
    available = [sum(map(len, of_class)) for of_class in lines.values()]
    if images is not None:
        counts = deal(images, available)
    elif per_class is not None:
        counts = [min(per_class, number) for number in available]
    elif all_replaced:
        counts = available
    else:  # the elite of each run that has one
        counts = [sum(map(bool, of_class)) for of_class in lines.values()]
    chosen = [
        ImageChoice(source, index, candidate, elite=(index, candidate) in holding)
        for (index, of_class), count in zip(lines.items(), counts, strict=True)
        for source, line, number, holding in zip(
            sources, of_class, deal(count, [*map(len, of_class)], first=index), elites, strict=True
        )
        for candidate in spread(line, number)
    ]
    if not chosen:
        where = str(sources[0].run.path)
        if len(sources) > 1:
            where += f" and {len(sources) - 1} more"
        sure = [elite.confidence for source in sources for elite in source.run.elites]
        if not sure:
            raise RunError(f"{where}: no elites yet; let the run go on for a while")
        raise RunError(
            f"{where}: no image of these classes has a confidence of {least:g} or more; the "
            f"highest of all is {max(sure):.4g}: give a lower --least"
        )
    if distinct is None:
        return chosen
    views = {c.source.run.holder(c.index, c.candidate): c for c in chosen}
    return [views[view] for view in distinct_elites([*views], distinct)]


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


class ExportSettings(NamedTuple):
    """How images are exported; see the options of these names."""

    least: float
    size: int | None
    verify: bool
    licence: str

    def accepts(self, made: ImageRecord) -> bool:
        """Say whether an image scored what it should."""
        if not self.verify:
            return True
        if made.measured is None:
            return False
        if self.size is not None:
            return made.measured >= self.least
        return abs(made.measured - made.confidence) <= TOLERANCE


def make(
    choices: Sequence[ImageChoice],
    place: ExportFolder,
    settings: ExportSettings,
    max_queries: int | None,
    note: Callable[[str, int], None],
) -> list[ImageRecord]:
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
                    scorer = open_scorer(
                        source.run, views=True, max_queries=max_queries, images=len(missing)
                    )
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


def _token(choice: ImageChoice, settings: ExportSettings) -> str:
    facts = [choice.source.digest, choice.file, choice.elite, *settings[1:]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _make_batch(
    batch: Sequence[ImageChoice],
    scorer: Scorer | None,
    place: ExportFolder,
    settings: ExportSettings,
) -> dict[ImageChoice, ImageRecord]:
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
        drawn[choice] = ImageRecord(
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
