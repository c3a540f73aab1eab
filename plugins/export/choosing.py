"""Which images of which runs: the elites, or also those that they replaced."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neatfool import ExperimentError, RunError, distinct_elites
from neatfool.present import evenly
from neatfool.wording import slug

if TYPE_CHECKING:
    from neatfool import Run


@dataclass(frozen=True)
class Source:
    """A run, its name among the exported ones (``"imagenet-1"``), and a digest of its search."""

    run: Run
    key: str
    digest: str


@dataclass(frozen=True)
class Choice:
    """A candidate whose image is exported, for a class whose niche it held, or still holds."""

    source: Source
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


def name_sources(runs: Iterable[Run]) -> list[Source]:
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
        Source(run, key if keys[key] == 1 else f"{key}-{digest[:6]}", digest)
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
    sources: Sequence[Source],
    *,
    least: float,
    classes: Sequence[str] = (),
    per_class: int | None = None,
    images: int | None = None,
    all_replaced: bool = False,
    distinct: int | None = None,
) -> list[Choice]:
    """Choose images, in the order of their classes; the elites, unless the options say otherwise.

    With ``per_class``, as equally many from each run as can be, spread over its history; with
    ``images``, as equally many of each class as can be; with ``distinct``, so many of
    those, images that are unlike each other.
    """
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
        Choice(source, index, candidate, elite=(index, candidate) in holding)
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
